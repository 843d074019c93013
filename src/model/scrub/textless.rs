//! Types that hold no text, so that there is nothing to scrub.

#[cfg(test)]
use super::Sample;
use super::{Scrub, Scrubber};
use crate::model::{
    FailureKind, Fate, HealthState, LockScope, LogLevel, OnAbort, Outcome, OutputStream, Phase,
    RolloutEnd, Totals, Version, Waiting,
};

/// Types that hold no text: numbers, times, and enums whose names are ours. A value of each is for
/// [`Sample`].
macro_rules! textless {
    ($($type:ty = $sample:expr,)*) => {
        $(
            impl Scrub for $type {
                fn scrub(&mut self, _: &Scrubber) {}
            }

            #[cfg(test)]
            impl Sample for $type {
                fn sample(_: &str) -> Self {
                    $sample
                }
            }
        )*
    };
}

textless! {
    bool = false,
    u8 = 1,
    u32 = 2,
    u64 = 1,
    usize = 2,
    i32 = 1,
    jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH,
    FailureKind = FailureKind::Failed,
    Fate = Fate::LeftOut,
    HealthState = HealthState::Critical,
    LockScope = LockScope::Hosts,
    LogLevel = LogLevel::Warn,
    OnAbort = OnAbort::Rollback,
    Outcome = Outcome::Failed,
    OutputStream = OutputStream::Stderr,
    Phase = Phase::Failed,
    RolloutEnd = RolloutEnd::NotRolledBack,
    Totals = Totals { failed: 1, ..Totals::default() },
    Version = Version::Unknown,
    Waiting = Waiting::Pause,
}
