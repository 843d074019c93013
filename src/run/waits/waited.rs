//! The description of a wait: what for, on which host, for how long; and when waits are reported.

use std::sync::{Arc, Mutex};
use std::time::Duration;

/// When waits are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a wait lasts before it is reported.
    pub first: Duration,
    /// The time between two reports of the same wait.
    pub again: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(8),
            again: Duration::from_secs(25),
        }
    }
}

impl Pace {
    /// How often to check whether something must be reported.
    pub(super) fn tick(self) -> Duration {
        (self.first / 8).max(Duration::from_millis(1))
    }
}

/// The last line that was printed.
pub(crate) type LastLine = Arc<Mutex<Option<String>>>;

/// A wait, before it begins.
#[derive(Debug, Clone)]
pub struct Waited {
    /// A fragment that fits after "waiting".
    pub(super) what: String,
    pub(super) host: Option<String>,
    /// The maximum time it can last.
    pub(super) at_most: Option<Duration>,
    pub(super) last: Option<LastLine>,
}

impl Waited {
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            host: None,
            at_most: None,
            last: None,
        }
    }

    /// Sets the host of the wait.
    #[must_use]
    pub fn on(mut self, host: Option<&str>) -> Self {
        self.host = host.map(ToOwned::to_owned);
        self
    }

    #[must_use]
    pub const fn at_most(mut self, time: Duration) -> Self {
        self.at_most = Some(time);
        self
    }

    /// Reports the last printed line as the state of the wait.
    pub(in crate::run) fn with(mut self, last: LastLine) -> Self {
        self.last = Some(last);
        self
    }
}
