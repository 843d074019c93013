//! `ops check` as a user sees it: every playbook of `tests/check/` with the expected output beside it.

use std::fs;
use std::path::Path;

use crate::ops::Ops;

const INVENTORY: &str = "\
[groups.web]
[groups.db]
[hosts.web1]
groups = [\"web\"]
[hosts.db1]
groups = [\"db\"]
";

fn dir() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/check"))
}

fn texts(dir: &Path) -> Vec<(String, String)> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .expect("the directory exists")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.is_file() && path.extension().is_some_and(|end| end != "snap"))
        .map(|path| {
            let name = path
                .file_name()
                .expect("a file has a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(path).expect("it is text"))
        })
        .collect();
    found.sort();
    found
}

/// Returns an `ops` with the modules of `tests/check/lib/` beside it.
fn ops() -> Ops {
    texts(&dir().join("lib"))
        .into_iter()
        .fold(Ops::new().inventory(INVENTORY), |ops, (name, text)| {
            ops.file(&format!("lib/{name}"), text)
        })
}

#[test]
fn reports_problems() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(dir());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut unexpected = Vec::new();
    settings.bind(|| {
        for (name, text) in texts(dir()) {
            let ran = ops().file(&name, text).args(["check", &name]).run();
            let stem = name.trim_end_matches(".rhai");
            if ran.exit_code() != Some(if stem == "fine" { 0 } else { 2 }) {
                unexpected.push(ran.to_string());
            }
            insta::assert_snapshot!(stem, ran.snapshot());
        }
    });
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n\n"));
}

#[test]
fn reports_problems_as_json() {
    let ran = ops()
        .file("x.rhai", "hots(1);\nlet a = param(\"a\", \"x\");\n")
        .args(["check", "x.rhai", "--json"])
        .run()
        .code(2);
    let failures: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(failures[0]["message"], "unknown function `hots`");
    assert_eq!(failures[0]["at"]["line"], 1);
    let ran = ops()
        .file("x.rhai", "1;")
        .args(["check", "x.rhai", "--json"])
        .run()
        .ok();
    assert_eq!(ran.stdout, "[]\n");
}

#[test]
fn checks_given_values_and_the_inventory() {
    let playbook = "let n = param(\"count\", \"how many\", #{ type: \"int\" });";
    let check = |args: &[&str]| {
        let args = ["check", "x.rhai"].into_iter().chain(args.iter().copied());
        ops().file("x.rhai", playbook).args(args).run()
    };
    check(&[]).ok();
    check(&["--var", "count=3"]).ok();
    check(&["--var", "count=few"])
        .code(2)
        .stderr_has("the parameter `count` must be an integer, not `few`");
    check(&["--var", "cont=3"])
        .code(2)
        .stderr_has("Did you mean `count`?");
    check(&["-i", "nothing.toml"])
        .code(2)
        .stderr_has("nothing.toml");
}

#[test]
fn reports_a_missing_playbook() {
    ops()
        .file("site.rhai", "1;")
        .args(["check", "site"])
        .run()
        .code(2)
        .stderr_has("Did you mean site.rhai?");
}

#[test]
fn help_of_a_run_shows_the_playbooks_parameters() {
    let playbook = "//! Rolls out the shop.\nlet v = param(\"version\", \"the release\");\n\
                    let b = param(\"batch\", \"hosts at a time\", #{ fallback: 2, min: 1 });";
    let run = |args: &[&str]| ops().file("x.rhai", playbook).args(args).run();
    run(&["run", "x.rhai", "--help"])
        .ok()
        .stdout_has("Rolls out the shop.")
        .stdout_has("version  <string>  the release [required]")
        .stdout_has("batch    <int>     hosts at a time [default: 2] [at least 1]")
        .stdout_has("--vars-file");
    run(&["run", "--help"]).ok().stdout_has("Usage: ops run");
    run(&["run", "x.rhai"])
        .code(2)
        .stderr_has("the parameter `version` is missing: the release");
    run(&["run"]).code(2).stderr_has("PLAYBOOK");
}

#[test]
fn a_parameter_is_set_in_the_run() {
    ops()
        .file(
            "x.rhai",
            "let n = param(\"n\", \"x\", #{ type: \"int\" }); log::info(`n is ${n + 1}`);",
        )
        .args(["run", "x.rhai", "--var", "n=41", "--output", "plain"])
        .run()
        .ok()
        .stdout_has("n is 42");
}

#[test]
fn a_secret_parameter_is_never_printed() {
    ops()
        .file(
            "x.rhai",
            "let t = param(\"token\", \"x\", #{ secret: true }); log::info(`it is ${t}`); fail(t);",
        )
        .args([
            "run",
            "x.rhai",
            "--var",
            "token=hunter2-hunter2",
            "--output",
            "json",
        ])
        .run()
        .code(3)
        .stdout_has("run.started")
        .nowhere("hunter2");
}
