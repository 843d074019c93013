//! The changes that earlier attempts of a run made, or may have made, and which of them are undone: according
//! to its journal.

use std::collections::HashMap;

use crate::model::{Outcome, Position};
use crate::store::{EffectKind, Entry};

/// A change of an earlier attempt.
#[derive(Debug, Clone)]
pub struct PastChange {
    /// Its name on the host: see `kept_undo`.
    pub name: String,
    /// The identity of its step.
    pub step: String,
    pub label: String,
    /// `None` is the login user.
    pub user: Option<String>,
    pub at: Option<Position>,
    pub made: PastMade,
    pub undo: PastUndo,
}

/// Whether a change was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PastMade {
    Yes,
    No,
    /// It may have been made, in full or in part.
    Unknown,
}

/// What is known of the undo of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PastUndo {
    /// There was none, or it failed.
    NotDone,
    /// It may have begun.
    InDoubt,
    Done,
}

/// The changes by host, each in the order of their intents.
#[derive(Debug, Default)]
pub(super) struct PastChanges {
    by_host: HashMap<String, Vec<PastChange>>,
    /// The host and the position of the last change of each step.
    last: HashMap<String, (String, usize)>,
    /// Those of each change, by its name. The key of its step makes it unique among all hosts.
    named: HashMap<String, (String, usize)>,
}

impl PastChanges {
    pub(super) fn add(&mut self, entry: &Entry) {
        match entry {
            Entry::Intend {
                kind: EffectKind::Undo,
                change: Some(name),
                ..
            } => {
                if let Some(change) = self.named(name)
                    && change.undo != PastUndo::Done
                {
                    change.undo = PastUndo::InDoubt;
                }
            }
            Entry::Intend {
                step,
                host,
                user,
                label,
                at,
                change: Some(name),
                ..
            } => {
                let changes = self.by_host.entry(host.clone()).or_default();
                let place = (host.clone(), changes.len());
                self.last.insert(step.clone(), place.clone());
                self.named.insert(name.clone(), place);
                changes.push(PastChange {
                    name: name.clone(),
                    step: step.clone(),
                    label: label.clone(),
                    user: user.clone(),
                    at: at.clone(),
                    made: PastMade::Unknown,
                    undo: PastUndo::NotDone,
                });
            }
            Entry::Applied { step } => {
                if let Some(change) = self.last_of(step) {
                    change.made = PastMade::Yes;
                }
            }
            Entry::Untouched { step } => {
                if let Some(change) = self.last_of(step) {
                    change.made = PastMade::No;
                }
            }
            Entry::Done {
                outcome,
                change: Some(name),
                ..
            } => {
                if let Some(change) = self.named(name) {
                    change.undo_ended(*outcome);
                }
            }
            Entry::Done { step, outcome, .. } => {
                if let Some(change) = self.last_of(step) {
                    change.ended(*outcome);
                }
            }
            _ => {}
        }
    }

    /// The changes on a host.
    pub(super) fn on(&self, host: &str) -> &[PastChange] {
        self.by_host.get(host).map_or(&[], Vec::as_slice)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &PastChange> {
        self.by_host.values().flatten()
    }

    /// The last change of a step.
    pub(super) fn last_of(&mut self, step: &str) -> Option<&mut PastChange> {
        let (host, position) = self.last.get(step)?;
        self.by_host.get_mut(host)?.get_mut(*position)
    }

    pub(super) fn named(&mut self, name: &str) -> Option<&mut PastChange> {
        let (host, position) = self.named.get(name)?;
        self.by_host.get_mut(host)?.get_mut(*position)
    }
}

impl PastChange {
    fn ended(&mut self, outcome: Outcome) {
        self.made = match outcome {
            Outcome::Changed => PastMade::Yes,
            // A command that is declared to change nothing is not undone.
            Outcome::Unchanged | Outcome::Skipped => PastMade::No,
            Outcome::Failed | Outcome::Unknown | Outcome::WouldChange => self.made,
        };
    }

    fn undo_ended(&mut self, outcome: Outcome) {
        self.undo = match (outcome, self.undo) {
            (Outcome::Changed, _) | (_, PastUndo::Done) => PastUndo::Done,
            (Outcome::Unknown, _) => PastUndo::InDoubt,
            _ => PastUndo::NotDone,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intend(kind: EffectKind, step: &str, name: &str) -> Entry {
        Entry::Intend {
            step: step.to_owned(),
            slot: None,
            kind,
            repeatable: false,
            host: "web1".to_owned(),
            user: None,
            label: format!("task {step}"),
            fingerprint: "f".to_owned(),
            at: None,
            change: Some(name.to_owned()),
        }
    }

    fn done(step: &str, name: Option<&str>, outcome: Outcome) -> Entry {
        Entry::Done {
            step: step.to_owned(),
            outcome,
            result: None,
            change: name.map(ToOwned::to_owned),
        }
    }

    fn states(entries: &[Entry]) -> Vec<(PastMade, PastUndo)> {
        let mut changes = PastChanges::default();
        for entry in entries {
            changes.add(entry);
        }
        let changes = changes.on("web1").iter();
        changes.map(|change| (change.made, change.undo)).collect()
    }

    #[test]
    fn each_intent_of_a_step_is_a_change_of_its_own() {
        let applied = |step: &str| Entry::Applied {
            step: step.to_owned(),
        };
        let entries = [
            intend(EffectKind::Task, "a", "1"),
            intend(EffectKind::Task, "b", "2"),
            applied("a"),
            done("a", None, Outcome::Failed),
            done("b", None, Outcome::Unknown),
            intend(EffectKind::Task, "a", "3"),
            intend(EffectKind::Command, "c", "4"),
            done("c", None, Outcome::Unchanged),
            intend(EffectKind::Task, "d", "5"),
            done("d", None, Outcome::Failed),
            Entry::Untouched {
                step: "d".to_owned(),
            },
        ];
        assert_eq!(
            states(&entries),
            [
                (PastMade::Yes, PastUndo::NotDone),
                (PastMade::Unknown, PastUndo::NotDone),
                (PastMade::Unknown, PastUndo::NotDone),
                (PastMade::No, PastUndo::NotDone),
                (PastMade::No, PastUndo::NotDone),
            ]
        );
    }

    #[test]
    fn an_undo_is_of_the_change_that_it_names() {
        let mut entries = vec![
            intend(EffectKind::Task, "a", "1"),
            done("a", None, Outcome::Changed),
            intend(EffectKind::Task, "a", "2"),
            done("a", None, Outcome::Changed),
            intend(EffectKind::Undo, "a undo", "2"),
            intend(EffectKind::Undo, "a undo", "1"),
        ];
        let undos = |entries: &[Entry]| -> Vec<PastUndo> {
            states(entries).into_iter().map(|(_, undo)| undo).collect()
        };
        assert_eq!(undos(&entries), [PastUndo::InDoubt; 2]);
        entries.push(done("a undo", Some("2"), Outcome::Changed));
        assert_eq!(undos(&entries), [PastUndo::InDoubt, PastUndo::Done]);
        entries.push(done("a undo", Some("1"), Outcome::Failed));
        // What runs last.
        entries.push(intend(EffectKind::Undo, "a undo", "2"));
        entries.push(done("a undo", Some("2"), Outcome::Failed));
        assert_eq!(undos(&entries), [PastUndo::NotDone, PastUndo::Done]);
    }
}
