//! The guarantees for each way in which a rollout can go.

use std::time::Duration;

use super::world::{Go, Keys, Log, Script, play};
use crate::deploy::rollout::{Batches, Gates, Present, Report, Size, Spec, Step, Time};
use crate::model::{Fate, OnAbort, RolloutEnd, Version};

pub(super) const ALL: Present = Present {
    drain: true,
    healthy: true,
    readmit: true,
    rollback_healthy: true,
    in_service: false,
};

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn spec(sizes: &[Size]) -> Spec {
    Spec {
        batches: Batches::new(sizes.to_vec()).expect("sizes"),
        ..Spec::new(ALL)
    }
}

pub(super) fn by(count: usize) -> Spec {
    spec(&[Size::Count(count)])
}

pub(super) fn run(spec: &Spec, hosts: usize, script: &Script) -> (Report, Log) {
    play(spec, &vec![false; hosts], Keys::default(), &[], script)
}

pub(super) fn fates(report: &Report) -> Vec<Fate> {
    report.hosts.iter().map(|host| host.fate).collect()
}

/// Every step takes a second; the given step of one host differs.
pub(super) fn but(host: usize, step: Step, go: Go) -> impl Fn(usize, Step, Time) -> (Duration, Go) {
    move |at, which, _| {
        let go = if (at, which) == (host, step) {
            go
        } else {
            Go::Well
        };
        (s(1), go)
    }
}

pub(super) fn well(_: usize, _: Step, _: Time) -> (Duration, Go) {
    (s(1), Go::Well)
}

use Fate::{LeftOut, RolledBack, Untouched, Updated};

#[test]
fn everything_succeeds() {
    let (report, log) = run(&by(2), 5, &well);
    assert_eq!(report.end, RolloutEnd::Done);
    assert_eq!(fates(&report), [Updated; 5]);
    assert_eq!((log.most_out, log.most_at_once), (2, 2));
    assert_eq!(
        log.of(0),
        [
            "draining",
            "drained",
            "updating",
            "updated",
            "waiting_healthy",
            "healthy",
            "readmitting",
            "readmitted"
        ]
    );
    assert!(log.has("Forward batch 3") && !log.has("Forward batch 4"));
}

#[test]
fn missing_steps_are_skipped() {
    let only = Spec {
        present: Present::default(),
        ..by(1)
    };
    let (report, log) = run(&only, 2, &well);
    assert_eq!(report.end, RolloutEnd::Done);
    assert_eq!(log.of(1), ["updating", "updated"]);
    assert_eq!(log.took, s(2), "there is no wait without a gate");
}

#[test]
fn works_without_hosts() {
    assert_eq!(run(&by(1), 0, &well).0.end, RolloutEnd::Done);
}

#[test]
fn a_broken_version_is_rolled_back_in_reverse_order() {
    let (report, log) = run(&by(1), 4, &but(2, Step::Healthy, Go::Badly));
    assert_eq!(report.end, RolloutEnd::RolledBack);
    assert_eq!(
        fates(&report),
        [RolledBack, RolledBack, RolledBack, Untouched]
    );
    assert_eq!(log.rolled_back, [1, 0]);
    assert_eq!((log.most_out, log.updates), (1, 3));
    assert_eq!(
        log.of(2)[4..],
        [
            "waiting_healthy",
            "failed",
            "rolling_back",
            "rolled_back",
            "waiting_healthy",
            "healthy",
            "readmitting",
            "readmitted"
        ]
    );
    let why = report.hosts[2].failure.as_ref().expect("a reason");
    assert_eq!(
        why.message, "not healthy within 5m: Healthy failed",
        "{why:?}"
    );
    assert!(report.hosts[1].failure.is_none());
}

#[test]
fn a_batch_turns_back_together() {
    // The second host of the batch waits for its health when the first one fails its update.
    let script = |host: usize, step: Step, _: Time| match (host, step) {
        (0, Step::Update) => (s(5), Go::Badly),
        (1, Step::Healthy) => (s(1), Go::Badly),
        _ => (s(1), Go::Well),
    };
    let (report, log) = run(&by(2), 4, &script);
    assert_eq!(report.end, RolloutEnd::RolledBack);
    assert_eq!(
        fates(&report),
        [RolledBack, RolledBack, Untouched, Untouched]
    );
    assert!(report.hosts[1].failure.is_none(), "its deadline passed");
    assert!(log.took < s(60), "{:?}", log.took);
}

#[test]
fn a_budget_is_for_the_whole_rollout() {
    let script = |host: usize, step: Step, _: Time| match (host, step) {
        (0 | 2 | 4, Step::Update) => (s(1), Go::Badly),
        _ => (s(1), Go::Well),
    };
    let spec = |max_failures| Spec {
        max_failures,
        ..by(1)
    };
    let (report, _) = run(&spec(3), 6, &script);
    assert_eq!(report.end, RolloutEnd::WithFailures);
    assert_eq!(
        fates(&report),
        [
            RolledBack, Updated, RolledBack, Updated, RolledBack, Updated
        ]
    );
    let (report, log) = run(&spec(2), 6, &script);
    assert_eq!(report.end, RolloutEnd::RolledBack);
    assert_eq!(log.rolled_back, [3, 1]);
    assert_eq!(report.hosts[5].fate, Untouched);
}

#[test]
fn stop_leaves_hosts_as_they_are() {
    let stop = Spec {
        on_abort: OnAbort::Stop,
        ..by(1)
    };
    let (report, log) = run(&stop, 3, &but(1, Step::Healthy, Go::Badly));
    assert_eq!(report.end, RolloutEnd::Stopped);
    assert_eq!(fates(&report), [Updated, LeftOut, Untouched]);
    assert_eq!(report.hosts[1].version, Version::New);
    assert_eq!(log.of(1).last(), Some(&"left_out"));
}

#[test]
fn continue_goes_on_without_failed_hosts() {
    let on = Spec {
        on_abort: OnAbort::Continue,
        ..by(1)
    };
    let (report, _) = run(&on, 4, &but(1, Step::Update, Go::Badly));
    assert_eq!(report.end, RolloutEnd::WithFailures);
    assert_eq!(fates(&report), [Updated, RolledBack, Updated, Updated]);
    let (report, _) = run(&on, 4, &but(1, Step::Update, Go::Lost));
    assert_eq!(report.end, RolloutEnd::WithFailures);
    assert_eq!(fates(&report), [Updated, LeftOut, Updated, Updated]);
    // With a floor, hosts that are left out count.
    let floor = Spec {
        max_unavailable: Some(Size::Count(1)),
        ..on
    };
    let (report, log) = run(&floor, 4, &but(1, Step::Update, Go::Lost));
    assert_eq!(report.end, RolloutEnd::Stopped);
    assert_eq!(fates(&report), [Updated, LeftOut, Untouched, Untouched]);
    assert_eq!(log.most_out, 1);
}

#[test]
fn a_lost_host_is_left_out_and_the_others_are_rolled_back() {
    let (report, log) = run(&by(1), 4, &but(2, Step::Update, Go::Lost));
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&report), [RolledBack, RolledBack, LeftOut, Untouched]);
    assert_eq!(log.rolled_back, [1, 0]);
}

#[test]
fn a_rollback_stays_above_the_floor_too() {
    let floor = Spec {
        max_unavailable: Some(Size::Count(1)),
        ..by(1)
    };
    let (report, log) = run(&floor, 4, &but(2, Step::Update, Go::Lost));
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&report), [Updated, Updated, LeftOut, Untouched]);
    assert_eq!(log.most_out, 1);
}

#[test]
fn a_broken_old_version_stops_the_rollback() {
    let script = |host: usize, step: Step, _: Time| match (host, step) {
        (2, Step::Update) | (_, Step::RollbackHealthy) => (s(1), Go::Badly),
        _ => (s(1), Go::Well),
    };
    let (report, log) = run(&by(1), 4, &script);
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&report), [Updated, Updated, LeftOut, Untouched]);
    assert_eq!(report.hosts[2].version, Version::Old);
    assert!(log.rolled_back.is_empty());
    // It only becomes apparent later, in the rollback of the others.
    let later = |host: usize, step: Step, _: Time| match (host, step) {
        (2, Step::Update) | (1, Step::RollbackHealthy) => (s(1), Go::Badly),
        _ => (s(1), Go::Well),
    };
    let (report, _) = run(&by(1), 4, &later);
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&report), [Updated, LeftOut, RolledBack, Untouched]);
}

#[test]
fn a_failed_drain_does_not_touch_the_host() {
    let (report, log) = run(&by(1), 3, &but(1, Step::Drain, Go::Badly));
    assert_eq!(report.end, RolloutEnd::RolledBack);
    assert_eq!(fates(&report), [RolledBack, Untouched, Untouched]);
    assert_eq!(
        log.of(1),
        ["draining", "failed", "readmitting", "readmitted"]
    );
}

#[test]
fn a_failed_readmission_leaves_the_host_out() {
    let within = Spec {
        max_failures: 1,
        ..by(1)
    };
    let (report, _) = run(&within, 3, &but(1, Step::Readmit, Go::Badly));
    assert_eq!(report.end, RolloutEnd::WithFailures);
    assert_eq!(fates(&report), [Updated, LeftOut, Updated]);
    assert_eq!(report.hosts[1].version, Version::New);
    // The balancer is gone: no other host is taken out for the rollback.
    let (report, log) = run(&by(1), 3, &but(1, Step::Readmit, Go::Badly));
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&report), [Updated, LeftOut, Untouched]);
    assert_eq!(report.hosts[1].version, Version::Old);
    assert_eq!(log.most_out, 1);
}

#[test]
fn a_healthy_moment_is_not_enough() {
    // Healthy from second 4 to second 9, and from 20 on.
    let script = |_: usize, step: Step, now: Time| {
        let healthy = (s(4)..s(9)).contains(&now) || now >= s(20);
        match step {
            Step::Healthy if !healthy => (Duration::ZERO, Go::Badly),
            _ => (Duration::ZERO, Go::Well),
        }
    };
    let (report, log) = run(&by(1), 1, &script);
    assert_eq!(report.end, RolloutEnd::Done);
    assert_eq!(log.took, s(30));
    let short = Spec {
        healthy_deadline: s(15),
        ..by(1)
    };
    let (report, log) = run(&short, 1, &script);
    assert_eq!(report.end, RolloutEnd::RolledBack);
    let why = report.hosts[0].failure.as_ref().expect("a reason");
    assert_eq!(
        why.message,
        "not healthy for 10s without interruption within 15s (only for 4s): Healthy failed"
    );
    assert!(log.took < s(40), "{:?}", log.took);
}

#[test]
fn a_check_that_hangs_ends_at_the_deadline() {
    let (report, log) = run(&by(1), 2, &but(0, Step::Healthy, Go::Hangs));
    assert_eq!(report.end, RolloutEnd::RolledBack);
    assert!(log.took < s(330), "{:?}", log.took);
}

#[test]
fn no_progress_ends_it() {
    for step in [Step::Drain, Step::Update] {
        let (report, log) = run(&by(1), 3, &but(1, step, Go::Hangs));
        assert_eq!(report.end, RolloutEnd::RolledBack, "{step:?}");
        assert!(
            log.has("aborted: no host became healthy within 10m"),
            "{log:#?}"
        );
    }
    let (report, _) = run(&by(1), 3, &but(1, Step::Readmit, Go::Hangs));
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(report.hosts[1].fate, LeftOut);
    // Every host that becomes healthy restarts the time limit of the others.
    let slow = |_: usize, step: Step, _: Time| {
        let takes = if step == Step::Update { s(500) } else { s(1) };
        (takes, Go::Well)
    };
    assert_eq!(run(&by(1), 3, &slow).0.end, RolloutEnd::Done);
}

#[test]
fn a_rollback_that_hangs_ends_at_its_deadline() {
    let script = |host: usize, step: Step, _: Time| match (host, step) {
        (1, Step::Update) => (s(1), Go::Badly),
        (1, Step::Rollback) => (s(1), Go::Hangs),
        _ => (s(1), Go::Well),
    };
    let (report, log) = run(&by(1), 3, &script);
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&report), [Updated, LeftOut, Untouched]);
    assert_eq!(report.hosts[1].version, Version::Unknown);
    assert!(log.took < s(400), "{:?}", log.took);
}

#[test]
fn pauses_and_gates_lie_between_batches() {
    let spec = Spec {
        pause: s(60),
        confirm: Gates::After([1].into()),
        ..by(1)
    };
    let (report, log) = run(&spec, 3, &well);
    assert_eq!(report.end, RolloutEnd::Done);
    let waits: Vec<_> = log
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix("waits: "))
        .collect();
    // A pause of a minute is reported three times.
    assert_eq!(
        waits,
        [
            "Pause", "Pause", "Pause", "Confirm", "Pause", "Pause", "Pause"
        ]
    );
    assert!(log.took >= s(120));

    let always = Spec {
        confirm: Gates::Always,
        ..by(1)
    };
    let no = |on_abort| {
        let spec = Spec {
            on_abort,
            ..always.clone()
        };
        play(&spec, &[false; 3], Keys::default(), &[true, false], &well).0
    };
    let report = no(OnAbort::Rollback);
    assert_eq!(report.end, RolloutEnd::RolledBack);
    assert_eq!(fates(&report), [RolledBack, RolledBack, Untouched]);
    for on_abort in [OnAbort::Stop, OnAbort::Continue] {
        let report = no(on_abort);
        assert_eq!(report.end, RolloutEnd::Stopped);
        assert_eq!(fates(&report), [Updated, Updated, Untouched]);
    }
}

#[test]
fn hosts_that_are_down_take_no_place() {
    let floor = Spec {
        max_unavailable: Some(Size::Count(1)),
        ..by(3)
    };
    let down = [true, true, false, false, false, false];
    let (report, log) = play(&floor, &down, Keys::default(), &[], &well);
    assert_eq!(report.end, RolloutEnd::Done);
    assert_eq!((log.most_out, log.most_at_once), (2, 2));
}

#[test]
fn ctrl_c_puts_back_what_is_in_flight() {
    // Steps take a second each and the gate ten: one point of time in each phase of the second host.
    let (_, calm) = run(&by(1), 3, &well);
    let host = calm.took / 3;
    for (into, phase) in [
        (500, "draining"),
        (1500, "updating"),
        (6000, "waiting_healthy"),
    ] {
        let at = host + Duration::from_millis(into);
        let keys = Keys {
            interrupt: Some(at),
            kill: None,
        };
        let (report, log) = play(&by(1), &[false; 3], keys, &[], &well);
        assert_eq!(report.end, RolloutEnd::Interrupted, "{phase}");
        let second = if phase == "draining" {
            Untouched
        } else {
            RolledBack
        };
        assert_eq!(fates(&report), [Updated, second, Untouched], "{phase}");
        assert!(log.has(&format!("1 {phase}")));
        assert!(!log.lines.iter().any(|line| line.contains("failed")));
    }
    // A readmission continues.
    let keys = Keys {
        interrupt: (host * 2).checked_sub(Duration::from_millis(500)),
        kill: None,
    };
    let (report, _) = play(&by(1), &[false; 3], keys, &[], &well);
    assert_eq!(report.end, RolloutEnd::Interrupted);
    assert_eq!(fates(&report), [Updated, Updated, Untouched]);
}

#[test]
fn ctrl_c_between_batches_ends_it_there() {
    let spec = Spec {
        pause: s(1000),
        ..by(1)
    };
    let keys = Keys {
        interrupt: Some(s(100)),
        kill: None,
    };
    let (report, log) = play(&spec, &[false; 2], keys, &[], &well);
    assert_eq!(report.end, RolloutEnd::Interrupted);
    assert_eq!(fates(&report), [Updated, Untouched]);
    assert_eq!(log.took, s(100));
}

#[test]
fn reports_a_host_that_cannot_be_put_back_after_ctrl_c() {
    let keys = Keys {
        interrupt: Some(Duration::from_millis(1500)),
        kill: None,
    };
    let script = but(0, Step::Rollback, Go::Badly);
    let (report, _) = play(&by(1), &[false; 2], keys, &[], &script);
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&report), [LeftOut, Untouched]);
}

#[test]
fn ctrl_c_in_a_rollback_finishes_the_host_and_no_more() {
    let script = but(2, Step::Update, Go::Badly);
    let (_, calm) = run(&by(1), 3, &script);
    // The last event is the rollback of the first host; before it that of the second.
    let keys = Keys {
        interrupt: Some(calm.took.mul_f64(0.75)),
        kill: None,
    };
    let (report, _) = play(&by(1), &[false; 3], keys, &[], &script);
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&report), [Updated, RolledBack, RolledBack]);
}

#[test]
fn ctrl_c_twice_leaves_what_is_in_flight() {
    let keys = Keys {
        interrupt: Some(Duration::from_millis(1500)),
        kill: Some(Duration::from_millis(1700)),
    };
    let (report, _) = play(&by(1), &[false; 2], keys, &[], &well);
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&report), [LeftOut, Untouched]);
    assert_eq!(report.hosts[0].version, Version::Unknown);
}
