//! Hosts that are out of service before the rollout, hosts that are lost, and the reports about each.

use super::scenes::{ALL, but, by, fates, run, s, well};
use super::world::{Found, Go, Keys, play};
use crate::deploy::rollout::{Present, Size, Spec, Step, Time};
use crate::model::Fate::{LeftOut, RolledBack, Untouched, Updated};
use crate::model::RolloutEnd;

/// A rollout with a balancer that can be queried.
fn asked(count: usize) -> Spec {
    Spec {
        present: Present {
            in_service: true,
            ..ALL
        },
        ..by(count)
    }
}

#[test]
fn hosts_found_out_of_service_are_readmitted_with_the_new_version_or_named() {
    let found = [Found::Out, Found::Out, Found::Well, Found::Well];
    let spec = Spec {
        max_unavailable: Some(Size::Count(2)),
        ..asked(2)
    };
    let (report, log) = play(&spec, &found, Keys::default(), &[], &well);
    assert_eq!(fates(&report), [Updated; 4]);
    assert_eq!(log.most_out, 2);

    // The first one fails: it is restored to the state in which it was found, out of service; the other one
    // is named.
    let script = but(0, Step::Update, Go::Badly);
    let (report, log) = play(&asked(1), &found, Keys::default(), &[], &script);
    assert_eq!(report.end, RolloutEnd::RolledBack);
    assert_eq!(fates(&report), [LeftOut, LeftOut, Untouched, Untouched]);
    assert!(!log.of(0).contains(&"readmitting"), "{log:#?}");
    let reasons: Vec<_> = report
        .hosts
        .iter()
        .map(|host| host.reason.as_deref())
        .collect();
    assert_eq!(
        reasons,
        [
            Some("it was out of service before the rollout, and was restored to its former state"),
            Some(
                "out of service since before the rollout, and not started: the rollout was aborted after 0 \
                 failed"
            ),
            Some("not started: the rollout was aborted after 0 failed"),
            Some("not started: the rollout was aborted after 0 failed"),
        ]
    );
}

#[test]
fn a_drain_that_failed_and_left_the_host_in_service_leaves_nothing_out() {
    // The balancer's module puts back what it took out; the test does not cover whether the next
    // readmission works.
    let script = |host: usize, step: Step, _: Time| match (host, step) {
        (0, Step::Drain | Step::Readmit) => (s(1), Go::Badly),
        _ => (s(1), Go::Well),
    };
    let (report, _) = play(&asked(1), &[Found::Well; 2], Keys::default(), &[], &script);
    // The simulated balancer says that it is out of service: its readmission is tried, and fails.
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&report), [LeftOut, Untouched]);

    let (report, log) = run(&asked(1), 2, &|host, step, _| match (host, step) {
        (0, Step::Drain) => (s(1), Go::Refused),
        (0, Step::Readmit) => (s(1), Go::Badly),
        _ => (s(1), Go::Well),
    });
    assert_eq!(report.end, RolloutEnd::RolledBack);
    assert_eq!(fates(&report), [Untouched, Untouched]);
    assert!(!log.of(0).contains(&"readmitting"), "{log:#?}");
    assert_eq!(report.hosts[0].reason.as_deref(), Some("Drain failed"));
}

#[test]
fn a_lost_host_is_not_drained_for_its_rollback_and_hosts_without_room_say_so() {
    // Two hosts are lost while a third one is updated and fails.
    let script = |host: usize, step: Step, now: Time| match (host, step) {
        (1 | 2, Step::Reach) => (s(1), Go::Lost),
        (3, Step::Update) => (s(1), Go::Badly),
        (_, Step::Drain) if now > s(60) => (s(1), Go::Well),
        _ => (s(1), Go::Well),
    };
    let spec = Spec {
        max_unavailable: Some(Size::Count(2)),
        ..by(1)
    };
    let (report, log) = run(&spec, 6, &script);
    assert_eq!(report.end, RolloutEnd::NotRolledBack);
    assert_eq!(
        fates(&report),
        [Updated, LeftOut, LeftOut, RolledBack, Untouched, Untouched]
    );
    let drains = |host| {
        log.of(host)
            .iter()
            .filter(|phase| **phase == "draining")
            .count()
    };
    assert_eq!((drains(1), drains(2)), (1, 1), "{log:#?}");
    assert!(report.hosts[1].is_unreachable() && report.hosts[2].is_unreachable());
    assert_eq!(
        report.hosts[0].reason.as_deref(),
        Some(
            "not rolled back: `max_unavailable` allows 2 out of service, and 1, 2 are out already"
        )
    );
}

#[test]
fn reports_long_phases() {
    let script = |_: usize, step: Step, now: Time| match step {
        Step::Update => (s(70), Go::Well),
        Step::Healthy if now < s(120) => (s(0), Go::Badly),
        _ => (s(0), Go::Well),
    };
    let (report, log) = run(&by(1), 1, &script);
    assert_eq!(report.end, RolloutEnd::Done);
    let said: Vec<_> = log
        .still
        .iter()
        .map(|(at, _, reason)| (at.as_secs(), reason.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (10, ""),
            (35, ""),
            (60, ""),
            (80, "Healthy failed"),
            (90, "Healthy failed"),
            (100, "Healthy failed"),
            (110, "Healthy failed"),
            (120, "Healthy failed"),
        ]
    );
}
