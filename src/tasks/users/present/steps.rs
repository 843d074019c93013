//! The steps of a plan for a user, each with its undo.

use crate::model::Diff;
use crate::task::{Answer, Query, Resource};
pub(super) use crate::tasks::accounts::local::Stop;

/// Steps to run one after the other.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) diff: Vec<Diff>,
    pub(super) apply: String,
    /// In the order of `apply`; undone in reverse order.
    undo: Vec<String>,
    /// What they alter besides the accounts.
    pub(super) alters: Vec<Resource>,
    /// What a query for it would return afterwards.
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
