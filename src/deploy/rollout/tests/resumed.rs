//! Rollouts of a run that is killed and resumed.

use std::time::Duration;

use proptest::prelude::*;

use super::properties::{Case, case, largest_batch, spec};
use super::scenes::{but, by, fates, s, well};
use super::world::{Found, Go, Keys, Script, play_and_die};
use crate::deploy::rollout::{Earlier, Report, Size, Spec, Step};
use crate::model::Fate::{LeftOut, RolledBack, Untouched, Updated};
use crate::model::{FailureKind, OnAbort, RolloutEnd, Version};
use crate::store::{RolloutEntry, RolloutStep};

fn deaths() -> impl Strategy<Value = Vec<Duration>> {
    let death = (0..60_000_u64).prop_map(Duration::from_millis);
    prop::collection::vec(death, 1..4).prop_map(|mut deaths| {
        deaths.sort();
        deaths
    })
}

#[test]
fn hosts_that_were_out_go_first_and_hosts_that_were_done_are_left_alone() {
    let spec = Spec {
        max_unavailable: Some(Size::Count(2)),
        ..by(2)
    };
    // The second batch is being updated.
    let (report, log) = play_and_die(
        &spec,
        &[false; 6],
        Keys::default(),
        &[],
        &well,
        &[s(19)],
        None,
    );
    assert_eq!(report.end, RolloutEnd::Done);
    assert_eq!(fates(&report), [Updated; 6]);
    assert_eq!(log.most_out, 2);
    let drained = |host| {
        let phases = log.of(host);
        phases.iter().filter(|phase| **phase == "draining").count()
    };
    assert_eq!(
        [0, 1, 2, 3, 4, 5].map(drained),
        [1, 1, 2, 2, 1, 1],
        "{log:#?}"
    );
}

#[test]
fn a_rollback_goes_on_as_a_rollback() {
    let script = but(2, Step::Update, Go::Badly);
    let found = [false; 4];
    let (whole, _) = play_and_die(&by(1), &found, Keys::default(), &[], &script, &[], None);
    assert_eq!(whole.end, RolloutEnd::RolledBack);
    for death in 0..70 {
        let deaths = [s(death)];
        let (report, log) =
            play_and_die(&by(1), &found, Keys::default(), &[], &script, &deaths, None);
        assert_eq!(report.end, RolloutEnd::RolledBack, "{death}");
        assert_eq!(report.reason, whole.reason, "{death}");
        assert_eq!(
            fates(&report),
            [RolledBack, RolledBack, RolledBack, Untouched],
            "{death}"
        );
        assert_eq!(log.most_out, 1, "{death}");
    }
}

#[test]
fn failures_of_earlier_attempts_count() {
    let one = Spec {
        max_failures: 1,
        ..by(1)
    };
    let script = |host: usize, step: Step, _| match (host, step) {
        (0 | 3, Step::Update) => (s(1), Go::Badly),
        _ => (s(1), Go::Well),
    };
    // The first host failed and is back in service.
    let (report, log) = play_and_die(
        &one,
        &[false; 5],
        Keys::default(),
        &[],
        &script,
        &[s(30)],
        None,
    );
    assert_eq!(report.end, RolloutEnd::RolledBack);
    let tries = log.of(0);
    let tries = tries.iter().filter(|phase| **phase == "updating").count();
    assert_eq!(tries, 1, "{log:#?}");
}

/// A run that ended and is resumed when what was wrong has been repaired.
fn repaired(spec: &Spec, keys: Keys, script: &Script) -> [Report; 2] {
    let found = [false; 4];
    let first = play_and_die(spec, &found, keys, &[], script, &[], None).0;
    let second = play_and_die(spec, &found, keys, &[], script, &[], Some(&well)).0;
    [first, second]
}

#[test]
fn an_interrupted_rollout_goes_on_from_where_it_was() {
    for interrupt in 0..60 {
        for kill in [None, Some(s(interrupt + 1))] {
            let keys = Keys {
                interrupt: Some(s(interrupt)),
                kill,
            };
            let [_, second] = repaired(&by(2), keys, &well);
            assert_eq!(second.end, RolloutEnd::Done, "{keys:?}");
            assert_eq!(fates(&second), [Updated; 4], "{keys:?}");
        }
    }
}

#[test]
fn hosts_that_failed_are_tried_again() {
    let stop = Spec {
        on_abort: OnAbort::Stop,
        ..by(1)
    };
    let [first, second] = repaired(&stop, Keys::default(), &but(1, Step::Update, Go::Badly));
    assert_eq!(first.end, RolloutEnd::Stopped);
    assert_eq!(second.end, RolloutEnd::Done);
    assert_eq!(fates(&second), [Updated; 4]);
    let within = Spec {
        max_failures: 1,
        ..by(1)
    };
    let [first, second] = repaired(&within, Keys::default(), &but(1, Step::Update, Go::Badly));
    assert_eq!(first.end, RolloutEnd::WithFailures);
    assert_eq!(second.end, RolloutEnd::Done);
    assert_eq!(fates(&second), [Updated; 4]);
}

#[test]
fn a_rollout_stops_where_a_command_is_in_doubt_and_goes_on_when_that_is_decided() {
    let [first, second] = repaired(&by(2), Keys::default(), &but(1, Step::Update, Go::InDoubt));
    assert_eq!(first.end, RolloutEnd::Stopped);
    assert_eq!(fates(&first), [LeftOut, LeftOut, Untouched, Untouched]);
    assert_eq!(second.end, RolloutEnd::Done);
    let script = |host: usize, step: Step, _| match (host, step) {
        (2, Step::Update) => (s(1), Go::Badly),
        (1, Step::Rollback) => (s(1), Go::InDoubt),
        _ => (s(1), Go::Well),
    };
    let [first, second] = repaired(&by(1), Keys::default(), &script);
    assert_eq!(first.end, RolloutEnd::NotRolledBack);
    assert_eq!(fates(&first), [Updated, LeftOut, RolledBack, Untouched]);
    assert_eq!(second.end, RolloutEnd::RolledBack);
}

#[test]
fn a_rollback_that_was_not_complete_goes_on() {
    for broken in [Step::Readmit, Step::Rollback, Step::RollbackHealthy] {
        let script = move |host: usize, step: Step, _| match (host, step) {
            (2, Step::Update) => (s(1), Go::Badly),
            (1, step) if step == broken && step != Step::Readmit => (s(1), Go::Badly),
            (2, Step::Readmit) if broken == Step::Readmit => (s(1), Go::Badly),
            _ => (s(1), Go::Well),
        };
        let [first, second] = repaired(&by(1), Keys::default(), &script);
        assert_eq!(first.end, RolloutEnd::NotRolledBack, "{broken:?}");
        assert_eq!(second.end, RolloutEnd::RolledBack, "{broken:?}");
        assert_eq!(second.reason, first.reason);
        let expected = [RolledBack, RolledBack, RolledBack, Untouched];
        assert_eq!(fates(&second), expected, "{broken:?}");
    }
}

fn begun(goes_on: bool, hosts: &[&str], out: &[&str]) -> RolloutEntry {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    RolloutEntry::Begun {
        goes_on,
        was: None,
        hosts: names(hosts),
        sizes: vec![hosts.len()],
        out: names(out),
        skipped: Vec::new(),
    }
}

fn next(host: &str, next: RolloutStep) -> RolloutEntry {
    let host = host.to_owned();
    RolloutEntry::Step { host, next }
}

fn read(entries: &[RolloutEntry]) -> Earlier {
    let mut changes = 0;
    let numbered = entries.iter().map(|entry| {
        changes += 1;
        (entry, changes)
    });
    let mut earlier = Earlier::read(numbered).expect("it began");
    earlier.go_on();
    earlier
}

#[test]
fn a_host_that_an_attempt_did_not_have_is_not_forgotten() {
    let entries = [
        begun(false, &["a", "b"], &[]),
        next("a", RolloutStep::Drain),
        next("a", RolloutStep::Update),
        // It could not be reached.
        begun(true, &["b"], &["b"]),
        begun(true, &["a", "b"], &[]),
    ];
    let earlier = read(&entries[..4]);
    assert_eq!(earlier.hosts.len(), 1);
    assert!(
        earlier
            .host("a")
            .expect("it is known")
            .before
            .is_in_flight()
    );
    let earlier = read(&entries);
    let host = &earlier.hosts[0];
    assert!(host.before.is_in_flight() && host.before.touched);
    assert_eq!(host.mark, Some(3));
    assert!(earlier.hosts[1].found_out && earlier.absent.is_empty());
}

/// What its rollback may have undone is done again.
#[test]
fn a_host_whose_rollback_failed_is_updated_anew() {
    let entries = [
        begun(false, &["a"], &[]),
        next("a", RolloutStep::Update),
        RolloutEntry::Failed {
            host: "a".to_owned(),
            failure: FailureKind::Failed,
            message: "broken".to_owned(),
        },
        next("a", RolloutStep::Rollback),
        RolloutEntry::Settled {
            host: "a".to_owned(),
            fate: LeftOut,
            version: Version::Unknown,
        },
        RolloutEntry::Ended {
            end: RolloutEnd::WithFailures,
        },
    ];
    let host = &read(&entries).hosts[0];
    assert!(host.before.is_in_flight() && !host.before.back);
    assert_eq!((host.tries, host.mark), (1, Some(2)));
}

/// The operator wants to inspect it: also if the run was killed right then.
#[test]
fn a_host_that_failed_is_left_as_it_is_if_the_rollout_stops() {
    let stop = Spec {
        on_abort: OnAbort::Stop,
        ..by(1)
    };
    let script = but(1, Step::Update, Go::Badly);
    for death in 0..40 {
        let deaths = [s(death)];
        let (report, log) = play_and_die(
            &stop,
            &[false; 3],
            Keys::default(),
            &[],
            &script,
            &deaths,
            None,
        );
        assert_eq!(report.end, RolloutEnd::Stopped, "{death}");
        assert_eq!(fates(&report), [Updated, LeftOut, Untouched], "{death}");
        assert!(!log.of(1).contains(&"rolling_back"), "{death}: {log:#?}");
    }
}

proptest! {
    #![proptest_config(crate::generation::config(256, file!()))]

    /// The guarantees hold for all attempts together.
    #[test]
    fn guarantees_hold(case in case(), deaths in deaths()) {
        // Ctrl-C ends a run: what follows is for another test.
        let case = Case { keys: Keys::default(), ..case };
        let (report, log) = case.play_and_die(&deaths);
        let hosts = case.found.len();
        let down = case.found.iter().filter(|found| **found != Found::Well).count();
        if let Some(most) = case.spec.max_unavailable {
            prop_assert!(log.most_out <= most.of(hosts).max(down), "{log:#?}");
        }
        let at_once = largest_batch(&case.spec, hosts).min(case.spec.parallel);
        prop_assert!(log.most_at_once <= at_once.max(log.out_at_death), "{log:#?}");
        if case.spec.on_abort == OnAbort::Rollback {
            prop_assert_eq!(log.updates_after_abort, 0);
        }
        let failed = report.hosts.iter().filter(|host| host.failure.is_some()).count();
        if failed > case.spec.max_failures && case.spec.on_abort != OnAbort::Continue {
            prop_assert!(report.end != RolloutEnd::Done && report.end != RolloutEnd::WithFailures);
        }
        for host in &report.hosts {
            prop_assert!(host.fate == Updated || host.reason.is_some(), "{:#?}", report);
        }
    }

    /// If nothing fails, every host gets the new version.
    #[test]
    fn there_is_always_progress(
        spec in spec(),
        hosts in 0..20_usize,
        seed in any::<u64>(),
        deaths in deaths()
    ) {
        let spec = Spec {
            healthy_deadline: Duration::from_mins(1),
            progress_deadline: Duration::from_mins(10),
            ..spec
        };
        let case = Case {
            spec,
            found: vec![Found::Well; hosts],
            keys: Keys::default(),
            answers: Vec::new(),
            seed,
            trouble: 0,
        };
        let (report, _) = case.play_and_die(&deaths);
        prop_assert_eq!(report.end, RolloutEnd::Done);
    }
}
