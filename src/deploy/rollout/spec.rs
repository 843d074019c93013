//! The options of a rollout.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::OnAbort;

/// A number of hosts, or a share of all hosts of the rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Count(usize),
    Percent(u8),
}

impl Size {
    /// Parses `"3"` or `"25%"`. `Err` says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is neither a number of hosts, such as 2, nor a share, such as \"25%\""
            )
        };
        let size = match text.trim().strip_suffix('%') {
            Some(share) => Self::Percent(share.trim().parse().map_err(|_| wrong())?),
            None => Self::Count(text.trim().parse().map_err(|_| wrong())?),
        };
        size.checked()
    }

    /// Refuses a size with which nothing would ever progress. `Err` says why.
    pub fn checked(self) -> Result<Self, String> {
        match self {
            Self::Count(0) => {
                Err("with 0 hosts at a time, nothing would ever be updated".to_owned())
            }
            Self::Percent(0) => Err("with 0% at a time, nothing would ever be updated".to_owned()),
            Self::Percent(101..) => Err("a share must be at most 100%".to_owned()),
            size => Ok(size),
        }
    }

    /// The number of hosts. Rounds down, so that no more hosts are out than the share allows, but never to
    /// 0: like Kubernetes with `maxUnavailable`.
    #[must_use]
    pub fn of(self, hosts: usize) -> usize {
        let number = match self {
            Self::Count(count) => count,
            Self::Percent(share) => hosts * usize::from(share) / 100,
        };
        number.clamp(1, hosts.max(1))
    }
}

/// The sizes of the batches in order; the last one applies to all that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batches {
    first: Vec<Size>,
    rest: Size,
}

impl Batches {
    /// `None` for an empty list.
    #[must_use]
    pub fn new(mut sizes: Vec<Size>) -> Option<Self> {
        let rest = sizes.pop()?;
        Some(Self { first: sizes, rest })
    }

    /// The number of hosts in each batch. `total` is the base for shares: it includes hosts that take no
    /// part.
    #[must_use]
    pub fn split(&self, hosts: usize, total: usize) -> Vec<usize> {
        let mut left = hosts;
        let mut batches = Vec::new();
        let sizes = self.first.iter().chain(std::iter::repeat(&self.rest));
        for size in sizes {
            if left == 0 {
                break;
            }
            let batch = size.of(total).min(left);
            batches.push(batch);
            left -= batch;
        }
        batches
    }
}

/// After which batches the operator is asked. Never after the last one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Gates {
    #[default]
    Never,
    Always,
    /// Counted from 1.
    After(BTreeSet<usize>),
}

impl Gates {
    pub(super) fn is_after(&self, batch: usize) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::After(batches) => batches.contains(&batch),
        }
    }
}

/// The steps for a host beyond its update. Missing steps are skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether a closure was given"
)]
pub struct Present {
    pub drain: bool,
    pub healthy: bool,
    pub readmit: bool,
    pub rollback_healthy: bool,
    pub in_service: bool,
}

/// The options of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub batches: Batches,
    /// How many hosts may be out of service at once, including those that are left out or were down before.
    /// `None`: only the batches limit this.
    pub max_unavailable: Option<Size>,
    /// How many hosts may fail before the rollout is aborted.
    pub max_failures: usize,
    pub on_abort: OnAbort,
    pub present: Present,
    /// How long a host has to stay healthy.
    pub min_healthy: Duration,
    /// The time limit of a host for that.
    pub healthy_deadline: Duration,
    /// The maximum time until another host becomes healthy.
    pub progress_deadline: Duration,
    /// The time limit for putting one host back, including its gate and its readmission.
    pub rollback_deadline: Duration,
    /// The time between two health checks of a host.
    pub interval: Duration,
    /// Between two batches.
    pub pause: Duration,
    pub confirm: Gates,
    /// The maximum number of hosts that are worked on at once, whatever the batch.
    pub parallel: usize,
}

impl Spec {
    /// One host at a time, and otherwise the defaults.
    #[must_use]
    pub fn new(present: Present) -> Self {
        Self {
            batches: Batches {
                first: Vec::new(),
                rest: Size::Count(1),
            },
            max_unavailable: None,
            max_failures: 0,
            on_abort: OnAbort::default(),
            present,
            min_healthy: Duration::from_secs(10),
            healthy_deadline: Duration::from_mins(5),
            progress_deadline: Duration::from_mins(10),
            rollback_deadline: Duration::from_mins(5),
            interval: Duration::from_secs(1),
            pause: Duration::ZERO,
            confirm: Gates::Never,
            parallel: 50,
        }
    }
}

/// The times of a rollout, as far as they are known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    pub min_healthy: Option<Duration>,
    pub healthy_deadline: Option<Duration>,
    pub progress_deadline: Option<Duration>,
    pub rollback_deadline: Option<Duration>,
}

impl Times {
    /// A combination that could never succeed: the option, and why.
    #[must_use]
    pub fn contradiction(&self, present: Present) -> Option<(&'static str, &'static str)> {
        let not_below = |one: Option<Duration>, other: Option<Duration>| {
            one.zip(other).is_some_and(|(one, other)| one >= other)
        };
        let below = |one: Option<Duration>, other: Option<Duration>| {
            one.zip(other).is_some_and(|(one, other)| one < other)
        };
        if present.healthy && not_below(self.min_healthy, self.healthy_deadline) {
            let why = "must be shorter than `healthy_deadline`: otherwise no host could ever pass";
            return Some(("min_healthy", why));
        }
        if present.rollback_healthy && not_below(self.min_healthy, self.rollback_deadline) {
            let why = "must be shorter than `rollback_deadline`: otherwise no host could ever be put back";
            return Some(("min_healthy", why));
        }
        if present.healthy && below(self.progress_deadline, self.healthy_deadline) {
            let why = "must not be shorter than `healthy_deadline`, which would never be reached";
            return Some(("progress_deadline", why));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(sizes: &[&str], hosts: usize) -> Vec<usize> {
        let sizes = sizes.iter().map(|size| Size::parse(size).expect("a size"));
        let batches = Batches::new(sizes.collect()).expect("sizes");
        batches.split(hosts, hosts)
    }

    #[test]
    fn shares_round_down_but_there_is_always_progress() {
        let of = |share, hosts| Size::Percent(share).of(hosts);
        assert_eq!((of(25, 10), of(25, 4), of(25, 3), of(1, 1)), (2, 1, 1, 1));
        assert_eq!((of(99, 10), of(100, 10)), (9, 10));
        assert_eq!((Size::Count(7).of(3), Size::Count(2).of(3)), (3, 2));
    }

    #[test]
    fn a_list_has_the_first_sizes_and_its_last_one_applies_to_the_rest() {
        assert_eq!(split(&["1", "10%", "50%", "100%"], 20), [1, 2, 10, 7]);
        assert_eq!(split(&["1", "2"], 6), [1, 2, 2, 1]);
        assert_eq!(split(&["25%"], 4), [1, 1, 1, 1]);
        assert_eq!(split(&["100%"], 3), [3]);
        assert_eq!(split(&["5"], 3), [3]);
        assert_eq!(split(&["1"], 0), [0_usize; 0]);
    }

    #[test]
    fn refuses_sizes_without_progress() {
        for wrong in [
            "0", "0%", "101%", "300%", "-1", "many", "", "%", "1.5", "12.5%",
        ] {
            assert!(Size::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Size::parse(" 30 % "), Ok(Size::Percent(30)));
        assert_eq!(Size::parse("3"), Ok(Size::Count(3)));
    }
}
