//! Old secrets are hidden, and everything else is shown.

use super::*;
use crate::model::{Scrub as _, Secrets};

fn hidden(secrets: &[&str], before: &str, after: &str) -> Diff {
    let known = Secrets::new();
    for secret in secrets {
        known.add(secret, "test").expect("long enough");
    }
    let mut diff = Diff::Text {
        path: "/etc/app.ini".into(),
        before: before.into(),
        after: after.into(),
    };
    diff.scrub(&known.scrubber());
    diff
}

#[track_caller]
fn shows(diff: &Diff, before: &str, after: &str) {
    let Diff::Text {
        before: old,
        after: new,
        ..
    } = diff
    else {
        panic!("{diff:?}");
    };
    assert_eq!((old.as_str(), new.as_str()), (before, after));
}

#[track_caller]
fn only_a_secret_changes(diff: &Diff) {
    let text = "/etc/app.ini: only a secret changes".into();
    assert_eq!(diff, &Diff::Note { text });
}

#[test]
fn a_change_of_only_a_secret_says_so() {
    let old = "[db]\nuser = app\npw = old-secret-value\nport = 1\n";
    let new = "[db]\nuser = app\npw = new-secret-value\nport = 1\n";
    only_a_secret_changes(&hidden(&["new-secret-value"], old, new));
    // The old secret is known too: the diff shown must not be empty.
    only_a_secret_changes(&hidden(&["new-secret-value", "old-secret-value"], old, new));
}

#[test]
fn a_line_without_a_newline_counts() {
    only_a_secret_changes(&hidden(&["new-secret"], "pw=old-secret", "pw=new-secret\n"));
}

#[test]
fn two_secrets_on_one_line_and_one_on_another() {
    let old = "url = db://old-user:old-pass@h\nx\nkey: old-key-1\n";
    let new = "url = db://new-user:new-pass@h\nx\nkey: new-key-1\n";
    only_a_secret_changes(&hidden(&["new-user", "new-pass", "new-key-1"], old, new));
}

#[test]
fn both_sides_of_the_line_are_hidden_and_other_hunks_shown() {
    let far = "1\n2\n3\n4\n5\n6\n7\n8\n";
    let diff = hidden(
        &["new-secret-value"],
        &format!("a = 1\npw=old-secret-value\n{far}port = 80\n"),
        &format!("a = 2\npassword: \"new-secret-value\"\n{far}port = 81\n"),
    );
    shows(
        &diff,
        &format!("{HIDDEN_LINES}\n{far}port = 80\n"),
        &format!("a = 2\npassword: \"[secret]\"\n{far}port = 81\n"),
    );
}

#[test]
fn a_secret_that_does_not_change_hides_nothing() {
    shows(
        &hidden(
            &["the-secret"],
            "pw=the-secret\nport=80\n",
            "pw=the-secret\nport=81\n",
        ),
        "pw=[secret]\nport=80\n",
        "pw=[secret]\nport=81\n",
    );
}

#[test]
fn a_line_that_moves_far_is_hidden() {
    let far = "1\n2\n3\n4\n5\n6\n7\n8\n";
    shows(
        &hidden(
            &["new-secret"],
            &format!("  pw = old-secret\n{far}"),
            &format!("{far}pw = new-secret\n"),
        ),
        &format!("{HIDDEN_LINES}\n{far}"),
        &format!("{far}pw = [secret]\n"),
    );
}

#[test]
fn a_secret_of_several_lines_is_hidden_whole() {
    let new = "-----BEGIN KEY-----\nbmV3LXNlY3JldC0x\nZmluZQ==\n-----END KEY-----\n";
    let old =
        "x\n-----BEGIN KEY-----\nb2xkLXNlY3JldC0x\nb2xkLXNlY3JldC0y\nZmluZQ==\n-----END KEY-----\n";
    shows(
        &hidden(&[new], old, &format!("x\n{new}")),
        &format!("x\n{HIDDEN_LINES}\n"),
        "x\n[secret]",
    );
}

#[test]
fn the_lines_of_a_new_file_and_of_a_removed_secret() {
    shows(
        &hidden(&["new-secret"], "", "pw=new-secret\n"),
        "",
        "pw=[secret]\n",
    );
    shows(
        &hidden(&["the-secret"], "a\npw=the-secret\n", "a\n"),
        "a\npw=[secret]\n",
        "a\n",
    );
}

#[test]
fn a_large_text_with_a_secret_is_not_compared() {
    let large = "x\n".repeat(TOO_LONG / 2);
    let diff = hidden(
        &["new-secret"],
        &format!("old-secret\n{large}"),
        "new-secret\n",
    );
    let path = "/etc/app.ini".into();
    assert_eq!(diff, Diff::Hidden { path });
}

#[test]
fn a_property_that_becomes_a_secret_hides_what_it_was() {
    let known = Secrets::new();
    known.add("new-secret", "test").expect("long enough");
    let property = |before: &str, after: &str| {
        let mut diff = Diff::Property {
            name: "comment".into(),
            before: before.into(),
            after: after.into(),
        };
        diff.scrub(&known.scrubber());
        diff
    };
    let shown = |before: &str, after: &str| Diff::Property {
        name: "comment".into(),
        before: before.into(),
        after: after.into(),
    };
    assert_eq!(
        property("old-secret", "new-secret"),
        shown("[secret]", "[secret]")
    );
    assert_eq!(property("", "new-secret"), shown("", "[secret]"));
    assert_eq!(property("old", "new"), shown("old", "new"));
}
