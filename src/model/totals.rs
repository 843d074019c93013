//! Totals of a run or of a host.

use serde::{Deserialize, Serialize};

use super::Outcome;

/// The number of tasks by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub unchanged: u64,
    pub changed: u64,
    pub would_change: u64,
    pub unknown: u64,
    pub skipped: u64,
    pub failed: u64,
    /// 1 for a host that could not be reached or was lost; in a run's totals, the number of such hosts.
    pub unreachable: u64,
    /// How many of those in `changed` were put back.
    #[serde(default)]
    pub undone: u64,
    /// 1 for a host that was interrupted; in a run's totals, the number of such hosts.
    #[serde(default)]
    pub interrupted: u64,
}

impl Totals {
    pub const fn count(&mut self, outcome: Outcome) {
        let field = match outcome {
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Changed => &mut self.changed,
            Outcome::WouldChange => &mut self.would_change,
            Outcome::Unknown => &mut self.unknown,
            Outcome::Skipped => &mut self.skipped,
            Outcome::Failed => &mut self.failed,
        };
        *field += 1;
    }
}
