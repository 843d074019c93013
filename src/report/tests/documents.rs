//! The documented schema against the code.

const SOURCE: &str = include_str!("../../model/event.rs");
const DOCUMENT: &str = include_str!("../../../docs/events.md");

/// The kinds in the source with the names of their fields.
fn kinds() -> Vec<(String, Vec<String>)> {
    let body = SOURCE
        .split("pub enum Kind {")
        .nth(1)
        .and_then(|rest| rest.split("\n}").next())
        .expect("the enum");
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    for line in body
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
    {
        if let Some(name) = line.strip_prefix("#[serde(rename = \"") {
            kinds.push((name.trim_end_matches("\")]").to_owned(), Vec::new()));
            continue;
        }
        if line.starts_with("Other") {
            break;
        }
        let line = line.split_once('{').map_or(line, |(_, fields)| fields);
        for field in line.split(", ").filter_map(|field| field.split_once(": ")) {
            let name = field.0.trim();
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                kinds
                    .last_mut()
                    .expect("a field is in a kind")
                    .1
                    .push(name.to_owned());
            }
        }
    }
    kinds
}

#[test]
fn every_kind_and_field_is_documented() {
    let kinds = kinds();
    assert!(kinds.len() >= 13, "{kinds:?}");
    assert!(
        kinds.iter().any(|(kind, fields)| kind == "run.finished"
            && fields == &["totals", "hosts", "exit_code", "failure"]),
        "{kinds:?}"
    );
    for (kind, fields) in kinds {
        assert!(
            SOURCE.contains(&format!("=> \"{kind}\"")),
            "Kind::name does not know `{kind}`"
        );
        let section = DOCUMENT.split(&format!("\n### `{kind}`\n")).nth(1);
        let section =
            section.unwrap_or_else(|| panic!("docs/events.md has no section for `{kind}`"));
        let section = section.split("\n#").next().unwrap_or_default();
        for field in fields {
            assert!(
                section.contains(&format!("`{field}`")),
                "docs/events.md does not describe `{field}` of `{kind}`"
            );
        }
    }
}

#[test]
fn every_common_field_is_documented() {
    let body = SOURCE
        .split("pub struct Event {")
        .nth(1)
        .and_then(|rest| rest.split("\n}").next())
        .expect("the struct");
    for field in body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'))
        .map(|(name, _)| name)
    {
        assert!(
            DOCUMENT.contains(&format!("| `{field}` |")),
            "docs/events.md does not describe `{field}`"
        );
    }
}
