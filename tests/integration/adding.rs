//! Checks that docs/adding-things.md is correct: the files and lists that it names exist, and each list is
//! complete.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/adding-things.md";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the files below a directory with their texts, without tests.
fn sources(dir: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut dirs = vec![root().join(dir)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("tests") {
                dirs.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{dir} has no source files");
    found
}

/// Returns the module of a file: `live` for `live.rs`, `lock` for `lock/mod.rs`.
fn module(path: &Path) -> String {
    let path = if path.ends_with("mod.rs") {
        path.parent().expect("a module has a directory")
    } else {
        path
    };
    let stem = path.file_stem().expect("a file has a name");
    stem.to_string_lossy().into_owned()
}

/// Returns the modules below a directory whose text contains a mark.
fn modules_with(dir: &str, mark: &str) -> BTreeSet<String> {
    let sources = sources(dir).into_iter();
    let marked = sources.filter(|(_, text)| text.contains(mark));
    marked.map(|(path, _)| module(&path)).collect()
}

/// Returns the words before `after` in the lines between two marks.
fn listed(text: &str, begin: &str, end: &str, after: &str) -> BTreeSet<String> {
    let list = text.split(begin).nth(1).expect("the list begins");
    let list = list.split(end).next().expect("the list ends");
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    list.lines()
        .filter_map(|line| line.split_once(after))
        .map(|(before, _)| {
            let start = before.rfind(|c| !is_part(c)).map_or(0, |at| at + 1);
            before[start..].to_owned()
        })
        .collect()
}

#[test]
fn every_file_named_on_the_page_exists() {
    let page = read(PAGE);
    let named: BTreeSet<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| {
            ["src/", "tests/", "docs/", "stdlib/"]
                .iter()
                .any(|dir| code.starts_with(dir))
        })
        .collect();
    assert!(named.len() > 20, "{named:?}");
    for path in named {
        // `NAME` stands for any name, so only its directory must exist.
        let is_placeholder = |part: &str| part.starts_with(|c: char| c.is_uppercase());
        let known: PathBuf = path
            .split('/')
            .take_while(|part| !is_placeholder(part))
            .collect();
        let exists = root().join(&known).exists();
        assert!(exists, "{PAGE} names {path}, which does not exist");
    }
    for table_list in ["TASKS", "KINDS", "OUTPUTS", "MODULES", "subcommands!"] {
        let row = page
            .lines()
            .find(|line| line.contains(&format!("| `{table_list}` in `")));
        let row = row.unwrap_or_else(|| panic!("{PAGE} does not document where `{table_list}` is"));
        let file = row
            .split("` in `")
            .nth(1)
            .and_then(|rest| rest.split('`').next());
        let file = file.expect("a file");
        assert!(
            read(file).contains(table_list),
            "{file} has no `{table_list}`"
        );
    }
}

#[test]
fn lists_every_task_and_every_kind_of_check() {
    // `files::line` for `src/tasks/files/line.rs`.
    let declared: BTreeSet<_> = sources("src/tasks")
        .into_iter()
        .filter(|(_, text)| text.contains("\ntask! {\n"))
        .map(|(path, _)| {
            let namespace = path.parent().expect("a task is in a namespace");
            format!("{}::{}", module(namespace), module(&path))
        })
        .collect();
    let tasks = read("src/tasks/mod.rs");
    let list = tasks.split("const TASKS").nth(1).expect("the list");
    let list = list.split("];").next().expect("the list ends");
    let listed_tasks: BTreeSet<_> = list
        .lines()
        .filter_map(|line| line.trim().strip_suffix("::TASK,"))
        .map(str::to_owned)
        .collect();
    assert_eq!(declared, listed_tasks, "TASKS in src/tasks/mod.rs");
    let declared = modules_with("src/checks", "\nkind! {\n");
    let list = listed(&read("src/checks/mod.rs"), "const KINDS", "];", "::KIND,");
    assert_eq!(declared, list, "KINDS in src/checks/mod.rs");
    let page = read("docs/health.md");
    for name in &list {
        let name = format!("`{name}");
        assert!(
            page.contains(&name),
            "docs/health.md does not describe {name}`"
        );
    }
}

#[test]
fn every_reporter_is_offered() {
    let declared = modules_with("src/report", "const OUTPUT: Output");
    let list = listed(
        &read("src/report/mod.rs"),
        "const OUTPUTS",
        "];",
        "::OUTPUT,",
    );
    assert_eq!(declared, list, "OUTPUTS in src/report/mod.rs");
    // A type that implements the trait but is not offered there has its own option, or is a part of one that
    // has.
    let reporters = modules_with("src/report", " Reporter for ");
    let others: BTreeSet<_> = reporters.difference(&list).map(String::as_str).collect();
    assert_eq!(others, BTreeSet::from(["grouped", "junit"]));
    let page = read("docs/output.md");
    for name in &list {
        assert!(
            page.contains(name.as_str()),
            "docs/output.md does not describe `{name}`"
        );
    }
}

#[test]
fn every_subcommand_is_listed_and_documented() {
    let declared = modules_with("src/cli", "    pub(crate) fn run(self, ");
    let list = listed(
        &read("src/cli/mod.rs"),
        "\nsubcommands! {",
        "\n}",
        "::Args),",
    );
    assert_eq!(declared, list, "subcommands! in src/cli/mod.rs");
    let page = read("docs/command-line.md");
    for name in &list {
        let row = format!("| `ops {name}");
        assert!(
            page.contains(&row),
            "docs/command-line.md has no row for `ops {name}`"
        );
    }
}

#[test]
fn every_built_in_is_registered() {
    let directory = root().join("src/script/builtins");
    let declared: BTreeSet<_> = sources("src/script/builtins")
        .into_iter()
        .filter(|(_, text)| text.contains("pub(super) fn register(engine: &mut Engine)"))
        .filter(|(path, _)| {
            let parent = path.parent().expect("a file is in a directory");
            parent == directory || (path.ends_with("mod.rs") && parent.parent() == Some(&directory))
        })
        .map(|(path, _)| module(&path))
        .collect();
    let text = read("src/script/builtins/mod.rs");
    assert_eq!(
        declared,
        listed(&text, "pub fn register(", "\n}", "::register(engine);")
    );
}

#[test]
fn every_module_of_the_standard_library_is_listed_and_documented() {
    let entries = fs::read_dir(root().join("stdlib")).expect("a directory");
    let files: BTreeSet<_> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".rhai").map(str::to_owned))
        .collect();
    let text = read("src/script/modules/stdlib.rs");
    assert_eq!(files, listed(&text, "const MODULES", "];", ".rhai\""));
    let page = read("docs/stdlib.md");
    for name in &files {
        assert!(
            page.contains(&format!("std/{name}")),
            "docs/stdlib.md does not describe std/{name}"
        );
    }
}

#[test]
fn every_event_kind_has_a_section() {
    let kinds = read("src/model/kind.rs");
    let kinds = kinds.split("\nkinds! {").nth(1).expect("the declarations");
    let page = read("docs/events.md");
    let names: Vec<_> = kinds
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" => "))
        .map(|(name, _)| name)
        .collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(
            page.contains(&format!("\n### `{name}`\n")),
            "docs/events.md has no section for `{name}`"
        );
    }
}

#[test]
fn the_connector_knows_every_transport() {
    let connector = read("src/transport/connector.rs");
    for (path, text) in sources("src/transport") {
        for transport in text.split("\nimpl Transport for ").skip(1) {
            let name = transport
                .split_whitespace()
                .next()
                .expect("a type has a name");
            // Only for tests.
            if name == "FakeTransport" {
                continue;
            }
            let path = path.display();
            assert!(
                connector.contains(name),
                "{path}: src/transport/connector.rs does not use {name}"
            );
        }
    }
}
