//! `ops new`: the files that it writes are valid, and it overwrites nothing.

use std::path::Path;

use crate::ops::Ops;

#[test]
fn a_playbook_passes_its_check_and_does_nothing_in_check_mode() {
    let ops = Ops::new();
    ops.again(["new", "playbook", "first"])
        .run()
        .ok()
        .stdout_has("wrote first.rhai")
        .stdout_has("ops check first.rhai");
    ops.again(["check", "first.rhai"]).run().ok();
    ops.again(["run", "first.rhai", "--help"])
        .run()
        .ok()
        .stdout_has("target");
    ops.again(["run", "first.rhai", "--check"])
        .run()
        .ok()
        .stdout_has("2 would change");
}

#[test]
fn a_project_passes_its_check_with_its_inventory() {
    for ci in [None, Some("github"), Some("gitlab")] {
        let ops = Ops::new();
        let mut args = vec!["new", "project", "site"];
        args.extend(ci.iter().flat_map(|ci| ["--ci", ci]));
        ops.again(&args).run().ok().stdout_has("cd site");
        ops.again(["check", "site/deploy.rhai", "-i", "site/inventory.toml"])
            .run()
            .ok()
            .stdout_has("1 host");
        let run = [
            "run",
            "site/deploy.rhai",
            "-i",
            "site/inventory.toml",
            "--check",
        ];
        ops.again([&run[..], &["--var", "owner=ada"]].concat())
            .run()
            .ok()
            .stdout_has("3 would change");
        let job = match ci {
            Some("github") => ".github/workflows/deploy.yml",
            Some(_) => ".gitlab-ci.yml",
            None => ".gitignore",
        };
        let job = ops.path("site").join(job);
        let text = std::fs::read_to_string(&job).expect("the job exists");
        // The signals of a cancelled job reach the first process of its step.
        assert!(
            ci != Some("github") || text.contains("run: exec ops run "),
            "{text}"
        );
    }
}

#[test]
fn overwrites_nothing() {
    let ops = Ops::new()
        .file("mine.rhai", "let mine = 1;\n")
        .file("taken/note", "mine\n");
    ops.again(["new", "playbook", "mine"])
        .run()
        .code(2)
        .stderr_has("mine.rhai exists already");
    ops.again(["new", "project", "taken"])
        .run()
        .code(2)
        .stderr_has("taken exists and is not an empty directory");
    let entries = |dir: &Path| std::fs::read_dir(dir).expect("a directory").count();
    assert_eq!(entries(&ops.path("taken")), 1);
    assert_eq!(
        std::fs::read_to_string(ops.path("mine.rhai")).expect("a file"),
        "let mine = 1;\n"
    );
}

#[test]
fn refuses_a_name_that_is_not_a_file_name() {
    for what in ["playbook", "project"] {
        for name in ["../up", "a b", "", ".hidden"] {
            Ops::new()
                .args(["new", what, name])
                .run()
                .code(2)
                .stderr_has("invalid file name");
        }
    }
}
