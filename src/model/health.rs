//! What a health check says of its subject.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an observation says, the better ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    Passing,
    /// It works, and somebody should look at it: nothing is held up by it.
    Warning,
    /// It does not do what is expected of it.
    Critical,
    /// The check itself did not work: nothing is known of its subject.
    Error,
}

impl HealthState {
    pub const ALL: [Self; 4] = [Self::Passing, Self::Warning, Self::Critical, Self::Error];

    /// The word that a user reads and writes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Error => "error",
        }
    }

    /// Whether a deployment may go on: a warning holds nothing up.
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        matches!(self, Self::Passing | Self::Warning)
    }
}

impl fmt::Display for HealthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
