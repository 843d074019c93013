//! How a change is undone, as its host keeps it: written before the change is made, read by a later attempt
//! of the run.
//!
//! Each change that is made has a name, `ATTEMPT-NUMBER-KEY`. Names sort in the order in which the changes
//! were made. What the change replaces is kept under this name, and how it is undone in a file of its own:
//!
//! ```text
//! kept/RUN/NAME.undo   `+{"undo":...}`   it can be undone
//!                      `-{"undo":...}`   it is undone, and `undo_last` is still to run
//!                      empty             it is undone
//! kept/RUN/changes     `+`               `-` once one of these files could not be written
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::shell::quote_str as quote;
use crate::task::{Change, Form, Undoes};

/// What undoes a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptUndo {
    /// `None`: it cannot be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_last: Option<String>,
    /// The undo does harm if the change was not made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_made: bool,
    #[serde(flatten)]
    pub form: Form,
    /// In milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// The change that did the work of this one too: its undo restores both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

impl From<&Change> for KeptUndo {
    fn from(change: &Change) -> Self {
        let millis = |timeout: Duration| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Self {
            undo: change.undo.clone(),
            undo_last: change.undo_last.clone(),
            only_made: change.undoes == Undoes::Change,
            form: change.form(),
            timeout: change.timeout.map(millis),
            made_by: None,
        }
    }
}

impl KeptUndo {
    /// That of a change whose work was done by an earlier one of the same request.
    pub(super) fn made_by(name: &str) -> Self {
        Self {
            undo: Some(String::new()),
            made_by: Some(name.to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        self.timeout.map(Duration::from_millis)
    }

    /// The line for the shell of a request that keeps it.
    pub(super) fn note(&self, run: &str, name: &str) -> Vec<u8> {
        // Only strings, numbers and booleans: this cannot fail.
        let text = serde_json::to_string(self).unwrap_or_default();
        format!("note_undo {} {name} {}", directory(run), quote(&text)).into_bytes()
    }
}

/// The name of the change with this number of an attempt. `key` stands for its step: see `recording::key`.
pub(super) fn change_name(attempt: u32, number: usize, key: &str) -> String {
    format!("{attempt:03}-{number:06}-{key}")
}

/// The directory of a run's changes, relative to ops's state directory on the host.
pub(super) fn directory(run: &str) -> String {
    format!("kept/{run}")
}

/// What a change keeps has names that begin with this, relative to ops's state directory.
pub(super) fn keep(run: &str, name: &str) -> String {
    format!("{}/{name}", directory(run))
}

/// The line for the shell of a request that makes the directory.
pub(super) fn note_run(run: &str) -> Vec<u8> {
    format!("note_run {}", directory(run)).into_bytes()
}

/// The line for the shell of a request that follows an undo. `last`: its `undo_last` is still to run.
pub(super) fn end_undo(run: &str, name: &str, last: bool) -> Vec<u8> {
    let state = if last { " -" } else { "" };
    format!("end_undo {} {name}{state}", directory(run)).into_bytes()
}
