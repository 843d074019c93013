//! When to look again, and when it is enough: a state machine without clock or host.

use std::time::Duration;

use super::{State, Timing};

/// A wait's observer may overrun the deadline of it by this much: in no time nothing can be seen.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// One check in a wait. All times are from the beginning of the wait.
#[derive(Debug, Clone)]
pub struct Watch {
    timing: Timing,
    due: Duration,
    healthy: u32,
    unhealthy: u32,
}

/// What an observation led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Look again when it is [`Watch::due`].
    Waiting,
    /// Healthy `rise` times in a row.
    Healthy,
    /// Unhealthy `fall` times in a row.
    Fallen,
    /// The deadline came first.
    TooLate,
}

impl Watch {
    #[must_use]
    pub const fn new(timing: Timing) -> Self {
        Self {
            timing,
            due: timing.initial_delay,
            healthy: 0,
            unhealthy: 0,
        }
    }

    /// When to look.
    #[must_use]
    pub const fn due(&self) -> Duration {
        self.due
    }

    /// How long an observation that begins now may take.
    #[must_use]
    pub fn timeout(&self, now: Duration) -> Duration {
        let left = self.timing.deadline.saturating_sub(now);
        self.timing.timeout.min(left.max(LAST_LOOK))
    }

    /// Takes in an observation.
    pub fn observed(&mut self, began: Duration, ended: Duration, state: State) -> Progress {
        if state.is_healthy() {
            self.healthy += 1;
            self.unhealthy = 0;
        } else {
            self.healthy = 0;
            self.unhealthy += 1;
        }
        if self.healthy >= self.timing.rise {
            return Progress::Healthy;
        }
        if self.timing.fall.is_some_and(|fall| self.unhealthy >= fall) {
            return Progress::Fallen;
        }
        if ended >= self.timing.deadline {
            return Progress::TooLate;
        }
        // One that takes longer than the interval is followed by the next at once. The last look is at the deadline.
        self.due = (began + self.timing.interval)
            .max(ended)
            .min(self.timing.deadline);
        Progress::Waiting
    }
}
