//! Whatever stands in a subject, a content, a command or a variable arrives byte for byte, or is refused by
//! name.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{local, text};
use crate::ops::Ops;

/// Texts that a shell, a template or a parser may stumble over.
fn odd() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("$HOME ${x} $(id)".to_owned()),
        Just("`id`".to_owned()),
        Just("\\".to_owned()),
        Just("--rm -rf".to_owned()),
        Just("-".to_owned()),
        Just("!{}*?[a]~#;&|<>".to_owned()),
        Just("\u{1b}[31m\u{7f}\u{1}".to_owned()),
        Just("日本é\u{202e}".to_owned()),
        Just("EOF\n.\n".to_owned()),
        "[ -~]{1,12}",
    ];
    proptest::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

/// A text as a literal of a playbook.
fn literal(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_ascii_graphic() || c == ' ' => out.push(c),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

#[test]
fn what_a_playbook_says_arrives() {
    let strategy = proptest::collection::vec((odd(), odd()), 12);
    let mut runner = TestRunner::new(crate::generation::config(6, file!()));
    runner
        .run(&strategy, |values| arrives(&values))
        .expect("every byte arrives");
}

fn arrives(values: &[(String, String)]) -> Result<(), TestCaseError> {
    let mut playbook =
        String::from("each(hosts(\"all\"), |h| { let root = h.vars.root; let wrong = [];\n");
    for (at, (name, content)) in values.iter().enumerate() {
        let name = format!("{at}{}", name.replace('/', "_"));
        let (name, content) = (literal(&name), literal(content));
        playbook.push_str(&format!(
            r#"{{
                let content = {content};
                let path = root + "/" + {name};
                if h.run(["printf", "%s.", content]).stdout != content + "." {{ wrong.push("a word {at}"); }}
                if h.run("printf %s. " + quote(content)).stdout != content + "." {{ wrong.push("quoted {at}"); }}
                if h.run("printf %s. \"$ODD\"", #{{ env: #{{ ODD: content }} }}).stdout != content + "." {{ wrong.push("env {at}"); }}
                if h.run("cat; echo .", #{{ stdin: content }}).stdout != content + "." {{ wrong.push("stdin {at}"); }}
                h.apply(files::file(path, content));
                if h.read(path) != content {{ wrong.push("file {at}"); }}
                if h.apply(files::file(path, content)).changed {{ wrong.push("again {at}"); }}
                h.apply(files::directory(path + ".d"));
                if h.run(["test", "-d", path + ".d"], #{{ ok: [0, 1] }}).code != 0 {{ wrong.push("directory {at}"); }}
            }}
            "#
        ));
    }
    playbook.push_str("if wrong != [] { fail(`wrong: ${wrong}`); } });");
    let ran = local(1).playbook(&playbook).run();
    prop_assert!(
        ran.exit_code() == Some(0),
        "{values:?}\n{}\n{}",
        ran.stdout,
        ran.stderr
    );
    Ok(())
}

#[test]
fn a_megabyte_arrives() {
    let big = "0123456789abcde\n".repeat(1 << 16);
    let ops = local(1).file("big.txt", &big).playbook(
        r#"
        each(hosts("all"), |h| {
            let big = read_file("big.txt");
            h.apply(files::file(h.vars.root + "/file", big));
            h.run(`cat > ${h.vars.root}/stdin`, #{ stdin: big });
            h.run(`printf %s ${quote(big)} > ${h.vars.root}/command`);
            let out = h.run(`cat ${h.vars.root}/file`, #{ reads: true }).stdout;
            print(`same ${out + "\n" == big}`);
        });
        "#,
    );
    ops.run().ok().stdout_has("same true");
    for name in ["file", "stdin", "command"] {
        assert!(text(&ops, "h1", name) == big, "{name}");
    }
}

#[test]
fn any_byte_passes_as_a_blob() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let bytes = blob();
            for i in 0..1024 { bytes.push(i % 256); }
            h.apply(files::file(h.vars.root + "/bytes", bytes));
            h.run(`cat > ${h.vars.root}/stdin`, #{ stdin: bytes });
            print(h.read(h.vars.root + "/bytes", #{ bytes: true }) == bytes);
            print(`lossy ${h.run("printf 'a\\377b'").stdout == "a\ufffdb"}`);
        });
        "#,
    );
    ops.run()
        .ok()
        .stdout_has("info         true")
        .stdout_has("lossy true");
    let bytes: Vec<u8> = (0..1024_u32)
        .map(|n| u8::try_from(n % 256).expect("a byte"))
        .collect();
    for name in ["bytes", "stdin"] {
        let found = std::fs::read(super::on(&ops, "h1", name)).expect("the file");
        assert!(found == bytes, "{name}");
    }
}

#[test]
fn a_nul_is_refused_by_name() {
    for (call, said) in [
        (r#"h.run("echo \x00")"#, "NUL"),
        (r#"h.run(["echo", "a\x00b"])"#, "NUL"),
        (r#"h.run("true", #{ env: #{ A: "\x00" } })"#, "`A`"),
        (r#"h.run("true", #{ cwd: "/\x00" })"#, "`cwd`"),
        (r#"h.read("/etc/\x00")"#, "absolute path"),
        (r#"h.apply(files::directory("/tmp/\x00"))"#, "NUL"),
        (r#"h.apply(commands::run("echo \x00"))"#, "NUL"),
        (r#"h.become("a\x00b")"#, "invalid user name"),
        (r#"h.become("-x")"#, "invalid user name"),
        (
            r#"h.run("true", #{ env: #{ "A=B": "x" } })"#,
            "invalid variable name",
        ),
        (r#"h.run("")"#, "empty"),
        (r"h.run([])", "empty"),
    ] {
        let ran = local(1)
            .playbook(&format!("each(hosts(\"all\"), |h| {call});"))
            .run();
        assert!(matches!(ran.exit_code(), Some(2 | 3)), "{call}\n{ran}");
        assert!(ran.stderr.contains(said), "{call}\n{ran}");
    }
}

#[test]
fn a_word_of_an_inventory_is_no_option_and_no_command() {
    let odd = "-x '$(touch sneaky)' \"`touch sneaky`\" $HOME";
    let ops = Ops::new()
        .inventory_named(
            "hosts.yml",
            &format!("all:\n  hosts:\n    h1:\n      ansible_connection: local\n      odd: {}\n", serde_json::Value::from(odd)),
        )
        .playbook(
            r#"each(hosts("all"), |h| print("got " + h.run(["printf", "%s", h.vars.odd]).stdout));"#,
        );
    ops.run().ok().stdout_has(&format!("got {odd}"));
    assert!(!ops.path("sneaky").exists());
}

#[test]
fn a_line_goes_into_a_large_file_and_leaves_the_rest_alone() {
    let large: String = (0..400_000).map(|n| format!("{n}\n")).collect();
    let ops = local(1).file("h1/large", &large).playbook(
        r#"
        each(hosts("all"), |h| {
            let added = files::line(h.vars.root + "/large", "added");
            print(`first ${h.apply(added).changed} then ${h.apply(added).changed}`);
            print(`back ${h.undo()}`);
            h.apply(added);
        });
        "#,
    );
    ops.run()
        .ok()
        .stdout_has("first true then false")
        .stdout_has("back 1");
    assert!(text(&ops, "h1", "large") == large + "added\n");
}

/// A file that is read as text and is none: its name, line and byte, wherever it was named.
#[test]
fn what_is_not_text_has_its_place() {
    const LATIN: &[u8] = b"# fine\n# caf\xe9\n";
    let ops = || {
        local(1)
            .file("lib/latin.rhai", b"// fine\nlet a = \"\xe9\";\n")
            .file("values.toml", b"a = \"b\"\nb = \"\xe9\"\n")
            .file("latin.txt", LATIN)
    };
    let each = |what: &str| format!(r#"each(hosts("all"), |h| {{ {what}; }});"#);
    for (playbook, code, place) in [
        (
            r#"import "lib/latin" as latin;"#.to_owned(),
            2,
            "lib/latin.rhai:2:10",
        ),
        (
            each(r#"read_file("latin.txt")"#),
            3,
            "latin.txt:2:6: it is not UTF-8: byte 6 of the line is 0xe9",
        ),
        (
            each(r#"h.apply(files::template("/x", "latin.txt"))"#),
            2,
            "latin.txt:2:6: it is not UTF-8",
        ),
        (
            each(r#"secret(#{ file: "latin.txt" })"#),
            3,
            "latin.txt: it is not UTF-8 (line 2, byte 6)",
        ),
    ] {
        ops()
            .playbook(&playbook)
            .arg("--check")
            .run()
            .code(code)
            .stderr_has(place);
    }
    ops()
        .playbook(r#"let b = param("b", "x");"#)
        .args(["--vars-file", "values.toml"])
        .run()
        .code(2)
        .stderr_has("values.toml:2:6")
        .stderr_has("byte 6 of the line is 0xe9");
}
