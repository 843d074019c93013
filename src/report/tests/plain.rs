//! What the plain reporter writes, as snapshots.

use insta::assert_snapshot;

use super::story::{Page, Story, apt_failure, at, refused, tell};
use crate::model::{
    Diff, Emission, Event, Failure, FailureKind, Kind, LogLevel, Outcome, OutputStream, Scrub as _,
    Secrets,
};
use crate::report::{Json, Plain, Settings};

fn shown_with(settings: Settings, events: &[Event]) -> String {
    let (out, err) = (Page::default(), Page::default());
    tell(
        &mut Plain::new(settings, Box::new(out.clone()), Box::new(err.clone())),
        events,
    );
    format!("{}===== stderr =====\n{}", out.text(), err.text())
}

fn shown(events: &[Event]) -> String {
    shown_with(Settings::default(), events)
}

/// Both streams into one file, as a CI job has it.
fn log(settings: Settings, events: &[Event]) -> String {
    let page = Page::default();
    tell(
        &mut Plain::new(settings, Box::new(page.clone()), Box::new(page.clone())),
        events,
    );
    page.text()
}

fn diffs() -> Vec<Diff> {
    vec![
        Diff::Property {
            name: "mode".into(),
            before: "0600".into(),
            after: "0644".into(),
        },
        Diff::Text {
            path: "/etc/motd".into(),
            before: "one\ntwo\nthree\n".into(),
            after: "one\n2\nthree".into(),
        },
    ]
}

fn changes() -> Story {
    let mut story = Story::of(1, false).starts("web1");
    story = story.task("web1", "files::directory /etc/shop", Outcome::Unchanged);
    story = story.task_with(
        "web1",
        "files::file /etc/motd",
        Outcome::Changed,
        diffs(),
        None,
    );
    let output = Kind::TaskOutput {
        stream: OutputStream::Stderr,
        text: "\x1b[31mwarning\x1b[0m: cached\nsecond\n".into(),
    };
    story = story.then(
        Emission::new(output)
            .host("web1")
            .task("packages::installed nginx"),
    );
    let installed = Kind::TaskFinished {
        diff: vec![],
        note: Some("nginx 1.22".into()),
        failure: None,
    };
    let installed = Emission::new(installed)
        .host("web1")
        .task("packages::installed nginx")
        .outcome(Outcome::Changed);
    story = story.then(installed.duration(std::time::Duration::from_millis(12_345)));
    story
        .log(None, LogLevel::Info, "one line\nand another")
        .log(Some("web1"), LogLevel::Debug, "hidden")
        .ends_well("web1")
}

#[test]
fn a_run_with_nothing_to_change() {
    let story = Story::of(1, false)
        .starts("web1")
        .task("web1", "files::file /etc/motd", Outcome::Unchanged)
        .ends_well("web1");
    assert_snapshot!(shown(&story.finished(0, None).events));
}

#[test]
fn changes_on_one_host() {
    assert_snapshot!(shown(&changes().finished(0, None).events));
}

#[test]
fn changes_with_diffs_and_output() {
    let settings = Settings {
        diff: true,
        verbose: 1,
        ..Settings::default()
    };
    assert_snapshot!(shown_with(settings, &changes().finished(0, None).events));
}

#[test]
fn check_mode_shows_what_would_change() {
    let story = Story::of(2, true)
        .each(2)
        .starts("web1")
        .starts("web2")
        .task_with(
            "web1",
            "files::file /etc/motd",
            Outcome::WouldChange,
            diffs(),
            None,
        )
        .task("web2", "files::file /etc/motd", Outcome::Unchanged)
        .task_with(
            "web1",
            "commands::run make install",
            Outcome::Unknown,
            vec![],
            Some("cannot determine whether it would change the host"),
        )
        .ends_well("web1")
        .ends_well("web2");
    assert_snapshot!(shown(&story.finished(0, None).events));
}

#[test]
fn a_failure_on_one_host() {
    let story = Story::of(1, false).starts("web1").task(
        "web1",
        "files::directory /srv",
        Outcome::Unchanged,
    );
    let failure = apt_failure();
    let ended = Failure {
        trace: vec![("deploy".into(), at(9, 5)), ("each".into(), at(3, 1))],
        ..failure.clone().on("web1")
    };
    assert_snapshot!(log(
        Settings::default(),
        &story
            .fails("web1", &failure)
            .finished(3, Some(ended))
            .events
    ));
}

#[test]
fn hosts_that_fail_alike_are_shown_once() {
    let mut story = Story::of(6, false).each(6);
    for number in 1..=6 {
        story = story.starts(&format!("web{number}"));
    }
    for number in 1..=3 {
        story = story.fails(&format!("web{number}"), &apt_failure());
    }
    for number in 4..=5 {
        let host = format!("web{number}");
        let failure = Failure::new(FailureKind::Unreachable, format!("cannot resolve {host}"))
            .hint("Is the name right?");
        story = story.lost(&host, &failure);
    }
    story = story
        .task("web6", "files::file /etc/motd", Outcome::Changed)
        .ends_well("web6");
    let ended = Failure {
        sums_up: true,
        ..Failure::new(FailureKind::Failed, "5 of 6 hosts failed").at(Some(at(3, 1)))
    };
    assert_snapshot!(log(
        Settings::default(),
        &story.finished(3, Some(ended)).events
    ));
}

#[test]
fn a_host_that_cannot_be_reached() {
    assert_snapshot!(shown(
        &Story::of(1, false)
            .starts("db1")
            .lost("db1", &refused())
            .finished(4, None)
            .events
    ));
}

#[test]
fn a_caught_failure_is_shown_once() {
    let failure = apt_failure().on("web1");
    let kind = Kind::TaskFinished {
        diff: vec![],
        note: None,
        failure: Some(Box::new(failure)),
    };
    let story = Story::of(1, false)
        .starts("web1")
        .then(Emission::new(kind).host("web1").outcome(Outcome::Failed));
    assert_snapshot!(shown(&story.ends_well("web1").finished(0, None).events));
}

#[test]
fn a_run_that_was_killed() {
    assert_snapshot!(shown(
        &Story::of(1, false)
            .starts("web1")
            .fails("web1", &apt_failure())
            .events
    ));
}

#[test]
fn diffs_of_every_form() {
    let diff = vec![
        Diff::Binary {
            path: "/srv/app".into(),
            before: None,
            after: (1_234_567, "ab".repeat(32)),
        },
        Diff::Hidden {
            path: "/etc/shop/key".into(),
        },
        Diff::Note {
            text: "starts nginx".into(),
        },
        Diff::Text {
            path: "/big".into(),
            before: String::new(),
            after: "x".repeat(2_000_000),
        },
        Diff::Text {
            path: "/odd\u{1b}[2J".into(),
            before: "a\tb\r\n".into(),
            after: "a\u{1b}[31m\u{202e}b\n".into(),
        },
    ];
    let story = Story::of(1, false).task_with("web1", "release", Outcome::Changed, diff, None);
    let settings = Settings {
        diff: true,
        ..Settings::default()
    };
    assert_snapshot!(shown_with(settings, &story.finished(0, None).events));
}

#[test]
fn plain_has_no_escape_codes_even_with_colour() {
    let settings = Settings {
        colour: true,
        diff: true,
        verbose: 2,
        width: None,
        on_github: false,
    };
    let story = changes()
        .starts("web2")
        .fails("web2", &apt_failure())
        .finished(3, None);
    assert!(!log(settings, &story.events).contains('\u{1b}'));
}

#[test]
fn secrets_do_not_show() {
    let secrets = Secrets::new();
    secrets.add("ngnix", "package").expect_err("too short");
    secrets
        .add("apt-get install", "command")
        .expect("long enough");
    let mut story = Story::of(1, false)
        .starts("web1")
        .fails("web1", &apt_failure())
        .finished(3, None);
    for event in &mut story.events {
        event.scrub(&secrets.scrubber());
    }
    assert_snapshot!(shown(&story.events));
}

#[test]
fn kept_events_read_as_the_run_did() {
    let mut story = changes()
        .each(3)
        .starts("web2")
        .fails("web2", &apt_failure())
        .starts("db1")
        .lost("db1", &refused());
    story = story.finished(
        3,
        Some(Failure::new(FailureKind::Failed, "2 of 3 hosts failed").at(Some(at(3, 1)))),
    );
    let json = Page::default();
    tell(&mut Json::new(Box::new(json.clone())), &story.events);
    let kept: Vec<Event> = json
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect();
    assert_eq!(kept, story.events);
    for verbose in 0..3 {
        for diff in [false, true] {
            let settings = Settings {
                verbose,
                diff,
                ..Settings::default()
            };
            assert_eq!(
                shown_with(settings, &kept),
                shown_with(settings, &story.events)
            );
        }
    }
}

#[test]
fn ten_thousand_hosts_that_fail_alike_take_a_line_each_and_one_explanation() {
    let mut story = Story::of(10_000, false).each(10_000);
    for number in 0..10_000 {
        story = story.fails(&format!("web{number:05}"), &apt_failure());
    }
    let log = log(Settings::default(), &story.finished(3, None).events);
    assert!(log.lines().count() < 10_060, "{}", log.lines().count());
    assert_eq!(
        log.matches("Unable to locate").count(),
        2,
        "when it first happens, and at the end"
    );
    assert!(log.lines().all(|line| line.len() < 1000));
}

#[test]
fn hosts_that_all_fail_differently_are_not_all_explained() {
    let mut story = Story::of(1000, false).each(1000);
    for number in 0..1000 {
        let host = format!("web{number:03}");
        let failure = Failure::new(FailureKind::Failed, format!("port {number} is taken"));
        story = story.fails(&host, &failure);
    }
    let log = log(Settings::default(), &story.finished(3, None).events);
    assert_eq!(log.matches("error: ").count(), 50);
    assert!(
        log.contains("and 950 other failures: the events of the run have all of them"),
        "{log}"
    );
}

#[test]
fn an_interrupted_run() {
    let stopped = Failure::new(FailureKind::Interrupted, "interrupted");
    let mut story = Story::of(2, false).each(2).starts("web1").starts("web2");
    for host in ["web1", "web2"] {
        let failure = Some(Box::new(stopped.clone().on(host)));
        story = story.then(Emission::new(Kind::HostFinished { failure }).host(host));
    }
    assert_snapshot!(log(
        Settings::default(),
        &story.finished(130, Some(stopped)).events
    ));
}

#[test]
fn tables_line_up() {
    let row = |cells: &[&str]| {
        cells
            .iter()
            .map(|cell| (*cell).to_owned())
            .collect::<Vec<_>>()
    };
    let rows = [
        row(&["run", "took", "what"]),
        row(&["20261121-141530-k3f9", "3.2 s", "site.rhai"]),
        row(&["日本", "", "x\u{1b}[0m"]),
    ];
    assert_snapshot!(crate::report::table::render(&rows));
}
