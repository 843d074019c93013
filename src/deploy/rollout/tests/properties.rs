//! What holds for every rollout, whatever happens in its steps.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use proptest::prelude::*;

use super::world::{Found, Go, Keys, Log, play_and_die};
use crate::deploy::rollout::{Batches, Gates, Present, Report, Size, Spec, Step, Time};
use crate::model::{Fate, HostEnd, OnAbort, RolloutEnd, Version};

/// A rollout, and the state of the world.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub spec: Spec,
    pub found: Vec<Found>,
    pub keys: Keys,
    pub answers: Vec<bool>,
    pub seed: u64,
    /// How many of 100 steps fail.
    pub trouble: u64,
}

impl Case {
    fn play(&self) -> (Report, Log) {
        self.play_and_die(&[])
    }

    /// For a run that is killed at these times, and resumed.
    pub(super) fn play_and_die(&self, deaths: &[Time]) -> (Report, Log) {
        let (seed, trouble) = (self.seed, self.trouble);
        let script = move |host: usize, step: Step, now: Time| {
            let mut hasher = DefaultHasher::new();
            (seed, host, step, now).hash(&mut hasher);
            let dice = hasher.finish();
            let takes = Duration::from_millis(dice / 1000 % 4000);
            let go = match (dice % 100 < trouble, dice / 100 % 6) {
                (false, _) => Go::Well,
                (true, 0) => Go::Lost,
                (true, 1) => Go::Hangs,
                (true, _) => Go::Badly,
            };
            (takes, go)
        };
        let (spec, found) = (&self.spec, &self.found);
        play_and_die(spec, found, self.keys, &self.answers, &script, deaths, None)
    }
}

fn size() -> impl Strategy<Value = Size> {
    prop_oneof![
        (1..6_usize).prop_map(Size::Count),
        (1..=100_u8).prop_map(Size::Percent)
    ]
}

pub(super) fn spec() -> impl Strategy<Value = Spec> {
    let sizes = prop::collection::vec(size(), 1..4);
    let present =
        any::<[bool; 5]>().prop_map(|[drain, healthy, readmit, rollback_healthy, in_service]| {
            Present {
                // A drained host needs some way to be readmitted.
                drain: drain && readmit,
                healthy,
                readmit,
                rollback_healthy,
                in_service,
            }
        });
    let on_abort = prop_oneof![
        3 => Just(OnAbort::Rollback),
        1 => Just(OnAbort::Stop),
        1 => Just(OnAbort::Continue)
    ];
    let confirm = prop_oneof![
        Just(Gates::Never),
        Just(Gates::Always),
        Just(Gates::After([1].into()))
    ];
    let counts = (0..4_usize, 1..8_usize, prop::option::of(size()));
    let times = (0..4_u64, 0..3_u64, 5..40_u64, 20..60_u64);
    (sizes, present, on_abort, confirm, counts, times).prop_map(
        |(sizes, present, on_abort, confirm, counts, times)| {
            let (max_failures, parallel, max_unavailable) = counts;
            let (min_healthy, pause, healthy, progress) = times;
            Spec {
                batches: Batches::new(sizes).expect("sizes"),
                max_unavailable,
                max_failures,
                on_abort,
                min_healthy: Duration::from_secs(min_healthy),
                healthy_deadline: Duration::from_secs(healthy),
                progress_deadline: Duration::from_secs(progress),
                rollback_deadline: Duration::from_secs(healthy),
                pause: Duration::from_secs(pause),
                confirm,
                parallel,
                ..Spec::new(present)
            }
        },
    )
}

pub(super) fn case() -> impl Strategy<Value = Case> {
    let found = prop_oneof![
        16 => Just(Found::Well),
        2 => Just(Found::Down),
        2 => Just(Found::Out)
    ];
    let found = prop::collection::vec(found, 0..14);
    let key = || prop::option::weighted(0.3, (0..60_000_u64).prop_map(Duration::from_millis));
    let answers = prop::collection::vec(prop::bool::weighted(0.9), 0..14);
    let trouble = prop_oneof![Just(0_u64), 0..10_u64, 10..60_u64];
    (spec(), found, key(), key(), answers, any::<u64>(), trouble).prop_map(
        |(spec, found, interrupt, kill, answers, seed, trouble)| Case {
            spec,
            found,
            keys: Keys { interrupt, kill },
            answers,
            seed,
            trouble,
        },
    )
}

pub(super) fn largest_batch(spec: &Spec, hosts: usize) -> usize {
    let sizes = spec.batches.split(hosts, hosts);
    sizes.into_iter().max().unwrap_or(0)
}

proptest! {
    #![proptest_config(crate::generation::config(256, file!()))]

    /// Beyond the assertions of the world itself: that it ends, that its report is true, that only shielded
    /// steps start after a Ctrl-C, and nothing at all after a second one.
    #[test]
    fn guarantees_hold(case in case()) {
        let (report, log) = case.play();
        let hosts = case.found.len();
        let down = case.found.iter().filter(|found| **found != Found::Well).count();

        // There are never more hosts out of service than allowed.
        if let Some(most) = case.spec.max_unavailable {
            prop_assert!(log.most_out <= most.of(hosts).max(down), "{log:#?}");
        }
        let at_once = largest_batch(&case.spec, hosts).min(case.spec.parallel);
        prop_assert!(log.most_at_once <= at_once);

        // The budget.
        prop_assert_eq!(log.updates_after_abort, 0);
        let failed = report.hosts.iter().filter(|host| host.failure.is_some()).count();
        if failed > case.spec.max_failures && case.spec.on_abort != OnAbort::Continue {
            prop_assert!(report.end != RolloutEnd::Done && report.end != RolloutEnd::WithFailures);
        }

        // The host that was changed last is rolled back first.
        prop_assert!(log.rolled_back.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", log.rolled_back);

        // What the end says about the hosts.
        let whole = |(at, host): (usize, &HostEnd)| {
            let as_found = case.found[at] == Found::Out && host.fate == Fate::LeftOut;
            let never_begun = as_found && log.of(at).is_empty();
            never_begun || (as_found || host.fate != Fate::LeftOut) && host.version == Version::Old
        };
        let all_whole = report.hosts.iter().enumerate().all(whole);
        match report.end {
            RolloutEnd::Done => {
                prop_assert!(report.hosts.iter().all(|host| host.fate == Fate::Updated));
                prop_assert_eq!(failed, 0);
            }
            RolloutEnd::WithFailures => prop_assert!(failed > 0),
            RolloutEnd::RolledBack => prop_assert!(all_whole),
            RolloutEnd::NotRolledBack => prop_assert!(!all_whole),
            RolloutEnd::Stopped => prop_assert!(case.spec.on_abort != OnAbort::Rollback),
            RolloutEnd::Interrupted => prop_assert!(case.keys.interrupt.is_some()),
        }
        // A host that is left out is named with the reason.
        for host in &report.hosts {
            prop_assert!(host.fate == Fate::Updated || host.reason.is_some(), "{:#?}", report);
        }
        // (With `stop`, updated hosts stay as they are, even if a host in flight could not be put back.)
        let rolls_back = case.spec.on_abort == OnAbort::Rollback;
        if rolls_back && report.end == RolloutEnd::NotRolledBack && report.reason.is_some() {
            let silent = |host: &HostEnd| host.version != Version::Old && host.reason.is_none();
            prop_assert!(!report.hosts.iter().any(silent), "{:#?}", report);
        }
    }

    /// If nothing fails, every host gets the new version, whatever the sizes.
    #[test]
    fn there_is_always_progress(spec in spec(), hosts in 0..30_usize, seed in any::<u64>()) {
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
        let (report, _) = case.play();
        prop_assert_eq!(report.end, RolloutEnd::Done);
    }
}
