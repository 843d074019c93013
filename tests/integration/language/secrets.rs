//! `secret(...)`: its sources, and that nothing shows it.

use std::path::Path;

use base64::Engine as _;

use super::local;
use crate::ops::Ops;

const SECRET: &str = "corr3ct h'orse\"battery/9";

/// Returns the content of all files below a directory as one text.
fn everything(dir: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(dir).expect("the directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.push_str(&everything(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            all.push_str(&String::from_utf8_lossy(&bytes));
        }
        all.push_str(&format!("\n{}\n", path.display()));
    }
    all
}

/// The forms in which it must not appear.
fn forms() -> Vec<String> {
    let base64 = base64::engine::general_purpose::STANDARD.encode(SECRET);
    vec![
        SECRET.to_owned(),
        base64,
        SECRET.replace('\'', r"'\''"),
        SECRET.replace('"', "\\\""),
        "corr3ct%20h%27orse%22battery%2F9".to_owned(),
        "corr3ct".to_owned(),
    ]
}

#[track_caller]
fn assert_hidden(ops: &Ops, code: i32) {
    let ran = ops.run().code(code);
    let kept = everything(&ops.state());
    assert!(kept.contains("journal.jsonl"), "{kept}");
    for form in forms() {
        assert!(!ran.stdout.contains(&form), "{form} in stdout\n{ran}");
        assert!(!ran.stderr.contains(&form), "{form} in stderr\n{ran}");
        assert!(!kept.contains(&form), "{form} in the stored run\n{kept}");
    }
    assert!(ran.stdout.contains("[secret]"), "{ran}");
}

const SHOWS: &str = r#"
    let it = secret(#{ env: "TOKEN" });
    print(it);
    debug(it);
    log::warn(`it is ${it}`);
    each(hosts("all"), |h| {
        let root = h.vars.root;
        h.run("echo " + quote(it) + "; echo " + quote(it) + " | base64 >&2");
        h.run(["printf", "%s", it]);
        h.run("s=" + quote(it) + "; printf %s \"$s\" | cut -c1-9 | tr -d '\\n'; sleep 0.1; printf '%s\\n' \"$s\" | cut -c10-");
        h.run("echo 'corr3ct%20h%27orse%22battery%2F9'", #{ env: #{ TOKEN: it } });
        h.run("head -c 16378 /dev/zero | tr '\\0' x; echo " + quote(it));
        h.run("printf '%s' 'a command that goes on for so long that it is cut: '; : " + quote(it));
        h.apply([
            files::file(root + "/plain", `token = ${it}\n`),
            files::line(root + "/plain", "second " + it),
            commands::run("echo " + quote(it)),
        ]);
        print(h.read(root + "/plain"));
        try { h.run("echo " + quote(it) + " >&2; exit 3"); } catch (e) { print(`${e.stderr} ${e.command}`); }
        h.run("head -c 4080 /dev/zero | tr '\\0' x >&2; echo " + quote(it) + " >&2; exit 3");
    });
"#;

#[test]
fn is_not_visible_anywhere() {
    for args in [
        &["--diff", "-v"][..],
        &["--output", "json", "-vv"],
        &["--diff", "-vvv"],
        &[],
    ] {
        assert_hidden(&local(2).env("TOKEN", SECRET).playbook(SHOWS).args(args), 3);
    }
}

#[test]
fn arrives_on_the_host() {
    let ops = local(1).env("TOKEN", SECRET).playbook(
        r#"each(hosts("all"), |h| h.apply(files::file(h.vars.root + "/token", secret(#{ env: "TOKEN" }))));"#,
    );
    ops.run().ok();
    assert_eq!(super::text(&ops, "h1", "token"), SECRET);
}

#[test]
fn comes_from_the_given_source() {
    for source in [
        r#"#{ env: "TOKEN" }"#,
        r#"#{ file: "token.txt" }"#,
        r#"#{ command: "cat token.txt" }"#,
        r#"#{ command: ["cat", "token.txt"] }"#,
        r#"#{ value: env("TOKEN") }"#,
    ] {
        let ops = local(1)
            .env("TOKEN", SECRET)
            .file("token.txt", format!("{SECRET}\n"))
            .playbook(&format!(
                "let s = secret({source}); print(`${{s.len()}} ${{s}}`);"
            ));
        ops.run().ok().stdout_has("24 [secret]");
    }
}

#[test]
fn names_a_source_without_a_secret() {
    for (source, said) in [
        (r#"#{ env: "MISSING" }"#, "`MISSING`"),
        (r#"#{ file: "missing.txt" }"#, "missing.txt"),
        (r#"#{ command: "exit 4" }"#, "failed to print the secret"),
        (r#"#{ command: "true" }"#, "too short"),
        (r#"#{ value: "12345" }"#, "too short"),
        (r#"#{ prompt: "the token" }"#, "not a terminal"),
        (r#"#{ env: "A", file: "b" }"#, "one option"),
        ("#{}", "one option"),
    ] {
        let ran = local(1).playbook(&format!("secret({source});")).run();
        assert_eq!(ran.exit_code(), Some(3), "{ran}");
        assert!(ran.stderr.contains(said), "{said}\n{ran}");
    }
}
