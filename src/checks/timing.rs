//! When a check looks, and how many healthy looks are enough.

use std::time::Duration;

/// When to look, and how many healthy looks are enough. All but `timeout` are for a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From the beginning of one observation to that of the next.
    pub interval: Duration,
    /// For one observation: what runs then is killed, and the state is critical.
    pub timeout: Duration,
    /// So many healthy observations in a row are enough.
    pub rise: u32,
    /// So many unhealthy ones in a row end a wait before its deadline does.
    pub fall: Option<u32>,
    /// For the whole wait, from its beginning.
    pub deadline: Duration,
    /// Before the first observation.
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

/// What a wait says of the timing, over what the checks say themselves.
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

/// Which option makes no sense, and why.
pub fn possible(timing: &Timing) -> Result<(), (&'static str, &'static str)> {
    if timing.timeout.is_zero() {
        return Err(("timeout", "nothing answers in no time"));
    }
    if timing.rise == 0 {
        return Err(("rise", "it is at least 1"));
    }
    if timing.fall == Some(0) {
        return Err(("fall", "it is at least 1"));
    }
    Ok(())
}

/// The same of the timing of a wait, where it is whole.
pub fn waitable(timing: &Timing) -> Result<(), (&'static str, &'static str)> {
    possible(timing)?;
    if !timing.initial_delay.is_zero() && timing.initial_delay >= timing.deadline {
        return Err(("initial_delay", "the deadline would come first"));
    }
    Ok(())
}
