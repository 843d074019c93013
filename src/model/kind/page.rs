//! Holds docs/events.md against the declarations: its section of kinds is written from their documentation.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::model::scrub::Sample as _;
use crate::model::{Diff, Event, Failure, Kind, LockHolder};

const BEGIN: &str = "## The kinds\n";
const END: &str = "\n## Failures\n";

fn page() -> String {
    fs::read_to_string(path()).expect("docs/events.md can be read")
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md")
}

/// A section for each kind: what it is, and its fields.
fn section() -> String {
    let mut text = String::from(BEGIN);
    for (name, doc, fields) in Kind::DOCUMENTED {
        text += &format!("\n### `{name}`\n\n{}\n", lines(doc).join("\n"));
        if !fields.is_empty() {
            text.push('\n');
        }
        for (field, doc) in *fields {
            let lines = lines(doc);
            assert!(
                !lines.is_empty(),
                "`{field}` of `{name}` has no documentation"
            );
            text += &format!("- `{field}`: {}\n", lower_first(&lines.join("\n  ")));
        }
    }
    text
}

/// The lines of a doc comment.
fn lines(doc: &str) -> Vec<&str> {
    doc.lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect()
}

/// The text as it continues a line. A word in capitals stays as it is.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), second) if !second.is_some_and(char::is_uppercase) => {
            format!("{}{}", first.to_lowercase(), letters.as_str())
        }
        _ => text.to_owned(),
    }
}

#[test]
fn the_page_has_every_kind_as_it_is_declared() {
    let page = page();
    let begin = page.find(BEGIN).expect("the page has a section of kinds");
    let end = page.find(END).expect("the page has a section of failures");
    let (written, declared) = (&page[begin..end], section());
    if written == declared {
        return;
    }
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        let page = format!("{}{declared}{}", &page[..begin], &page[end..]);
        fs::write(path(), page).expect("docs/events.md can be written");
        return;
    }
    let differs = declared
        .lines()
        .zip(written.lines())
        .find(|(one, other)| one != other);
    panic!(
        "docs/events.md is not what src/model/kind.rs declares, from {differs:?} on.\n\
         `INSTA_UPDATE=always cargo test --lib model::kind` writes the page. docs/adding-things.md says \
         what else a new kind needs: the reporters that show it are in src/report/view.rs and \
         src/report/live.rs."
    );
}

#[test]
fn every_other_field_is_on_the_page() {
    let page = page();
    let fields = |section: &str, value: Value| {
        let begin = page
            .find(&format!("\n## {section}\n"))
            .expect("the section");
        let section = &page[begin + 4..];
        let section = &section[..section.find("\n## ").unwrap_or(section.len())];
        let fields = value.as_object().expect("an object");
        for field in fields.keys() {
            assert!(
                section.contains(&format!("`{field}`")),
                "docs/events.md does not describe `{field}` in:\n{section}"
            );
        }
    };
    let json = |value| serde_json::to_value(value).expect("it is JSON");
    let mut started = Event::samples("x").swap_remove(0);
    started.kind = Kind::HostStarted;
    fields("What every event has", json(started));
    let failure = Failure {
        sums_up: true,
        ..Failure::sample("x")
    };
    fields(
        "Failures",
        serde_json::to_value(failure).expect("it is JSON"),
    );
    let holder = LockHolder::sample("x");
    fields("Holders", serde_json::to_value(holder).expect("it is JSON"));
    let diff = Diff::sample("x");
    fields("Diffs", serde_json::to_value(diff).expect("it is JSON"));
}
