//! What the plain reporter writes of health checks: what is new, and no more.

use super::story::{Page, Story, tell};
use crate::model::{Emission, Event, Failure, FailureKind, HealthState, Kind, Outcome};
use crate::report::{Plain, Settings};

const LABEL: &str = "http http://127.0.0.1:8080/healthz";

fn seen(state: HealthState, message: &str, vantage: &str, waiting: bool) -> Emission {
    let kind = Kind::HealthChecked {
        state,
        message: message.into(),
        vantage: vantage.into(),
        waiting,
    };
    Emission::new(kind).host("web1").task(LABEL)
}

/// The lines between those about the run and the empty one before the summary.
fn lines(settings: Settings, events: &[Event]) -> Vec<String> {
    let page = Page::default();
    let mut plain = Plain::new(settings, Box::new(page.clone()), Box::new(Page::default()));
    tell(&mut plain, events);
    let text = page.text();
    let lines = text.lines().skip(2).take_while(|line| !line.is_empty());
    lines.map(ToOwned::to_owned).collect()
}

fn wait() -> Story {
    let refused = "no connection";
    Story::of(1, false)
        .starts("web1")
        .then(seen(HealthState::Passing, "200 in 3ms", "host", false))
        .then(seen(HealthState::Critical, refused, "host", true))
        .then(seen(HealthState::Critical, refused, "host", true))
        .then(seen(HealthState::Warning, "200 in 900ms", "host", true))
        .then(seen(HealthState::Passing, "200 in 2ms", "lb1", true))
}

#[test]
fn a_wait_shows_changes_of_state() {
    let events = wait().finished(0, None).events;
    assert_eq!(
        lines(Settings::default(), &events),
        [
            format!("waiting      web1  {LABEL}: no connection"),
            format!("warning      web1  {LABEL}: 200 in 900ms"),
            format!("passing      web1  {LABEL}: 200 in 2ms (from lb1)"),
        ]
    );
    let verbose = Settings {
        verbose: 1,
        ..Settings::default()
    };
    let all = lines(verbose, &events);
    let of_check = all.iter().filter(|line| line.contains(LABEL));
    assert_eq!(of_check.count(), 5, "{all:?}");
}

#[test]
fn a_check_that_ends_the_closure_has_one_line() {
    let said = "503, expected 2xx";
    let mut failure = Failure::new(FailureKind::Failed, said).on("web1");
    failure.task = Some(LABEL.to_owned());
    let ended = Kind::HostFinished {
        failure: Some(Box::new(failure)),
    };
    let events = Story::of(1, false)
        .starts("web1")
        .then(seen(HealthState::Critical, said, "host", false).outcome(Outcome::Failed))
        .then(Emission::new(ended).host("web1"))
        .finished(3, None)
        .events;
    assert_eq!(
        lines(Settings::default(), &events),
        [format!("critical     web1  {LABEL}: {said}")]
    );
}
