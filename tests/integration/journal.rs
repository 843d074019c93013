//! The journal of real runs: its header, its entries, what secrets leave in it, and where a run was killed.

use std::path::PathBuf;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::language::local;
use crate::ops::Ops;

/// The directory of the only run.
fn directory(ops: &Ops) -> PathBuf {
    let runs = std::fs::read_dir(ops.state().join("ops/runs")).expect("runs");
    let mut runs = runs.map(|run| run.expect("a run").path());
    runs.find(|path| path.is_dir()).expect("a run")
}

fn lines(ops: &Ops) -> Vec<Value> {
    let text = std::fs::read_to_string(directory(ops).join("journal.jsonl")).expect("a journal");
    let parse = |line| serde_json::from_str(line).expect("JSON");
    text.lines().map(parse).collect()
}

fn of_kind<'l>(lines: &'l [Value], kind: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["entry"] == kind).collect()
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_header_and_the_entries_have_what_a_resume_needs() {
    let playbook = r#"import "lib/shop" as shop;
let token = param("token", "a token", #{ secret: true });
each(hosts("all"), |h| {
    let root = h.vars.root;
    h.apply(files::template(root + "/a", "a.j2"));
    h.apply(files::file(root + "/b", #{ source: "big" }));
    h.run(`printf '%s\377' '${token}'; echo err >&2; exit 3`, #{ ok: [3] });
    h.run("echo looked", #{ reads: true });
    h.undo();
    h.apply(commands::run("echo as a task"));
});
"#;
    let ops = local(1)
        .playbook(playbook)
        .file("lib/shop.rhai", "fn name() { 1 }\n")
        .file("a.j2", "a template\n")
        .file("big", vec![b'x'; 5_000_000])
        .arg("--var=token=hunter22");
    ops.run().ok();
    let all = lines(&ops);
    let header = &all[0];
    assert_eq!(header["journal"], 2);
    assert_eq!(header["attempt"], 1);
    assert_eq!(
        header["directory"].as_str().map(PathBuf::from),
        ops.path(".").canonicalize().ok()
    );
    let command = header["command"].as_array().expect("a list");
    assert_eq!(command[1], "run");
    assert!(
        command.contains(&json!(["--var=token=", {"secret": "token"}])),
        "{header}"
    );
    let sources = header["sources"].as_array().expect("a list");
    let of = |kind: &str| {
        sources
            .iter()
            .find(|source| source["kind"] == kind)
            .expect("one")
    };
    assert_eq!(of("playbook")["sha256"], sha256(playbook));
    assert_eq!(of("module")["sha256"], sha256("fn name() { 1 }\n"));
    assert_eq!(header["playbook"], of("playbook")["path"]);
    assert_eq!(header["inventory"].as_str().map(str::len), Some(64));

    // Each source precedes the first intent that uses it.
    let at = |found: &dyn Fn(&Value) -> bool| all.iter().position(found).expect("an entry");
    let template =
        at(&|line| line["entry"] == "source" && line["sha256"] == sha256("a template\n"));
    let big =
        at(&|line| line["kind"] == "artifact" && line["sha256"] == sha256(&"x".repeat(5_000_000)));
    let intends = |name: &str| {
        let name = name.to_owned();
        at(&move |line| {
            line["entry"] == "intend"
                && line["label"]
                    .as_str()
                    .is_some_and(|label| label.contains(&name))
        })
    };
    assert!(template < intends("/a"));
    assert!(big < intends("/b"));

    let command = &all[intends("printf")];
    assert_eq!(
        (&command["kind"], &command["host"]),
        (&json!("command"), &json!("h1"))
    );
    assert_eq!(command["fingerprint"].as_str().map(str::len), Some(64));
    assert_eq!(command["at"]["line"], 7);
    let kinds: Vec<&Value> = of_kind(&all, "intend")
        .iter()
        .map(|line| &line["kind"])
        .collect();
    assert_eq!(
        kinds,
        ["task", "task", "command", "undo", "undo", "command"]
    );
    let results: Vec<&Value> = of_kind(&all, "done")
        .iter()
        .map(|line| &line["result"])
        .filter(|result| result.is_object())
        .collect();
    assert_eq!(
        *results[0],
        json!({"host": "h1", "code": 3, "stdout": [{"secret": "token"}, {"base64": "/w=="}], "stderr": "err\n"})
    );
    assert_eq!(
        *results[1],
        json!({"host": "h1", "code": 0, "stdout": "as a task\n"})
    );
    assert_eq!(results.len(), 2);
}

#[test]
fn a_token_that_a_command_prints_is_not_in_the_journal() {
    let ops = local(2).playbook(
        r#"each(hosts("all"), |h| {
            let made = h.run(`printf 'tok-%s' '${h.name}-98765'`, #{ name: "make a token" });
            let token = secret(#{ value: made.stdout });
            h.run(`: '${token}'`);
        });"#,
    );
    ops.run().ok();
    let text = std::fs::read_to_string(directory(&ops).join("journal.jsonl")).expect("a journal");
    assert!(!text.contains("tok-"), "{text}");
    let all = lines(&ops);
    let outputs = of_kind(&all, "done")
        .into_iter()
        .filter(|line| line["result"]["stdout"].is_array());
    assert_eq!(outputs.count(), 2, "{all:?}");
}

/// As docs/runs.md recommends.
#[test]
fn a_token_that_is_read_quietly_is_in_no_file_of_the_run() {
    let ops = local(2).playbook(
        r#"each(hosts("all"), |h| {
            let file = h.vars.root + "/token";
            h.run(`n=98765; echo "tok-$n" >${file}`);
            let read = h.run(["cat", file], #{ reads: true, quiet: true });
            let token = secret(#{ value: read.stdout });
            h.run(`: '${token}'`);
        });"#,
    );
    ops.run().ok();
    let mut files = 0;
    for entry in std::fs::read_dir(directory(&ops)).expect("readable") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(!text.contains("tok-98765"), "{}: {text}", path.display());
        files += 1;
    }
    assert!(files > 3);
}

#[test]
fn a_test_can_kill_a_run_before_and_after_each_write_of_its_journal() {
    let changes = r#"each(hosts("all"), |h| {
        h.run(["touch", h.vars.root + "/one"]);
        h.run(["touch", h.vars.root + "/two"]);
    });"#;
    // The header, and for each command an intent and an end.
    for write in 1..=5 {
        for (sign, written) in [("-", write - 1), ("+", write)] {
            let ops = local(1)
                .playbook(changes)
                .env("OPS_TEST_DIE_AT", format!("{write}{sign}"));
            let ran = ops.run();
            assert_eq!(ran.exit_code(), None, "{write}{sign}\n{ran}");
            assert_eq!(lines(&ops).len(), written, "{write}{sign}");
            let there = |name: &str| ops.path("h1").join(name).exists();
            // A command runs once its intent is written, and no earlier.
            assert_eq!(
                there("one"),
                written >= 3 || (write, sign) == (3, "-"),
                "{write}{sign}"
            );
            assert_eq!(
                there("two"),
                written >= 5 || (write, sign) == (5, "-"),
                "{write}{sign}"
            );
            let meta = std::fs::read_to_string(directory(&ops).join("meta.json")).expect("there");
            assert!(!meta.contains("finished"), "{meta}");
        }
    }
    let ops = local(1).playbook(changes).env("OPS_TEST_DIE_AT", "6-");
    ops.run().ok();
    local(1)
        .playbook(changes)
        .env("OPS_TEST_DIE_AT", "1")
        .run()
        .ok();
}
