//! What became of a task.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of a task on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The host was already as the task wants it.
    Unchanged,
    /// The host was changed, and the probe that found the difference now finds none.
    Changed,
    /// In check mode: a run would change the host.
    WouldChange,
    /// In check mode: nothing tells whether a run would change the host.
    Unknown,
    /// Not gone through: an earlier task of the batch failed, or the run was cancelled.
    Skipped,
    Failed,
}

impl Outcome {
    /// The word that a user reads, in events and in the output.
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

/// What a change does, for a person to read. Holds no secret: a task that manages one says
/// [`Diff::Hidden`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Diff {
    /// Some property that goes from one value to another: a mode, an owner, a version.
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
    /// Content that is no text: sizes in bytes and SHA-256 digests in hex.
    Binary {
        path: String,
        before: Option<(u64, String)>,
        after: (u64, String),
    },
    /// The content of `path` changes, and may not be shown.
    Hidden { path: String },
    /// Anything else, as a sentence: `starts nginx`.
    Note { text: String },
}
