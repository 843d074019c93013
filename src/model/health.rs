//! The result of a health check.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state that a check found, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    Passing,
    /// It works, but somebody should look at it. A deployment goes on.
    Warning,
    /// It does not work as expected.
    Critical,
    /// The check itself did not work, so the state is not known.
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

    /// Whether a deployment may go on, which it does with a warning.
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
