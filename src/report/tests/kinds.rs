//! Every kind of event through every reporter.

use super::story::{Page, Story, tell};
use crate::model::{Event, Kind, Scrubbed, Secrets};
use crate::report::github::Workflow;
use crate::report::{Github, Gitlab, Json, Junit, Plain, Reporter, Settings, View};

/// Kinds that the log does not show: another one says the same, or only the live display and programs need
/// them.
const NOT_SHOWN: &[&str] = &[
    "each.finished",
    "host.started",
    "task.started",
    "task.applied",
    "rollout.batch_finished",
];

#[test]
fn the_log_shows_every_kind_but_those_that_are_listed() {
    let settings = Settings {
        verbose: 2,
        ..Settings::default()
    };
    let mut not_shown = Vec::new();
    for event in Event::samples("x") {
        let mut view = View::new(settings);
        for before in Story::of(1, false).events {
            view.event(&before);
        }
        if view.event(&event).is_empty() {
            not_shown.push(event.kind.name().to_owned());
        }
    }
    assert_eq!(
        not_shown, NOT_SHOWN,
        "show the kind in src/report/view.rs, or list it here"
    );
}

#[test]
fn no_reporter_shows_a_secret_in_any_kind() {
    let secrets = Secrets::new();
    secrets.add("hunter22", "test").expect("long enough");
    let events: Vec<Scrubbed<Event>> = Event::samples("a hunter22 b")
        .into_iter()
        .map(|event| Scrubbed::new(event, &secrets.scrubber()))
        .collect();
    let dir = tempfile::tempdir().expect("a directory");
    let report = dir.path().join("report.xml");
    let page = Page::default();
    let out = || Box::new(page.clone());
    let settings = Settings {
        verbose: 2,
        diff: true,
        ..Settings::default()
    };
    let mut reporters: Vec<Box<dyn Reporter>> = vec![
        Box::new(Plain::new(settings, out(), out())),
        Box::new(Json::new(out())),
        Box::new(Github::new(settings, Workflow::default(), out())),
        Box::new(Gitlab::new(settings, out())),
        Box::new(Junit::create(&report).expect("it can be written")),
    ];
    for reporter in &mut reporters {
        for event in &events {
            reporter.event(event);
        }
        reporter.finish();
    }
    let report = std::fs::read_to_string(&report).expect("it was written");
    for text in [report, page.text()] {
        assert!(
            text.contains("[secret]") && !text.contains("hunter22"),
            "{text}"
        );
    }
}

/// An event of a newer ops is not shown and does no harm.
#[test]
fn an_unknown_kind_is_ignored() {
    let mut events = Story::of(1, false).events;
    let mut unknown = events[0].clone();
    unknown.kind = Kind::Other(serde_json::Map::new());
    events.push(unknown);
    let page = Page::default();
    let mut plain = Plain::new(Settings::default(), Box::new(page.clone()), Box::new(page));
    tell(&mut plain, &events);
}
