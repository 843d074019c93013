//! Options and variables that messages tell the user to set: they have to exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use super::Cli;

/// The code of the program, without its comments and tests.
fn code() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut dirs = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("tests") {
                dirs.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.ends_with("tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let lines = text.lines().filter(|line| !line.trim().starts_with("//"));
                found.push((path, lines.collect::<Vec<_>>().join("\n")));
            }
        }
    }
    found
}

/// The words of a text that follow `before`, begin with `begin`, and consist of these characters.
fn words<'t>(
    text: &'t str,
    before: char,
    begin: &str,
    of: impl Fn(char) -> bool + Copy,
) -> impl Iterator<Item = &'t str> {
    text.split(before)
        .skip(1)
        .filter(move |rest| rest.starts_with(begin))
        .map(move |rest| &rest[..rest.find(|c| !of(c)).unwrap_or(rest.len())])
}

fn variables(text: &str, before: char) -> Vec<&str> {
    let of = |c: char| c.is_ascii_lowercase() || c == '_';
    ["ops_", "ansible_"]
        .into_iter()
        .flat_map(|begin| words(text, before, begin, of))
        .collect()
}

#[test]
fn variables_that_messages_name_are_read() {
    let code = code();
    let known: BTreeSet<&str> = code
        .iter()
        .flat_map(|(_, text)| variables(text, '"'))
        .collect();
    let mut named = 0;
    for (path, text) in &code {
        for name in variables(text, '`') {
            assert!(
                known.contains(name),
                "{}: `{name}` is not read",
                path.display()
            );
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn options_that_messages_name_exist() {
    fn options(command: &clap::Command, known: &mut BTreeSet<String>) {
        for option in command.get_arguments() {
            known.extend(option.get_long().map(|long| format!("--{long}")));
            known.extend(option.get_short().map(|short| format!("-{short}")));
        }
        for command in command.get_subcommands() {
            options(command, known);
        }
    }
    let mut known = BTreeSet::new();
    options(&Cli::command(), &mut known);
    let mut named = 0;
    for (path, text) in &code() {
        // That code is about the options of `ssh`.
        if path.to_string_lossy().contains("/src/ssh/") {
            continue;
        }
        let of = |c: char| c.is_ascii_alphabetic() || c == '-';
        for name in words(text, '`', "-", of) {
            // `-vv` is `-v` twice.
            let short = name.strip_prefix('-').filter(|name| !name.starts_with('-'));
            let name = short.map_or(name.to_owned(), |short| {
                format!("-{}", &short[..short.len().min(1)])
            });
            assert!(
                known.contains(&name),
                "{}: `{name}` is not an option",
                path.display()
            );
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
}
