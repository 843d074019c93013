//! What the summary counts, and what is shown only once.

use super::story::{Page, Story, apt_failure, tell};
use crate::model::{Emission, Event, Failure, FailureKind, Kind, Outcome, Totals, undo_of};
use crate::report::{Plain, Settings};

fn log(events: &[Event]) -> String {
    let page = Page::default();
    tell(
        &mut Plain::new(
            Settings::default(),
            Box::new(page.clone()),
            Box::new(page.clone()),
        ),
        events,
    );
    page.text()
}

fn summary(hosts: &[(&str, Totals)], exit_code: u8) -> String {
    let mut totals = Totals::default();
    for (_, here) in hosts {
        totals.changed += here.changed;
        totals.undone += here.undone;
        totals.failed += here.failed;
        totals.interrupted += here.interrupted;
    }
    let hosts = hosts.iter().map(|(host, here)| ((*host).to_owned(), *here));
    let story = Story::of(2, false).then(Emission::new(Kind::RunFinished {
        totals,
        hosts: hosts.collect(),
        exit_code,
        failure: None,
    }));
    let shown = log(&story.events);
    shown[shown.rfind("\n\n").expect("a summary") + 2..].to_owned()
}

#[test]
fn undone_changes_are_not_counted_as_changed() {
    let rolled_back = Totals {
        changed: 3,
        undone: 3,
        failed: 1,
        ..Totals::default()
    };
    let stays = Totals {
        changed: 2,
        ..Totals::default()
    };
    assert_eq!(
        summary(&[("web1", rolled_back)], 3),
        "web1 in 0.5 s: 3 undone, 1 failed\n"
    );
    assert_eq!(
        summary(&[("web1", rolled_back), ("web2", stays)], 3),
        "2 hosts in 0.5 s: 2 changed, 3 undone, 1 failed\n"
    );
}

#[test]
fn interrupted_hosts_are_counted_and_named() {
    let cut = Totals {
        interrupted: 1,
        ..Totals::default()
    };
    assert_eq!(
        summary(
            &[("web1", cut), ("web10", cut), ("web2", Totals::default())],
            130
        ),
        "3 hosts in 0.5 s: 2 hosts interrupted\ninterrupted: web1, web10\n"
    );
    assert_eq!(
        summary(&[("web1", cut)], 130),
        "web1 in 0.5 s: interrupted\n"
    );
}

fn connecting(attempt: u32, reason: Option<&str>) -> Emission {
    Emission::new(Kind::HostConnecting {
        user: None,
        attempt,
        reason: reason.map(ToOwned::to_owned),
    })
    .host("web1")
}

#[test]
fn a_host_that_refuses_for_a_while_is_shown_with_the_reason() {
    // The events of a story are half a second apart.
    let story = Story::of(1, false)
        .then(connecting(1, None))
        .then(connecting(2, Some("refused")))
        .then(connecting(3, Some("refused\nand more")));
    let shown = log(&story.events);
    assert!(
        shown.contains("connecting   web1  attempt 3, after 1.0 s: refused\n"),
        "{shown}"
    );
    assert!(!shown.contains("attempt 2"), "{shown}");
}

#[test]
fn a_timeout_around_a_task_has_one_line_and_is_explained() {
    let mut stopped =
        Failure::new(FailureKind::Failed, "stopped by a `timeout` around it").on("web1");
    stopped.task = Some("run sleep 9".to_owned());
    let cut = Kind::TaskFinished {
        diff: vec![],
        note: None,
        failure: Some(Box::new(stopped.clone())),
    };
    let ended = Kind::HostFinished {
        failure: Some(Box::new(Failure {
            message: "took longer than 1s".to_owned(),
            ..stopped
        })),
    };
    let story = Story::of(1, false)
        .starts("web1")
        .then(Emission::new(cut).host("web1").outcome(Outcome::Failed))
        .then(Emission::new(ended).host("web1"))
        .finished(3, None);
    let shown = log(&story.events);
    assert_eq!(shown.matches("failed  ").count(), 1, "{shown}");
    assert!(
        shown.contains("error: run sleep 9: took longer than 1s"),
        "{shown}"
    );
}

#[test]
fn a_failure_after_one_that_was_caught_still_has_its_line() {
    let caught = apt_failure();
    let label = caught.task.clone().unwrap_or_default();
    let task = Kind::TaskFinished {
        diff: vec![],
        note: None,
        failure: Some(Box::new(caught.on("web1"))),
    };
    let other = Kind::HostFinished {
        failure: Some(Box::new(
            Failure::new(FailureKind::Failed, "no more").on("web1"),
        )),
    };
    let story = Story::of(1, false)
        .then(
            Emission::new(task)
                .host("web1")
                .task(label)
                .outcome(Outcome::Failed),
        )
        .then(Emission::new(other).host("web1"))
        .finished(3, None);
    let shown = log(&story.events);
    assert!(shown.contains("failed       web1  no more\n"), "{shown}");
}

#[test]
fn an_undo_says_which_step_it_undoes() {
    assert_eq!(
        crate::model::undone_by(Some(&undo_of("web1/3"))),
        Some("web1/3")
    );
    assert_eq!(crate::model::undone_by(Some("web1/3")), None);
}
