//! A rollout in the log, on the terminal, in sections of a CI system, and as a table.

use std::time::Duration;

use insta::assert_snapshot;

use super::live::live;
use super::story::{Page, Story, scrubbed, tell};
use crate::model::{
    Emission, Failure, FailureKind, Fate, HostEnd, Kind, OnAbort, Outcome, Phase, Reporter as _,
    RolloutEnd, Version, Waiting,
};
use crate::report::{Gitlab, Plain, Rollouts, Settings};

impl Story {
    fn phase(self, host: &str, batch: usize, phase: Phase, took: u64) -> Self {
        self.phase_with(host, batch, phase, took, None)
    }

    fn phase_with(
        self,
        host: &str,
        batch: usize,
        phase: Phase,
        took: u64,
        failure: Option<Failure>,
    ) -> Self {
        let kind = Kind::RolloutHost {
            phase,
            batch,
            failure: failure.map(Box::new),
        };
        let emission = Emission::new(kind).host(host);
        self.then(emission.duration(Duration::from_millis(took)))
    }

    fn batch(self, batch: usize, batches: usize, host: &str, rollback: bool) -> Self {
        self.then(Emission::new(Kind::RolloutBatchStarted {
            batch,
            batches,
            hosts: vec![host.to_owned()],
            rollback,
        }))
    }

    fn batch_ends(self, batch: usize, batches: usize, rollback: bool) -> Self {
        self.then(Emission::new(Kind::RolloutBatchFinished {
            batch,
            batches,
            failed: 0,
            rollback,
        }))
    }
}

fn unhealthy() -> Failure {
    Failure::new(FailureKind::Failed, "not healthy within 5m: HTTP 503").on("web2")
}

fn broken() -> Failure {
    Failure::new(FailureKind::Failed, "the old one is not healthy either").on("web2")
}

/// The first host comes through, and the second one is waited for.
fn half() -> Story {
    let story = Story::of(2, false).then(Emission::new(Kind::RolloutStarted {
        hosts: 2,
        batches: vec![1, 1],
        max_unavailable: Some(1),
        max_failures: 0,
        on_abort: OnAbort::Rollback,
    }));
    let pause = Kind::RolloutPaused {
        batch: 1,
        on: Waiting::Pause,
    };
    story
        .batch(1, 2, "web1", false)
        .starts("web1")
        .phase("web1", 1, Phase::Draining, 0)
        .phase("web1", 1, Phase::Drained, 300)
        .task("web1", "files::file /srv/VERSION", Outcome::Changed)
        .phase("web1", 1, Phase::Updated, 1200)
        .phase("web1", 1, Phase::Healthy, 10_400)
        .phase("web1", 1, Phase::Readmitted, 100)
        .ends_well("web1")
        .batch_ends(1, 2, false)
        .then(Emission::new(pause).duration(Duration::from_secs(30)))
        .batch(2, 2, "web2", false)
        .starts("web2")
        .phase("web2", 2, Phase::Drained, 300)
        .phase("web2", 2, Phase::Updated, 900)
        .phase("web2", 2, Phase::WaitingHealthy, 0)
}

fn whole() -> Story {
    let end = |fate, version, batch, failure: Option<Failure>| HostEnd {
        fate,
        version,
        batch: Some(batch),
        failure: failure.clone().map(Box::new),
        unrestored: (fate == Fate::LeftOut).then(|| Box::new(broken())),
        reason: None,
    };
    let hosts = [
        ("web1", end(Fate::Updated, Version::New, 1, None)),
        (
            "web2",
            end(Fate::LeftOut, Version::Old, 2, Some(unhealthy())),
        ),
    ];
    let hosts = hosts.map(|(name, end)| (name.to_owned(), end)).into();
    let reason = unhealthy().to_string();
    let aborted = Kind::RolloutAborted {
        reason: reason.clone(),
        on_abort: OnAbort::Rollback,
    };
    let finished = Kind::RolloutFinished {
        end: RolloutEnd::NotRolledBack,
        reason: Some(reason.clone()),
        hosts,
    };
    let host_finished = Kind::HostFinished {
        failure: Some(Box::new(unhealthy())),
    };
    let why = format!("the rollout was aborted, and could not be rolled back completely: {reason}");
    half()
        .phase_with("web2", 2, Phase::Failed, 300_000, Some(unhealthy()))
        .then(Emission::new(aborted))
        .phase("web2", 2, Phase::RolledBack, 200)
        .phase_with("web2", 2, Phase::RollbackFailed, 60_000, Some(broken()))
        .phase_with("web2", 2, Phase::LeftOut, 0, Some(broken()))
        .then(Emission::new(host_finished).host("web2"))
        .batch_ends(2, 2, false)
        .then(Emission::new(finished).duration(Duration::from_secs(372)))
        .finished(7, Some(Failure::new(FailureKind::NotRolledBack, why)))
}

#[test]
fn in_the_log() {
    let page = Page::default();
    let mut plain = Plain::new(
        Settings::default(),
        Box::new(page.clone()),
        Box::new(page.clone()),
    );
    tell(&mut plain, &whole().events);
    assert_snapshot!(page.text());
}

#[test]
fn on_the_terminal() {
    let (term, mut live) = live(Settings::default());
    half()
        .events
        .iter()
        .for_each(|event| live.event(&scrubbed(event)));
    live.tick();
    assert_snapshot!(term.contents());
}

#[test]
fn a_batch_is_a_section() {
    let page = Page::default();
    let mut gitlab = Gitlab::new(Settings::default(), Box::new(page.clone()));
    tell(&mut gitlab, &whole().events);
    let text = page.text();
    assert_eq!(text.matches("section_start").count(), 2, "{text}");
    assert_eq!(text.matches("section_end").count(), 2, "{text}");
    assert!(text.contains("batch 1 of 2: web1"), "{text}");
}

#[test]
fn as_a_table() {
    let mut rollouts = Rollouts::default();
    whole()
        .events
        .iter()
        .for_each(|event| rollouts.event(event));
    assert_snapshot!(rollouts.tables().join("\n"));
    // A run that was killed.
    let mut rollouts = Rollouts::default();
    half().events.iter().for_each(|event| rollouts.event(event));
    assert_snapshot!(rollouts.tables().join("\n"));
}

/// What the plain reporter prints for a story.
fn written(story: &Story) -> String {
    let page = Page::default();
    let mut plain = Plain::new(
        Settings::default(),
        Box::new(page.clone()),
        Box::new(page.clone()),
    );
    tell(&mut plain, &story.events);
    page.text()
}

#[test]
fn each_failure_of_a_host_has_one_line() {
    let finished = || {
        let failure = Some(Box::new(unhealthy()));
        Emission::new(Kind::HostFinished { failure }).host("web2")
    };
    // The host is left out and then rolled back, which fails too. The first failure ends its work both times.
    let story = half()
        .phase_with("web2", 2, Phase::Failed, 1000, Some(unhealthy()))
        .phase_with("web2", 2, Phase::LeftOut, 0, Some(unhealthy()))
        .then(finished())
        .batch(1, 1, "web2", true)
        .starts("web2")
        .phase_with("web2", 1, Phase::RollbackFailed, 1000, Some(broken()))
        .phase_with("web2", 1, Phase::LeftOut, 0, Some(broken()))
        .then(finished());
    let text = written(&story);
    let failed = text.lines().filter(|line| line.starts_with("failed  "));
    assert_eq!(failed.count(), 2, "{text}");
}

#[test]
fn a_run_that_fails_before_any_host_is_not_done() {
    let failure = Failure::new(FailureKind::Failed, "the balancer does not answer");
    let text = written(&Story::of(2, false).finished(3, Some(failure)));
    assert!(
        text.contains("\nfailed in ") && !text.contains("done in"),
        "{text}"
    );
}

#[test]
fn a_wait_has_a_line_and_a_question_has_none() {
    let waiting = |hosts: &[&str], asks| Kind::Waiting {
        what: "for packages::installed nginx".to_owned(),
        reason: Some("Unpacking\u{1b} libc6".to_owned()),
        left_ms: Some(30_000),
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        asks,
    };
    let waits = |kind| Emission::new(kind).duration(Duration::from_secs(8));
    let story = Story::of(2, false)
        .then(waits(waiting(&[], false)).host("web1"))
        .then(waits(waiting(&["web10", "web9"], false)))
        .then(waits(waiting(&[], true)));
    let lines: Vec<String> = written(&story)
        .lines()
        .filter(|line| line.starts_with("waiting"))
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(
        lines,
        [
            "waiting      web1  for packages::installed nginx, 8.0 s so far, 30.0 s left: \
             Unpacking\\x1b libc6",
            "waiting      web9, web10: for packages::installed nginx, 8.0 s so far, 30.0 s left: \
             Unpacking\\x1b libc6",
        ]
    );
}
