//! The messages for a wrong inventory.

use std::os::unix::fs::PermissionsExt;

use super::{data, load_text, read_json};
use crate::inventory::{Sources, VaultPasswordFile, load};

#[test]
fn mistakes_are_reported_with_their_location() {
    let cases = read_json(&data("errors/cases.json"));
    for case in cases.as_array().unwrap() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(case["file"].as_str().unwrap());
        std::fs::write(&path, case["text"].as_str().unwrap()).unwrap();
        if path.extension().is_some_and(|extension| extension == "sh") {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let result = load(&Sources {
            paths: vec![path],
            ..Sources::default()
        });
        let error = result.expect_err(&case["text"].to_string());
        let shown = error
            .to_string()
            .replace(&format!("{}/", dir.path().display()), "");
        assert_eq!(shown, case["error"].as_str().unwrap(), "{}", case["text"]);
        if let Some(hint) = case["hint"].as_str() {
            assert_eq!(error.hint.as_deref(), Some(hint), "{}", case["text"]);
        }
    }
}

#[test]
fn an_unreadable_source_is_named() {
    let error = load(&Sources {
        paths: vec!["nosuch".into()],
        ..Sources::default()
    })
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("nosuch: cannot read the inventory"),
        "{error}"
    );
    assert_eq!(
        error.hint.as_deref(),
        Some("To pass a list of hosts, end it with a comma: -i nosuch,")
    );
}

#[test]
fn a_file_that_is_not_utf8_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hosts");
    std::fs::write(&path, b"web1\nweb2 name=\xff\n").unwrap();
    let error = load(&Sources {
        paths: vec![path.clone()],
        ..Sources::default()
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}:2: it is not UTF-8: byte 11 of the line is 0xff",
            path.display()
        )
    );
    let hint = format!(
        "Save it as UTF-8, e.g. with `iconv -f ISO-8859-1 -t UTF-8 {}`.",
        path.display()
    );
    assert_eq!(error.hint, Some(hint));
}

#[test]
fn a_file_with_variables_is_named_too() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("group_vars")).unwrap();
    std::fs::write(dir.path().join("hosts"), "web1\n").unwrap();
    let file = dir.path().join("group_vars/all.yml");
    let sources = Sources {
        paths: vec![dir.path().join("hosts")],
        ..Sources::default()
    };
    for (text, line) in [("a: 1\nb: [\n", 2), ("- a\n", 1)] {
        std::fs::write(&file, text).unwrap();
        let error = load(&sources).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("{}:{line}: ", file.display())),
            "{error}"
        );
    }
}

#[test]
fn patterns_that_select_nothing_are_errors() {
    let inventory = load_text("hosts", "[web]\nweb1\nweb2\n[empty]\n").unwrap();
    for (pattern, message, hint) in [
        (
            "wbe",
            "unknown host or group `wbe`",
            Some("Did you mean `web`?"),
        ),
        ("web:!web9", "unknown host or group `web9`", None),
        ("web:&db", "unknown host or group `db`", None),
        ("x*", "the pattern `x*` matches no hosts", None),
        (
            "empty",
            "the pattern `empty` matches no hosts",
            Some("The group `empty` exists but has no hosts."),
        ),
        (
            "web[",
            "the bracket in the pattern `web[` is never closed",
            None,
        ),
        (
            "web[5]",
            "the index of `web[5]` is out of range: 2 hosts match the part before the bracket",
            None,
        ),
        (" ", "the host pattern is empty", None),
    ] {
        let error = inventory.select(pattern).unwrap_err();
        assert_eq!(error.message, message);
        if hint.is_some() {
            assert_eq!(error.hint.as_deref(), hint);
        }
    }
}

#[test]
fn template_errors_have_the_location_of_the_template() {
    let text = "all:\n  hosts:\n    h:\n      db_host: x\n      a: '{{ db_hots }}'\n      \
                b: 'x{{ a }}'\n      c: \"{{ d }}\"\n      d: '{{ c }}'\n      \
                e: \"{{ lookup('pipe', 'X') }}\"\n      f: '{{ 1 | to_jsn }}'\n      \
                g: '{{ 1 +'\n      i: '{{ 1 + }}'\n      j: '{{ ansible_os_family }}'\n      \
                k: '{{ hostvars.nobody.x }}'\n      l: '{{ 1 is nosuch }}'\n      \
                m: '{{ 5 | mandatory }}'\n      o: \"{{ 'maybe' | bool }}\"\n      \
                p: [{q: '{{ nope }}'}]\n";
    let inventory = load_text("hosts.yml", text).unwrap();
    let host = inventory.host("h").unwrap().clone();
    for (name, line, at_fault, message, hint) in [
        (
            "a",
            5,
            "a",
            "`db_hots` is not defined",
            "Did you mean `db_host`?",
        ),
        (
            "b",
            5,
            "a",
            "`db_hots` is not defined",
            "Did you mean `db_host`?",
        ),
        ("c", 7, "c", "circular reference: `c` → `d` → `c`", ""),
        (
            "e",
            9,
            "e",
            "the lookup `pipe` is not available",
            "Only `env`, `file` and `vars` are.",
        ),
        (
            "f",
            10,
            "f",
            "unknown filter `to_jsn`",
            "Did you mean `to_json`?",
        ),
        ("g", 11, "g", "invalid template", ""),
        ("i", 12, "i", "invalid template", ""),
        (
            "j",
            13,
            "j",
            "`ansible_os_family` is not defined",
            "The inventory does not have the facts of a host",
        ),
        ("k", 14, "k", "is not defined", ""),
        ("l", 15, "l", "unknown test `nosuch`", ""),
        (
            "o",
            17,
            "o",
            "bool: the value is neither true nor false",
            "",
        ),
        ("p", 18, "p[0].q", "`nope` is not defined", ""),
    ] {
        let error = inventory.var(&host, name).expect_err(name);
        assert!(error.message.contains(message), "{name}: {error}");
        assert_eq!(error.name, at_fault, "{name}: {error}");
        assert!(
            error.hint.clone().unwrap_or_default().starts_with(hint),
            "{name}: {:?}",
            error.hint
        );
        assert_eq!(
            error.at.as_ref().and_then(|at| at.line),
            Some(line),
            "{name}: {error}"
        );
    }
    assert_eq!(inventory.var(&host, "m").unwrap(), Some(5.into()));
    assert_eq!(inventory.var(&host, "nosuch").unwrap(), None);
    let shown = inventory.show(&host);
    assert!(
        shown
            .iter()
            .any(|var| var.name == "db_host" && var.value.is_ok())
    );
}

#[test]
fn variables_that_double_do_not_exhaust_memory() {
    let mut text = String::from("h v0=xxxxxxxxxx\n[all:vars]\n");
    for level in 1..=45 {
        text += &format!(
            "v{level}={{{{ v{} }}}}{{{{ v{} }}}}\n",
            level - 1,
            level - 1
        );
    }
    let inventory = load_text("hosts", &text).unwrap();
    let host = inventory.host("h").unwrap().clone();
    assert!(inventory.var(&host, "v4").is_ok());
    assert!(inventory.var(&host, "v45").is_err());
}

#[test]
fn a_vault_opens_only_with_its_password() {
    let dir = data("corpus/vault");
    let sources = Sources {
        paths: vec![dir.join("hosts")],
        ..Sources::default()
    };
    let error = load(&sources).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("host_vars/v1.yml: encrypted, but no vault password was given"),
        "{error}"
    );
    assert!(error.hint.unwrap().contains("--vault-password-file"));

    let wrong = tempfile::tempdir().unwrap();
    let password = |name: &str, text: &str, mode: u32| {
        let path = wrong.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        VaultPasswordFile {
            label: None,
            path,
            named_at: None,
        }
    };
    let with = |passwords: Vec<VaultPasswordFile>| {
        load(&Sources {
            vault_passwords: passwords,
            ..sources.clone()
        })
    };
    let error = with(vec![password("wrong", "guess", 0o600)]).unwrap_err();
    assert!(
        error
            .message
            .starts_with("no vault password can decrypt the text"),
        "{error}"
    );
    let error = with(vec![password(
        "failing",
        "#!/bin/sh\necho locked >&2\nexit 1\n",
        0o700,
    )])
    .unwrap_err();
    assert!(
        error
            .message
            .contains("cannot get the vault password: the script failed with exit code 1"),
        "{error}"
    );
    assert!(error.message.contains("locked"), "{error}");

    let script = password("script", "#!/bin/sh\necho opensesame\n", 0o700);
    let inventory = with(vec![password("wrong", "guess", 0o600), script]).unwrap();
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = std::sync::Arc::clone(&heard);
    inventory.on_secret(move |secret, _| sink.lock().unwrap().push(secret.to_owned()));
    assert_eq!(*heard.lock().unwrap(), ["file secret", "one secret"]);
    let host = inventory.host("v1").unwrap();
    assert_eq!(
        inventory.var(host, "url").unwrap(),
        Some("postgres://s3cret pässword@db".into())
    );
    assert_eq!(
        inventory.secrets(),
        ["file secret", "one secret", "s3cret pässword"]
    );
    assert_eq!(*heard.lock().unwrap(), inventory.secrets());
    let shown = inventory.show(host);
    let secret: Vec<&str> = shown
        .iter()
        .filter(|var| var.secret)
        .map(|var| var.name.as_str())
        .collect();
    assert_eq!(
        secret,
        [
            "db_password",
            "labelled",
            "list",
            "templated",
            "url",
            "whole"
        ]
    );
}

#[test]
fn the_expansion_of_a_short_text_is_limited() {
    let ten = |name: &str| format!("[{}]", vec![name; 100].join(","));
    let values = format!(
        "all:\n  hosts:\n    h1:\n  vars:\n    a: &a {}\n    b: &b {}\n    c: &c {}\n    d: {}\n",
        ten("1"),
        ten("*a"),
        ten("*b"),
        ten("*c"),
    );
    let text = format!(
        "all:\n  hosts:\n    h1:\n  vars:\n    a: &a {}\n    b: &b {}\n    c: {}\n",
        "x".repeat(50_000),
        ten("*a"),
        ten("*b"),
    );
    for (text, error) in [
        (values, ":7: the aliases expand to more than 1000000 values"),
        (text, ":7: the aliases expand to more than 64 MiB of text"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts.yml");
        std::fs::write(&path, text).unwrap();
        let sources = Sources {
            paths: vec![path.clone()],
            ..Sources::default()
        };
        let shown = load(&sources).unwrap_err().to_string();
        assert_eq!(shown, format!("{}{error}", path.display()));
    }
    let endless = Sources {
        paths: vec!["/dev/zero".into()],
        ..Sources::default()
    };
    let shown = load(&endless).unwrap_err().to_string();
    assert_eq!(shown, "/dev/zero: the file is larger than 64 MiB");
}

#[test]
fn an_invalid_vault_text_is_refused_when_it_is_read() {
    let error = |text: &str| load_text("hosts.yml", text).unwrap_err();
    let value = "all:\n  hosts:\n    h:\n      x: !vault |\n        \
                 $ANSIBLE_VAULT;9.9;AES256\n        3132\n";
    for text in [value.to_owned(), value.replace("9.9;AES256", "1.1;AES")] {
        let found = error(&text);
        assert!(
            found.message.contains("unsupported vault format"),
            "{found}"
        );
        assert_eq!(found.at.and_then(|at| at.line), Some(5));
    }
    let found = error("\n$ANSIBLE_VAULT;1.1;AES256\n3132\n31xx\n3132\n");
    assert!(
        found.message.contains("the line is not hexadecimal"),
        "{found}"
    );
    assert_eq!(found.at.and_then(|at| at.line), Some(4));
}

#[test]
fn a_host_name_cannot_contain_a_comma() {
    let found = load_text("hosts", "[web]\na,b\n").unwrap_err();
    assert_eq!(found.message, "the host name \"a,b\" contains a comma");
    assert_eq!(found.at.and_then(|at| at.line), Some(2));
}

#[test]
fn check_finds_unsupported_settings_and_leaves_the_rest_to_the_run() {
    let inventory = load_text(
        "hosts",
        "[web]\na\nb\nc ansible_become_flags=-i\nd ansible_user='{{ unknown }}'\n\
         [web:vars]\nansible_become=yes\nansible_become_method=doas\n",
    )
    .unwrap();
    let hosts = inventory.select("all").unwrap();
    let found = inventory.unsupported(hosts.iter().map(AsRef::as_ref));
    let found: Vec<_> = found
        .iter()
        .map(|error| {
            (
                error.message.as_str(),
                error.at.as_ref().and_then(|at| at.line),
            )
        })
        .collect();
    assert_eq!(
        found,
        [(
            "`ansible_become_method` of host a is `doas`, which ops does not support",
            Some(8)
        )]
    );
}
