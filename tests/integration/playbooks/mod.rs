//! The playbooks of `playbooks/`: `ops check` finds no problems, `ops new` copies them completely, and each
//! works on real hosts.

mod containers;
mod loopback;

use std::path::{Path, PathBuf};

use crate::ops::Ops;

pub(crate) use loopback::Site;

const INVENTORY: &str = "\
[groups.web]
hosts = [\"web[1:4]\"]
[groups.lb]
hosts = [\"lb1\"]
";

/// Reads a file of the project.
pub(crate) fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns the path of a playbook, as an argument.
fn playbook(name: &str) -> String {
    project("playbooks").join(name).display().to_string()
}

/// Returns `--var NAME=VALUE` for each.
pub(crate) fn vars(pairs: &[(&str, &str)]) -> Vec<String> {
    let vars = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    vars.flat_map(|var| ["--var".to_owned(), var]).collect()
}

fn names() -> Vec<String> {
    let entries = std::fs::read_dir(project("playbooks")).expect("the playbooks");
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|ending| ending == "rhai")
        })
        .collect();
    names.sort();
    assert!(names.len() >= 5, "{names:?}");
    names
}

#[test]
fn ops_check_finds_no_problems() {
    let examples = ["examples/shop/setup.rhai"].map(|path| project(path).display().to_string());
    for path in names().iter().map(|name| playbook(name)).chain(examples) {
        Ops::new()
            .inventory(INVENTORY)
            .args(["check", &path])
            .run()
            .ok()
            .stdout_has("no problems found");
    }
}

#[test]
fn each_has_help_with_its_parameters() {
    for name in names() {
        let first = std::fs::read_to_string(playbook(&name)).expect("a playbook");
        let first = first
            .lines()
            .next()
            .expect("a line")
            .trim_start_matches("//! ");
        let begins: String = first.chars().take(40).collect();
        Ops::new()
            .inventory(INVENTORY)
            .args(["run", &playbook(&name), "--help"])
            .run()
            .ok()
            .stdout_has("--var")
            .stdout_has("app")
            .stdout_has(&begins);
    }
}

#[test]
fn ops_new_copies_them_with_their_files() {
    for name in names() {
        let from = name.trim_end_matches(".rhai");
        // If there is no inventory, `ops new` creates one.
        let ops = Ops::new();
        let ran = ops.again(["new", "playbook", "mine", "--from", from]).run();
        let ran = ran
            .ok()
            .stdout_has("wrote mine.rhai")
            .stdout_has("wrote inventory.toml");
        assert_eq!(
            ran.stdout.contains("wrote lib/app.rhai"),
            from != "deploy",
            "{ran}"
        );
        ops.again(["check", "mine.rhai"]).run().ok();
        // A second playbook shares the files that the first brought.
        let again = ["new", "playbook", "other", "--from", "health-check"];
        ops.again(again).run().ok().stdout_has("wrote other.rhai");
        let text = std::fs::read_to_string(ops.path("mine.rhai")).expect("a copy");
        assert!(!text.contains(&format!("playbooks/{name}")), "{text}");
    }
}
