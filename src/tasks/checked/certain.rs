//! Certain failures reported before a run, and warnings.

use super::{Host, made, noted, table};
use crate::model::Outcome::{Failed, Unknown, WouldChange};
use crate::task::{Need, Query};

#[test]
fn nothing_exists_below_a_directory_that_would_be_removed() {
    let host = Host::default()
        .directory("/srv")
        .directory("/srv/d")
        .file("/srv/d/x");
    let checked = host.check(tasks![
        "files::absent" ["/srv/d"],
        "files::file" ["/srv/d/x", "x"],
        "files::absent" ["/srv/d/x"],
    ]);
    assert_eq!(checked[1], noted(Failed, "there is no directory /srv/d"));
    let outcomes = host.outcomes(tasks![
        "files::absent" ["/srv/d"],
        "commands::run" ["make", { "creates": "/srv/d/y", "writes": ["/srv/d/x"] }],
        "files::file" ["/srv/d/x", "x"],
    ]);
    assert_eq!(outcomes[2], Unknown);
    let again = host.outcomes(tasks![
        "files::absent" ["/srv/d"],
        "files::directory" ["/srv/d"],
        "files::file" ["/srv/d/x", "x"],
    ]);
    assert_eq!(again, [WouldChange, WouldChange, Unknown]);
}

#[test]
fn a_certain_failure_is_reported() {
    for (tasks, reason) in [
        (
            tasks!["users::present" ["u9", { "uid": 0 }]],
            "the id 0 belongs to the user root",
        ),
        (
            tasks!["groups::present" ["crew", { "gid": 5 }]],
            "the id 5 belongs to the group tty",
        ),
        (
            tasks!["groups::absent"["crew"]],
            "crew is the primary group of the user eva",
        ),
        (
            tasks!["commands::run" [["nosuchprog", "x"], { "creates": "/srv/x" }]],
            "there is no program nosuchprog",
        ),
        (
            tasks!["files::file" ["/srv/x", "x", { "validate": "nosuchprog -c %s" }]],
            "there is no program nosuchprog",
        ),
    ] {
        let mut host = Host::default().directory("/srv").group("crew");
        let looked = tasks[0].needs();
        let looked = looked
            .iter()
            .filter(|need| matches!(need, Need::Looked { .. }));
        for need in looked {
            host = host.with(need.query(), table(&[("error", reason)]));
        }
        assert_eq!(host.check(tasks), [noted(Failed, reason)]);
    }
    for path in ["/proc/x", "/sys/kernel/x"] {
        let root = &path[..=path[1..].find('/').expect("a slash")];
        let host = Host::default().directory(root).directory("/sys/kernel");
        let reason = format!(
            "{path} is in the pseudo file system {root}, where files cannot be created or replaced"
        );
        for name in ["files::file", "files::line"] {
            assert_eq!(
                host.check(vec![made(name, serde_json::json!([path, "1"]))]),
                [noted(Failed, &reason)]
            );
        }
    }
}

#[test]
fn a_program_behind_a_link_that_would_be_created_may_exist() {
    let tasks = tasks![
        "files::link" ["/srv/shop/current", "r2"],
        "commands::run" [["/srv/shop/current/bin/shop"], { "creates": "/srv/x" }],
    ];
    let mut host = Host::default().directory("/srv/shop").directory("/srv");
    for need in tasks[1].needs() {
        host = host.with(need.query(), table(&[("error", "there is no program")]));
    }
    assert_ne!(host.outcomes(tasks)[1], Failed);
}

#[test]
fn warns_about_leaving_a_group_that_grants_root() {
    let rows = [
        ("name", "deploy"),
        ("home", "/home/deploy"),
        ("groups", "docker,sudo"),
    ];
    let host = Host::default()
        .with(Query::User("deploy".to_owned()), table(&rows))
        .group("docker");
    let checked = host.check(tasks!["users::present" ["deploy", { "groups": ["docker"] }]]);
    let warning = "warning: members of sudo may become root, and deploy leaves the group: if ops relies on \
        this group to become root, it will no longer be able to";
    assert_eq!(checked, [noted(WouldChange, warning)]);
}

#[test]
fn warns_about_changes_that_take_root_away() {
    let rows = [
        ("name", "deploy"),
        ("home", "/home/deploy"),
        ("shell", "/bin/sh"),
        ("groups", "sudo"),
    ];
    let host = Host::default()
        .with(Query::User("deploy".to_owned()), table(&rows))
        .group("sudo")
        .file("/etc/sudoers.d/deploy");
    for tasks in [
        tasks!["groups::absent"["sudo"]],
        tasks!["users::absent"["deploy"]],
        tasks!["users::present" ["deploy", { "shell": "/usr/sbin/nologin" }]],
        tasks!["files::absent"["/etc/sudoers.d/deploy"]],
    ] {
        let (outcome, note) = host.check(tasks).remove(0);
        assert!(
            outcome == WouldChange && note.starts_with("warning: "),
            "{note}"
        );
    }
}
