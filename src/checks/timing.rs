//! When a check runs, and how many healthy results are enough.

use std::time::Duration;

/// When a check runs, and how many healthy results are enough. Everything but `timeout` applies to a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From the start of one observation to the start of the next.
    pub interval: Duration,
    /// The time limit of one observation: it is then killed, and the state is critical.
    pub timeout: Duration,
    /// This many consecutive healthy observations are enough.
    pub rise: u32,
    /// This many consecutive unhealthy observations end a wait before its deadline.
    pub fall: Option<u32>,
    /// The time limit of the whole wait, from its start.
    pub deadline: Duration,
    /// The time before the first observation.
    pub initial_delay: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            rise: 1,
            fall: None,
            deadline: Duration::from_mins(1),
            initial_delay: Duration::ZERO,
        }
    }
}

/// The timing options of a wait, which override those of the checks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overrides {
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub rise: Option<u32>,
    pub fall: Option<u32>,
    pub deadline: Option<Duration>,
    pub initial_delay: Option<Duration>,
}

impl Timing {
    #[must_use]
    pub fn with(self, over: &Overrides) -> Self {
        Self {
            interval: over.interval.unwrap_or(self.interval),
            timeout: over.timeout.unwrap_or(self.timeout),
            rise: over.rise.unwrap_or(self.rise),
            fall: over.fall.or(self.fall),
            deadline: over.deadline.unwrap_or(self.deadline),
            initial_delay: over.initial_delay.unwrap_or(self.initial_delay),
        }
    }
}

/// The option that makes no sense, and why.
pub fn possible(timing: &Timing) -> Result<(), (&'static str, &'static str)> {
    if timing.timeout.is_zero() {
        return Err(("timeout", "must be greater than zero"));
    }
    if timing.rise == 0 {
        return Err(("rise", "must be at least 1"));
    }
    if timing.fall == Some(0) {
        return Err(("fall", "must be at least 1"));
    }
    Ok(())
}

/// The same for the complete timing of a wait.
pub fn waitable(timing: &Timing) -> Result<(), (&'static str, &'static str)> {
    possible(timing)?;
    if !timing.initial_delay.is_zero() && timing.initial_delay >= timing.deadline {
        return Err(("initial_delay", "must be shorter than the deadline"));
    }
    Ok(())
}
