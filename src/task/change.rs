//! A change: the shell script that applies it, the script that undoes it, and the state that it would
//! leave.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Diff;
use crate::shell::{Payload, quote_str as quote};

use super::{Answer, Query, Ran, Resource, functions, script};

/// What a change needs, and what it reports.
///
/// Scripts are POSIX sh. What they may rely on is documented at [`script`] and [`sent_script`].
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own about the change"
)]
pub struct Change {
    pub diff: Vec<Diff>,
    /// What a user must know about the change beyond the diff: shown with the outcome, in check mode too.
    pub note: Option<String>,
    /// A note for check mode only: something that only a run would find out.
    pub foreseen: Option<String>,
    pub apply: String,
    /// Restores the former state. `None`: this is impossible, and the user is told so.
    pub undo: Option<String>,
    pub undoes: Undoes,
    /// Runs after the undos of all changes on the host, in the order in which the changes were made: for
    /// example a restart of a service, so that it reads the restored files.
    pub undo_last: Option<String>,
    /// A large (or binary) content that is sent to the host before `apply` runs.
    pub body: Option<Body>,
    /// If it only writes a text to a file: that text.
    pub text: Option<Text>,
    /// What it alters, if that is less than the task's [`Task::touches`](super::Task::touches).
    pub alters: Option<Vec<Resource>>,
    /// Whether the same queries must lead to [`Plan::Unchanged`](super::Plan::Unchanged) afterwards.
    pub provable: bool,
    pub seen: Seen,
    /// For check mode: the answers to these queries after the change. A query that overlaps what the task
    /// writes and is not listed is unknown afterwards.
    pub leaves: Vec<(Query, Answer)>,
    /// For check mode: which of the altered resources look the same afterwards.
    pub keeps: Vec<Resource>,
    /// The scripts may take long: they get a session of their own, and their output is shown.
    pub command: bool,
    /// The scripts are the user's, and run unmodified.
    pub bare: bool,
    /// It may run twice, if nobody knows whether it ran.
    pub repeatable: bool,
    /// What a failure shows as the command, if the script is not what the user wrote.
    pub shown: Option<String>,
    /// The setting of the run if `None`.
    pub timeout: Option<Duration>,
    /// Exit codes that count as success.
    pub ok: Vec<u8>,
    pub effect: Effect,
}

/// A content that does not fit into a script.
#[derive(Clone)]
pub struct Body {
    /// Where it is stored, with mode 0600: beside its target, so that `apply` can rename it.
    pub path: String,
    pub content: Payload,
}

/// The text that a change writes to a file, with what is needed to write the text of the next change to the
/// same file in its place. A host then needs one write for twenty lines in a file.
#[derive(Debug, Clone)]
pub struct Text {
    pub path: String,
    /// The SHA-256 of the previous content of the file. `None`: the file is created.
    pub before: Option<String>,
    /// The SHA-256 of the text.
    pub after: String,
    /// Its position in `apply`, quoted.
    pub at: Range<usize>,
    /// What restores the previous text, if an earlier change has written this one. `None`: this change does
    /// more, and must be applied separately.
    pub undo: Option<String>,
}

/// How much of a change's effect the task's queries observe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Everything, even if the script fails half-way: a failure after which the answers are the same as
    /// before has changed nothing.
    Whole,
    InPart,
}

/// When an undo can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undoes {
    /// It does no harm even if the change was not made at all.
    Anything,
    /// Only if the change was made, in full or in part: a user's script guarantees no more.
    Change,
}

/// How the scripts of a change run: see [`Change::command`] and [`Change::bare`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Form {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub command: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
}

/// Whether running the change counts as one.
#[derive(Clone)]
pub enum Effect {
    Changes,
    /// Declared to change nothing (`changed_when: false`).
    Nothing,
    /// Decided from the result.
    Judged(Arc<Judge>),
}

/// Whether a result means a change. `Err` says why this cannot be determined, or that it was a failure.
pub type Judge = dyn Fn(&Ran) -> Result<bool, String> + Send + Sync;

impl Change {
    /// A change by a short script of ours that can be undone.
    #[must_use]
    pub fn new(diff: Vec<Diff>, apply: impl Into<String>, undo: impl Into<String>) -> Self {
        Self {
            diff,
            note: None,
            foreseen: None,
            apply: apply.into(),
            undo: Some(undo.into()),
            undoes: Undoes::Anything,
            undo_last: None,
            body: None,
            text: None,
            alters: None,
            provable: true,
            seen: Seen::InPart,
            leaves: Vec::new(),
            keeps: Vec::new(),
            command: false,
            bare: false,
            repeatable: false,
            shown: None,
            timeout: None,
            ok: vec![0],
            effect: Effect::Changes,
        }
    }

    /// The same change, whose effect is fully observed if `whole`.
    #[must_use]
    pub fn seen_if(mut self, whole: bool) -> Self {
        self.seen = if whole { Seen::Whole } else { Seen::InPart };
        self
    }

    /// One of this change's scripts as it is sent to the host: see [`sent_script`].
    #[must_use]
    pub fn script(&self, text: &str, state: &str, keep: &str) -> String {
        sent_script(text, state, keep, self.form())
    }

    /// How its scripts run.
    #[must_use]
    pub const fn form(&self) -> Form {
        Form {
            command: self.command,
            bare: self.bare,
        }
    }

    /// Also writes the text of `next`, the change that follows directly, so that nothing is left for `next`
    /// to do. Not if any but the last text could be observed: then both changes stay as they are.
    pub(super) fn take_over(&mut self, next: &mut Self) -> bool {
        let (Some(mine), Some(text)) = (&mut self.text, &mut next.text) else {
            return false;
        };
        if mine.path != text.path || text.before.as_deref() != Some(mine.after.as_str()) {
            return false;
        }
        let Some(undo) = text.undo.take() else {
            return false;
        };
        let quoted = &next.apply[text.at.clone()];
        let end = mine.at.start + quoted.len();
        self.apply.replace_range(mine.at.clone(), quoted);
        mine.at.end = end;
        mine.after.clone_from(&text.after);
        next.apply.clear();
        next.undo = Some(undo);
        next.text = None;
        true
    }

    /// Adds to the note.
    #[must_use]
    pub fn noting(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.note = Some(match self.note {
            Some(note) => format!("{note}; {text}"),
            None => text,
        });
        self
    }

    /// The answers to queries after the change.
    #[must_use]
    pub fn leaving(mut self, leaves: Vec<(Query, Answer)>) -> Self {
        self.leaves = leaves;
        self
    }
}

/// A script of a change as it is sent to the host. A user's script is sent as it is; ours are preceded by
/// [`script`] and `$ops_state`. `state` is ops's state directory on the host, `keep` the name below it of
/// what the change keeps.
#[must_use]
pub fn sent_script(text: &str, state: &str, keep: &str, form: Form) -> String {
    if form.bare {
        return text.to_owned();
    }
    let state = state.trim_end_matches('/');
    let prepared = script(text, &format!("{state}/{keep}"));
    // A command does not see the functions of its request.
    let own = if form.command {
        functions([text.as_bytes()])
    } else {
        Vec::new()
    };
    let own: String = own.iter().map(|function| function.body).collect();
    format!("ops_state={}\n{own}{prepared}", quote(state))
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("diff", &self.diff)
            .field("apply", &self.apply)
            .field("undo", &self.undo)
            .field("undo_last", &self.undo_last)
            .field(
                "body",
                &self.body.as_ref().map(|b| (&b.path, b.content.size())),
            )
            .field("leaves", &self.leaves)
            .finish_non_exhaustive()
    }
}
