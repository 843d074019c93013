//! The dispatcher on its own: order, totals and scrubbing, with reporters that keep events.

use std::sync::mpsc;

use super::*;
use crate::model::{Diff, Event, FailureKind, Outcome, OutputStream};

/// Keeps the events for the test.
struct Kept(Arc<Mutex<Vec<Event>>>);

impl Reporter for Kept {
    fn event(&mut self, event: &Scrubbed<Event>) {
        self.0.lock().expect("no panic").push((**event).clone());
    }
}

fn kept() -> (Arc<Mutex<Vec<Event>>>, Box<dyn Reporter>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    (Arc::clone(&events), Box::new(Kept(events)))
}

fn finished(host: &str, outcome: Outcome) -> Emission {
    Emission::new(Kind::TaskFinished {
        diff: vec![],
        note: None,
        failure: None,
    })
    .host(host)
    .task("t")
    .outcome(outcome)
}

fn output(text: &str) -> Emission {
    Emission::new(Kind::TaskOutput {
        stream: OutputStream::Stdout,
        text: text.into(),
    })
}

#[test]
fn events_are_numbered_and_totals_kept() {
    let (events, reporter) = kept();
    let bus = Bus::start("r1", Secrets::new(), vec![reporter]);
    bus.emit(Emission::new(Kind::HostStarted).host("web3"));
    bus.emit(finished("web1", Outcome::Changed));
    bus.emit(finished("web1", Outcome::Unchanged));
    bus.emit(finished("web2", Outcome::Failed));
    let failure = || Box::new(Failure::new(FailureKind::Failed, "boom"));
    bus.emit(
        Emission::new(Kind::HostFinished {
            failure: Some(failure()),
        })
        .host("web2"),
    );
    bus.emit(
        Emission::new(Kind::HostFinished {
            failure: Some(failure()),
        })
        .host("web3"),
    );
    let gone = || Box::new(Failure::new(FailureKind::Unreachable, "gone"));
    bus.emit(Emission::new(Kind::HostUnreachable { failure: gone() }).host("db1"));
    bus.emit(
        Emission::new(Kind::HostFinished {
            failure: Some(gone()),
        })
        .host("db1"),
    );
    let (_, totals) = bus.finish(|_| 3, None);
    assert_eq!(
        totals,
        Totals {
            changed: 1,
            unchanged: 1,
            failed: 2,
            unreachable: 1,
            ..Totals::default()
        }
    );
    let events = events.lock().expect("no panic");
    assert!(events.iter().map(|event| event.seq).eq(1..=9));
    assert!(events.iter().all(|event| event.run == "r1"));
    let Kind::RunFinished {
        hosts,
        exit_code: 3,
        ..
    } = &events[8].kind
    else {
        panic!("{:?}", events[8])
    };
    assert_eq!(
        hosts["web1"],
        Totals {
            changed: 1,
            unchanged: 1,
            ..Totals::default()
        }
    );
    assert_eq!(
        hosts["db1"],
        Totals {
            unreachable: 1,
            ..Totals::default()
        }
    );
    assert_eq!(hosts["web3"].failed, 1);
}

/// It counts in the totals, and is not one of the hosts.
#[test]
fn the_controller_is_not_a_host() {
    let hosts_of = |emissions: Vec<Emission>| {
        let (events, reporter) = kept();
        let bus = Bus::start("r1", Secrets::new(), vec![reporter]);
        for emission in emissions {
            bus.emit(emission);
        }
        let (_, totals) = bus.finish(|_| 0, None);
        let events = events.lock().expect("no panic");
        let Some(Kind::RunFinished { hosts, .. }) = events.last().map(|event| &event.kind) else {
            panic!("{events:?}")
        };
        (totals.unchanged, hosts.keys().cloned().collect::<Vec<_>>())
    };
    let looked = || finished("controller", Outcome::Unchanged);
    let web1 = finished("web1", Outcome::Unchanged);
    assert_eq!(hosts_of(vec![looked(), web1]), (2, vec!["web1".to_owned()]));
    let begun = Emission::new(Kind::HostStarted).host("controller");
    let named = vec!["controller".to_owned()];
    assert_eq!(
        hosts_of(vec![begun, looked()]),
        (1, named),
        "one of the inventory"
    );
}

#[test]
fn an_undone_change_counts_as_undone_and_an_undo_is_not_a_change() {
    let bus = Bus::start("r1", Secrets::new(), vec![]);
    bus.emit(finished("a", Outcome::Changed).step("a/1"));
    bus.emit(finished("a", Outcome::Changed).step("a/2"));
    bus.emit(finished("a", Outcome::Failed).step("a/3"));
    // A failed change is undone too, as it may have been made in part. It still counts as failed.
    bus.emit(finished("a", Outcome::Changed).step("a/3/undo"));
    bus.emit(finished("a", Outcome::Changed).step("a/2/undo"));
    // The second part of an undo, such as one that reads what was restored.
    bus.emit(finished("a", Outcome::Changed).step("a/2/undo"));
    bus.emit(finished("a", Outcome::Failed).step("a/1/undo"));
    let (_, totals) = bus.finish(|_| 3, None);
    assert_eq!(
        totals,
        Totals {
            changed: 2,
            undone: 1,
            failed: 2,
            ..Totals::default()
        }
    );
}

#[test]
fn an_interrupted_host_does_not_count_as_failed() {
    let bus = Bus::start("r1", Secrets::new(), vec![]);
    let failure = || {
        Some(Box::new(Failure::new(
            FailureKind::Interrupted,
            "interrupted",
        )))
    };
    for host in ["a", "b"] {
        let cut = Kind::TaskFinished {
            diff: vec![],
            note: None,
            failure: failure(),
        };
        bus.emit(Emission::new(cut).host(host).outcome(Outcome::Failed));
        bus.emit(Emission::new(Kind::HostFinished { failure: failure() }).host(host));
    }
    let (_, totals) = bus.finish(|_| 130, None);
    assert_eq!(
        totals,
        Totals {
            interrupted: 2,
            ..Totals::default()
        }
    );
}

#[test]
fn every_text_of_an_event_is_scrubbed() {
    let secrets = Secrets::new();
    let (events, reporter) = kept();
    let bus = Bus::start("r1", secrets.clone(), vec![reporter]);
    secrets.add("hunter22", "db").expect("long enough");
    let mut failure = Failure::new(FailureKind::Failed, "no hunter22")
        .hint("try hunter22")
        .on("hunter22");
    failure.command = Some("psql hunter22".into());
    failure.stderr = Some("hunter22".into());
    failure.source_line = Some("run(\"hunter22\")".into());
    let diff = vec![
        Diff::Text {
            path: "/hunter22".into(),
            before: "hunter22".into(),
            after: "x hunter22".into(),
        },
        Diff::Note {
            text: "hunter22".into(),
        },
    ];
    let note = Some("hunter22".into());
    let kind = Kind::TaskFinished {
        diff,
        note,
        failure: Some(Box::new(failure.clone())),
    };
    bus.emit(
        Emission::new(kind)
            .host("hunter22")
            .task("hunter22")
            .step("hunter22")
            .outcome(Outcome::Failed),
    );
    bus.emit(output("aHVudGVyMjI="));
    let params = [("p".to_owned(), "hunter22".to_owned())].into();
    let playbook = "hunter22".into();
    bus.emit(Emission::new(Kind::RunStarted {
        schema: 1,
        version: "1".into(),
        playbook,
        check: false,
        hosts: 1,
        params,
    }));
    bus.emit(Emission::new(Kind::Other(serde_json::Map::from_iter([(
        "x".to_owned(),
        serde_json::json!(["hunter22"]),
    )]))));
    bus.finish(|_| 3, Some(failure));
    let text = serde_json::to_string(&*events.lock().expect("no panic")).expect("serialisable");
    assert!(
        !text.contains("hunter22") && !text.contains("aHVudGVy"),
        "{text}"
    );
    assert!(text.matches("[secret]").count() > 15, "{text}");
}

#[test]
fn a_panicking_reporter_is_removed() {
    struct Panics;
    impl Reporter for Panics {
        fn event(&mut self, _: &Scrubbed<Event>) {
            panic!("on purpose");
        }
    }
    let (events, reporter) = kept();
    let bus = Bus::start("r1", Secrets::new(), vec![Box::new(Panics), reporter]);
    bus.emit(finished("a", Outcome::Changed));
    assert_eq!(bus.finish(|_| 0, None).1.changed, 1);
    assert_eq!(events.lock().expect("no panic").len(), 2);
}

#[test]
fn events_after_the_end_are_ignored() {
    let (events, reporter) = kept();
    let bus = Bus::start("r1", Secrets::new(), vec![reporter]);
    bus.finish(|_| 0, None);
    bus.emit(finished("a", Outcome::Changed));
    assert_eq!(bus.finish(|_| 0, None).1, Totals::default());
    assert_eq!(events.lock().expect("no panic").len(), 1);
    assert_eq!(bus.paused(|| 7), 7);
}

#[test]
fn a_pause_begins_after_all_earlier_events() {
    let (events, reporter) = kept();
    let bus = Bus::start("r1", Secrets::new(), vec![reporter]);
    bus.emit(output("before"));
    let shown = bus.paused(|| {
        bus.emit(output("during"));
        events.lock().expect("no panic").len()
    });
    assert_eq!(shown, 1);
    bus.finish(|_| 0, None);
    assert_eq!(events.lock().expect("no panic").len(), 3);
}

/// Blocks at its first event until the test releases it.
struct Stuck(mpsc::Receiver<()>);

impl Reporter for Stuck {
    fn event(&mut self, event: &Scrubbed<Event>) {
        if event.seq == 1 {
            let _ = self.0.recv();
        }
    }
}

#[test]
fn a_stuck_reporter_blocks_no_one_and_dropped_lines_are_reported() {
    let (release, stuck) = mpsc::channel();
    let (events, reporter) = kept();
    let bus = Bus::start("r1", Secrets::new(), vec![Box::new(Stuck(stuck)), reporter]);
    bus.emit(output("first"));
    for _ in 0..2 * BACKLOG + 1000 {
        bus.emit(output("flood"));
    }
    bus.emit(finished("a", Outcome::Changed));
    drop(release);
    assert_eq!(bus.finish(|_| 0, None).1.changed, 1);
    let events = events.lock().expect("no panic");
    let is_warning = |event: &Event| match &event.kind {
        Kind::Log { message, .. } => message.contains("lines of output were dropped"),
        _ => false,
    };
    let warned = events.iter().any(is_warning);
    assert!(
        warned && events.len() <= 2 * BACKLOG + 10,
        "{}",
        events.len()
    );
}

#[test]
fn diffs_beyond_the_limit_are_left_out() {
    let (events, reporter) = kept();
    let bus = Bus::start("r1", Secrets::new(), vec![reporter]);
    let text = "x".repeat(1 << 20);
    for _ in 0..40 {
        let diff = Diff::Text {
            path: "/etc/big".to_owned(),
            before: String::new(),
            after: text.clone(),
        };
        bus.emit(Emission::new(Kind::TaskFinished {
            diff: vec![diff],
            note: None,
            failure: None,
        }));
    }
    bus.finish(|_| 0, None);
    let events = events.lock().expect("no panic");
    let left_out = "the diff of /etc/big is left out: the limit per run is 32 MiB";
    let count = |wanted: fn(&Diff) -> bool| {
        let diffs = events.iter().filter_map(|event| match &event.kind {
            Kind::TaskFinished { diff, .. } => Some(diff),
            _ => None,
        });
        diffs.flatten().filter(|diff| wanted(diff)).count()
    };
    assert_eq!(count(|diff| matches!(diff, Diff::Text { .. })), 32);
    assert_eq!(count(|diff| matches!(diff, Diff::Note { .. })), 8);
    let note = [Diff::Note {
        text: left_out.to_owned(),
    }];
    let is_noted =
        |event: &Event| matches!(&event.kind, Kind::TaskFinished { diff, .. } if *diff == note);
    assert!(events.iter().any(is_noted));
}
