//! The outcome of a task, and what it changes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The outcome of a task on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The host was already in the desired state.
    Unchanged,
    /// The host was changed, and the probe now finds it in the desired state.
    Changed,
    /// In check mode: a run would change the host.
    WouldChange,
    /// In check mode: ops cannot determine whether a run would change the host.
    Unknown,
    /// Not started: an earlier task of the batch failed, or the run was cancelled.
    Skipped,
    Failed,
}

impl Outcome {
    /// Its name in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::WouldChange => "would_change",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a change does, for a person to read. A task that manages a secret uses [`Diff::Hidden`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Diff {
    /// A property that changes its value: a mode, an owner, a version.
    Property {
        name: String,
        before: String,
        after: String,
    },
    /// A text. Shown as a unified diff.
    Text {
        path: String,
        before: String,
        after: String,
    },
    /// Content that is not text: sizes in bytes and SHA-256 digests in hex.
    Binary {
        path: String,
        before: Option<(u64, String)>,
        after: (u64, String),
    },
    /// The content of `path` changes, and must not be shown.
    Hidden { path: String },
    /// Anything else, as a sentence: `starts nginx`.
    Note { text: String },
}
