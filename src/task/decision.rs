//! What the planner has decided on a task of a batch.

use std::sync::Arc;

use super::Change;
use crate::model::{Diff, Outcome};

/// What was decided on a task: its outcome, and why.
#[derive(Debug, Clone)]
pub struct Decision {
    pub outcome: Outcome,
    pub diff: Vec<Diff>,
    /// Why it failed, is unknown or was skipped; or the note of the change.
    pub note: Option<String>,
    /// The change that was made (or started, if it failed): it contains the undo.
    pub change: Option<Arc<Change>>,
}

impl Decision {
    pub(super) fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            diff: Vec::new(),
            note: None,
            change: None,
        }
    }

    pub(super) fn unchanged(remark: Option<String>) -> Self {
        Self {
            note: remark,
            ..Self::new(Outcome::Unchanged)
        }
    }

    pub(super) fn because(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    pub(super) fn and_note(mut self, note: Option<String>) -> Self {
        let notes: Vec<String> = self.note.take().into_iter().chain(note).collect();
        self.note = (!notes.is_empty()).then(|| notes.join("; "));
        self
    }

    pub(super) fn failed(note: impl Into<String>) -> Self {
        Self::new(Outcome::Failed).because(note)
    }

    pub(super) fn of(outcome: Outcome, change: Arc<Change>) -> Self {
        Self {
            outcome,
            diff: change.diff.clone(),
            note: change.note.clone(),
            change: Some(change),
        }
    }
}
