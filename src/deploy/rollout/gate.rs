//! The health gate of a host: it must stay healthy for a time, before a deadline.

use std::time::Duration;

use crate::model::{Failure, FailureKind};

use super::order::Time;

/// Tracks a host's health, from the first check to the one that decides.
#[derive(Debug)]
pub(super) struct Gate {
    /// How long the host has to stay healthy.
    needed: Duration,
    interval: Duration,
    /// The time limit for that.
    patience: Duration,
    pub(super) deadline: Time,
    /// The start of the current healthy period.
    healthy_since: Option<Time>,
    longest: Option<Duration>,
    /// The last check had not been answered at the deadline.
    hangs: bool,
    last: Option<Box<Failure>>,
}

impl Gate {
    pub(super) fn new(needed: Duration, interval: Duration, began: Time, deadline: Time) -> Self {
        Self {
            needed,
            interval,
            patience: deadline.saturating_sub(began),
            deadline,
            healthy_since: None,
            longest: None,
            hangs: false,
            last: None,
        }
    }

    /// A check was healthy. Returns when to check again, or `None` if the host has been healthy for long
    /// enough.
    pub(super) fn healthy(&mut self, now: Time) -> Option<Time> {
        let since = *self.healthy_since.get_or_insert(now);
        let so_far = now.saturating_sub(since);
        self.longest = self.longest.max(Some(so_far));
        (so_far < self.needed).then(|| (now + self.interval).min(since + self.needed))
    }

    /// A check was not healthy: the period starts again. Returns when to check again.
    pub(super) fn unhealthy(&mut self, now: Time, failure: Box<Failure>) -> Time {
        self.healthy_since = None;
        self.last = Some(failure);
        now + self.interval
    }

    /// The deadline passed before a check was answered. Returns the deadline: there is no further check.
    pub(super) const fn hangs(&mut self) -> Time {
        self.hangs = true;
        self.deadline
    }

    /// When it passes, if the host stays healthy.
    pub(super) fn passes_at(&self) -> Option<Time> {
        self.healthy_since.map(|since| since + self.needed)
    }

    /// Why it has not passed yet: the last check, unless that was healthy.
    pub(super) fn in_the_way(&self) -> Option<&str> {
        let last = self.last.as_ref().filter(|_| self.healthy_since.is_none());
        last.map(|failure| failure.message.as_str())
    }

    /// Why it did not pass, when its time is up.
    pub(super) fn failure(self) -> Box<Failure> {
        let shown = |time: Duration| humantime::format_duration(rounded(time));
        let patience = shown(self.patience);
        let brief = match self.longest {
            Some(longest) if !self.needed.is_zero() => format!(
                "not healthy for {} without interruption within {patience} (only for {})",
                shown(self.needed),
                shown(longest)
            ),
            _ => format!("not healthy within {patience}"),
        };
        let is_told = self.last.is_some() && self.healthy_since.is_none();
        if self.hangs && !is_told {
            let message = format!("{brief}: the last check had no answer");
            return Box::new(Failure::new(FailureKind::Failed, message));
        }
        let Some(last) = self.last else {
            return Box::new(Failure::new(FailureKind::Failed, brief));
        };
        Box::new(Failure {
            message: format!("{brief}: {}", last.message),
            ..*last
        })
    }
}

/// To milliseconds, or to seconds for longer durations: more precision is not useful.
fn rounded(time: Duration) -> Duration {
    if time < Duration::from_secs(10) {
        Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(time.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn failure() -> Box<Failure> {
        Box::new(Failure::new(FailureKind::Failed, "connection refused"))
    }

    #[test]
    fn only_uninterrupted_health_counts() {
        let mut gate = Gate::new(s(10), s(4), s(0), s(60));
        assert_eq!(gate.unhealthy(s(1), failure()), s(5));
        assert_eq!(gate.healthy(s(5)), Some(s(9)));
        assert_eq!(gate.healthy(s(9)), Some(s(13)));
        assert_eq!(gate.unhealthy(s(13), failure()), s(17));
        assert_eq!(gate.healthy(s(17)), Some(s(21)));
        assert_eq!(gate.healthy(s(25)), Some(s(27)));
        assert_eq!(gate.healthy(s(27)), None);
    }

    #[test]
    fn reports_why_it_did_not_pass() {
        let mut gate = Gate::new(s(10), s(1), s(5), s(35));
        gate.healthy(s(6));
        gate.healthy(s(8));
        gate.unhealthy(s(9), failure());
        assert_eq!(
            gate.failure().message,
            "not healthy for 10s without interruption within 30s (only for 2s): connection refused"
        );
        assert_eq!(
            Gate::new(s(0), s(1), s(0), s(3)).failure().message,
            "not healthy within 3s"
        );
        let mut gate = Gate::new(s(10), s(1), s(5), s(35));
        gate.healthy(s(6));
        assert_eq!(gate.hangs(), s(35));
        assert_eq!(
            gate.failure().message,
            "not healthy for 10s without interruption within 30s (only for 0s): the last check had no answer"
        );
    }
}
