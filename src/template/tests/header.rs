//! The header of a template: allowed and refused settings.

use crate::template::{Compiled, header_lines};

fn rendered(text: &str) -> Result<String, String> {
    let vars = minijinja::context! { x => true };
    Compiled::new("t", text)
        .and_then(|template| template.render(&vars))
        .map_err(|error| error.to_string())
}

#[test]
fn applies_the_header() {
    let body = "a\n  {% if x %}\nb\n  {% endif %}\n";
    let with = |header: &str| rendered(&format!("{header}\n{body}")).expect("rendered");
    assert_eq!(rendered(body).expect("rendered"), "a\n  b\n  ");
    assert_eq!(with("#jinja2: trim_blocks: False"), "a\n  \nb\n  \n");
    assert_eq!(with("#jinja2:lstrip_blocks:True"), "a\nb\n");
    assert_eq!(
        with("#jinja2: trim_blocks: True, lstrip_blocks: True"),
        "a\nb\n"
    );
    assert_eq!(with("\u{feff}#jinja2: lstrip_blocks: True"), "a\nb\n");
    assert_eq!(
        rendered("#jinja2: keep_trailing_newline: False\r\na\n").expect("rendered"),
        "a"
    );
    assert_eq!(rendered("#jinja2: trim_blocks: True"), Ok(String::new()));
    assert_eq!(
        rendered("# jinja2 is fine\n").expect("rendered"),
        "# jinja2 is fine\n"
    );
    assert_eq!((header_lines(body), header_lines("#jinja2:\nx")), (0, 1));
}

#[test]
fn refuses_unsupported_settings_by_name() {
    for (header, said) in [
        (
            "#jinja2: variable_start_string: '[%'",
            "`variable_start_string` cannot be set here",
        ),
        (
            "#jinja2: trim_block: True",
            "`trim_block` cannot be set here",
        ),
        (
            "#jinja2: trim_blocks: maybe",
            "`trim_blocks` must be True or False, not `maybe`",
        ),
        ("#jinja2: trim_blocks", "`trim_blocks` has no value"),
    ] {
        let error = rendered(&format!("{header}\nx")).expect_err(header);
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn drops_a_byte_order_mark() {
    assert_eq!(rendered("\u{feff}a\n").expect("rendered"), "a\n");
}
