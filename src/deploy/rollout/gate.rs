//! The health gate of a host: healthy throughout for a time, before a deadline.

use std::time::Duration;

use crate::model::{Failure, FailureKind};

use super::order::Time;

/// Looks at a host's health, from the first to the one that decides.
#[derive(Debug)]
pub(super) struct Gate {
    /// How long the host has to be healthy throughout.
    needed: Duration,
    interval: Duration,
    /// How long it has for that.
    patience: Duration,
    pub(super) deadline: Time,
    /// When it was first found healthy since it last was not.
    healthy_since: Option<Time>,
    longest: Option<Duration>,
    /// The last look had not been answered at the deadline.
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

    /// A look found it healthy. Gives when to look again, or nothing if it has been so for long enough.
    pub(super) fn healthy(&mut self, now: Time) -> Option<Time> {
        let since = *self.healthy_since.get_or_insert(now);
        let so_far = now.saturating_sub(since);
        self.longest = self.longest.max(Some(so_far));
        (so_far < self.needed).then(|| (now + self.interval).min(since + self.needed))
    }

    /// A look found it not healthy: the time begins again. Gives when to look again.
    pub(super) fn unhealthy(&mut self, now: Time, failure: Box<Failure>) -> Time {
        self.healthy_since = None;
        self.last = Some(failure);
        now + self.interval
    }

    /// The deadline passed before a look was answered. Returns the deadline: there is no further look.
    pub(super) const fn hangs(&mut self) -> Time {
        self.hangs = true;
        self.deadline
    }

    /// When it passes, if it stays healthy.
    pub(super) fn passes_at(&self) -> Option<Time> {
        self.healthy_since.map(|since| since + self.needed)
    }

    /// Why it has not passed yet: the last look, unless that found it healthy.
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
                "not healthy for {} throughout within {patience} (it was for {})",
                shown(self.needed),
                shown(longest)
            ),
            _ => format!("not healthy within {patience}"),
        };
        let is_told = self.last.is_some() && self.healthy_since.is_none();
        if self.hangs && !is_told {
            let message = format!("{brief}: the last look had no answer");
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

/// To milliseconds, and to seconds where those say nothing: nobody reads nanoseconds.
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
    fn healthy_throughout_or_it_does_not_count() {
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
    fn what_it_says_when_time_is_up() {
        let mut gate = Gate::new(s(10), s(1), s(5), s(35));
        gate.healthy(s(6));
        gate.healthy(s(8));
        gate.unhealthy(s(9), failure());
        assert_eq!(
            gate.failure().message,
            "not healthy for 10s throughout within 30s (it was for 2s): connection refused"
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
            "not healthy for 10s throughout within 30s (it was for 0s): the last look had no answer"
        );
    }
}
