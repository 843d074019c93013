//! Strange names and values: each is kept unchanged or refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::load_text;
use crate::inventory::{Overrides, Sources, load};
use crate::model::Via;

/// Texts with many characters that are difficult to quote.
fn strange() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        proptest::collection::vec(
            prop_oneof![
                Just("'"),
                Just("\""),
                Just("\\"),
                Just("\n"),
                Just("$"),
                Just("`"),
                Just("-"),
                Just("\0"),
                Just(" "),
                Just("#"),
                Just(";"),
                Just("="),
                Just("["),
                Just("]"),
                Just(":"),
                Just(","),
                Just("!"),
                Just("&"),
                Just("~"),
                Just("é"),
                Just("a"),
                Just("{"),
                Just("}"),
                Just("%"),
                Just("\r"),
                Just("\u{2028}"),
                Just("1"),
                Just("*"),
            ],
            0..12
        )
        .prop_map(|parts| parts.concat()),
    ]
}

proptest! {
    #![proptest_config(crate::generation::config(256, file!()))]

    #[test]
    fn values_are_kept_unchanged(value in strange()) {
        // Templates are different: see the next test.
        prop_assume!(!["{{", "{%", "{#"].iter().any(|open| value.contains(open)));
        let toml = format!("[hosts.h]\nvars = {{ v = {} }}\n", toml::Value::String(value.clone()));
        // The TOML crate and the inventory's TOML reader agree on the text.
        let expected: toml::Value = toml::from_str(&toml).unwrap();
        let expected = expected["hosts"]["h"]["vars"]["v"].as_str().unwrap().to_owned();
        prop_assert_eq!(&expected, &value);
        let yaml = format!("all: {{hosts: {{h: {{v: {}}}}}}}\n", json!(value));
        for (file, text) in [("hosts.toml", toml), ("hosts.yml", yaml)] {
            if file == "hosts.toml" && value.trim_start().starts_with("$ANSIBLE_VAULT;") {
                continue;
            }
            // Some characters are not allowed in YAML at all: then the file is refused.
            if let Ok(inventory) = load_text(file, &text) {
                let host = inventory.host("h").unwrap();
                let expected = Some(Value::String(value.clone()));
                prop_assert_eq!(inventory.var(host, "v").unwrap(), expected, "{}", file);
            } else {
                prop_assert_eq!(file, "hosts.yml");
            }
        }
    }

    #[test]
    fn no_text_in_an_inventory_causes_a_panic(text in strange(), pattern in strange()) {
        for file in ["hosts", "hosts.ini", "hosts.yml", "hosts.toml"] {
            let Ok(inventory) = load_text(file, &text) else { continue };
            for host in inventory.hosts() {
                let _ = inventory.show(host);
                let _ = inventory.connection(host, &Overrides::default());
            }
            let _ = inventory.select(&pattern);
        }
        let inventory = load_text("hosts", "[web]\nweb1\nweb2\n").unwrap();
        let _ = inventory.select(&pattern);
        let _ = inventory.limited(&pattern);
    }

    #[test]
    fn no_name_becomes_an_option(name in strange()) {
        let toml = format!("[hosts.h]\naddress = {0}\nuser = {0}\n", toml::Value::String(name.clone()));
        let inventory = load_text("hosts.toml", &toml);
        let Ok(inventory) = inventory else { return Ok(()) };
        if let Ok(connection) = inventory.connection(inventory.host("h").unwrap(), &Overrides::default()) {
            prop_assert_eq!(connection.via, Via::Ssh);
            for word in [connection.address, connection.user.unwrap_or_default()] {
                prop_assert!(!word.starts_with('-'));
                let is_special = |c: char| {
                    c.is_whitespace() || c.is_control() || "'\"`$;&|<>(){}\\".contains(c)
                };
                prop_assert!(!word.contains(is_special), "{:?}", word);
            }
        }
        let named = load(&Sources { paths: vec![format!("{name},").into()], ..Sources::default() });
        for host in named.iter().flat_map(super::super::inventory::Inventory::hosts) {
            prop_assert!(!host.name.starts_with('-'));
            prop_assert!(!host.name.contains(|c: char| c.is_whitespace() || c.is_control()));
        }
    }
}

#[test]
fn a_megabyte_is_a_value_like_any_other() {
    let long = "x".repeat(1 << 20);
    for (file, text) in [
        (
            "hosts.toml",
            format!("[hosts.h]\nvars = {{ v = \"{long}\" }}\n"),
        ),
        (
            "hosts.yml",
            format!("all: {{hosts: {{h: {{v: {long}}}}}}}\n"),
        ),
        ("hosts", format!("h v={long}\n")),
    ] {
        let inventory = load_text(file, &text).unwrap();
        let host = inventory.host("h").unwrap();
        assert_eq!(
            inventory.var(host, "v").unwrap(),
            Some(Value::String(long.clone())),
            "{file}"
        );
    }
    let error = load_text("hosts", &format!("{long}\n")).unwrap_err();
    assert!(
        error.to_string().contains("is longer than 1024 bytes"),
        "{:.100}",
        error.to_string()
    );
}

#[test]
fn extra_variables_win_over_all_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hosts");
    std::fs::write(&path, "h v=host\n").unwrap();
    let extra_vars = [("v".to_owned(), json!("said {{ inventory_hostname }}"))]
        .into_iter()
        .collect();
    let inventory = load(&Sources {
        paths: vec![path],
        extra_vars,
        ..Sources::default()
    })
    .unwrap();
    let host = inventory.host("h").unwrap();
    assert_eq!(inventory.var(host, "v").unwrap(), Some(json!("said h")));
    assert_eq!(
        host.var("v").unwrap().origin.to_string(),
        "the command line"
    );
}

#[test]
fn variables_have_an_origin() {
    let inventory = load_text(
        "hosts.yml",
        "all:\n  vars:\n    a: 1\n  hosts:\n    h:\n      b: 2\n",
    )
    .unwrap();
    let host = inventory.host("h").unwrap();
    let line = |name: &str| host.var(name).unwrap().origin.line;
    assert_eq!((line("a"), line("b")), (Some(3), Some(6)));
    let inventory = load_text("hosts.toml", "[all]\nuser = 'x'\n[hosts.h]\nvars.a = 1\n").unwrap();
    let host = inventory.host("h").unwrap();
    let line = |name: &str| host.var(name).unwrap().origin.line;
    assert_eq!((line("ansible_user"), line("a")), (Some(2), Some(4)));
}
