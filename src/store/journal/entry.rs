//! The entries of a journal: its lines after the header.
//!
//! To add a kind of entry, add it to the list at `entries!`, and write it with
//! [`Journal::note`](super::Journal::note) (not waited for) or
//! [`Journal::promise`](super::Journal::promise) (durable before what it announces).

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::hide::{Hide, textless};
use super::output::RecordedResult;
use super::rollout::RolloutEntry;
use crate::model::{Outcome, Position, Recorded, Secrets};

/// A line of `journal.jsonl` that is not a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub ts: Timestamp,
    #[serde(flatten)]
    pub entry: Entry,
}

/// What an intent is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// A task that has to change something.
    Task,
    /// `h.run`, and commands of ops that change more than a task.
    Command,
    Undo,
}

impl fmt::Display for EffectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Task => "task",
            Self::Command => "command",
            Self::Undo => "undo",
        })
    }
}

/// What was read on the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    Playbook,
    Module,
    /// A file that the playbook reads as a whole, such as a template.
    File,
    /// A file or directory that is copied to hosts unchanged. The digest of a directory is that of its tar
    /// file.
    Artifact,
}

textless!(EffectKind, SourceKind);

/// A source of the run, and its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub kind: SourceKind,
    /// As the user named it, or the real path.
    pub path: String,
    /// In hexadecimal digits.
    pub sha256: String,
}

/// Declares the kinds of entries. Every field is searched for secrets as its type says.
macro_rules! entries {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })*) => {
        /// The kinds of entries.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "entry", rename_all = "snake_case")]
        pub enum Entry {
            $($(#[$meta])* $name { $($(#[$field_meta])* $field: $type,)* },)*
        }

        impl Hide for Entry {
            fn hide(&mut self, secrets: &Secrets) {
                match self {
                    $(Self::$name { $($field,)* } => { $($field.hide(secrets);)* })*
                }
            }
        }
    };
}

entries! {
    /// From now on the step may take effect.
    Intend {
        step: String,
        /// Its place in its frame, counted whatever is sent there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<String>,
        kind: EffectKind,
        host: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        label: String,
        /// It may run twice.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        repeatable: bool,
        /// Equal for equal steps: see `run::entries`.
        fingerprint: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Position>,
        /// The name of a change on its host. For an undo: of the change that it undoes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<String>,
    }
    /// The host has made the change of the step; it is not verified yet.
    Applied {
        step: String,
    }
    /// The step has ended with this outcome. `unknown`: it was interrupted, and may have taken effect in
    /// full, in part or not at all. `skipped`: it was not started.
    Done {
        step: String,
        outcome: Outcome,
        /// What its command came back with, if it ran one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<RecordedResult>,
        /// For an undo: the name of the change that it undoes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<String>,
    }
    /// The step, which has failed, has changed nothing.
    Untouched {
        step: String,
    }
    /// Something in a rollout.
    Rollout {
        step: String,
        #[serde(flatten)]
        event: RolloutEntry,
    }
    /// A value of `keep`, as JSON.
    Kept {
        step: String,
        value: Recorded,
    }
    /// The operator answered a question with yes.
    Confirmed {
        step: String,
    }
    /// The run has read a source. Precedes the intents of the steps that use it.
    Source {
        #[serde(flatten)]
        source: Source,
    }
}

impl Hide for Source {
    fn hide(&mut self, secrets: &Secrets) {
        self.path.hide(secrets);
    }
}
