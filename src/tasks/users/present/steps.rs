//! The steps that a plan for a user consists of, each with its undo.

use crate::model::Diff;
use crate::task::{Answer, Query, Resource};
pub(super) use crate::tasks::accounts::local::Stop;

/// What has to be done, one step after the other.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) diff: Vec<Diff>,
    pub(super) apply: String,
    /// In the order of `apply`; undone from the end.
    undo: Vec<String>,
    /// What they alter beside the accounts.
    pub(super) alters: Vec<Resource>,
    /// What would be found there then.
    pub(super) leaves: Vec<(Query, Answer)>,
}

impl Steps {
    pub(super) fn push(&mut self, diff: Diff, apply: &str, undo: String) {
        self.diff.push(diff);
        self.apply.push_str(apply);
        self.apply.push('\n');
        self.undo.push(undo);
    }

    pub(super) fn undo(&self) -> String {
        self.undo
            .iter()
            .rev()
            .map(|step| format!("{step}\n"))
            .collect()
    }
}

pub(super) fn note(text: String) -> Diff {
    Diff::Note { text }
}

pub(super) fn property(name: &str, before: &str, after: &str) -> Diff {
    Diff::Property {
        name: name.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    }
}
