//! A change: the shell that makes it, the shell that undoes it, and what it would leave.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Diff;
use crate::shell::{Payload, quote_str as quote};

use super::{Answer, Query, Ran, Resource, functions, script};

/// What a change needs, and says.
///
/// Scripts are POSIX sh. What they may rely on is written at [`script`] and [`Change::script`].
pub struct Change {
    pub diff: Vec<Diff>,
    /// What a user must know of the change that is not in the diff: the outcome shows it, in check mode too.
    pub note: Option<String>,
    /// A note for check mode only: what a run would find out.
    pub foreseen: Option<String>,
    pub apply: String,
    /// What gives back what was there. `None`: nothing can, and the user is told so.
    pub undo: Option<String>,
    pub undoes: Undoes,
    /// Runs when the undos of all changes on the host are through, in the order in which the changes were
    /// made: a restart of a service, so that it reads what the undos of its files put back.
    pub undo_last: Option<String>,
    /// A large (or binary) content that is put on the host before `apply` runs.
    pub body: Option<Body>,
    /// Where it does nothing but write a text to a file: that text.
    pub text: Option<Text>,
    /// What it alters, where that is less than the task's [`Task::touches`](super::Task::touches) say.
    pub alters: Option<Vec<Resource>>,
    /// Whether the same queries must lead to [`Plan::Unchanged`](super::Plan::Unchanged) afterwards.
    pub provable: bool,
    pub seen: Seen,
    /// For check mode: the answers to these queries after the change. A query that overlaps what the task
    /// writes and that is not listed is unknown afterwards.
    pub leaves: Vec<(Query, Answer)>,
    /// For check mode: what of that which it alters is found afterwards as it was before.
    pub keeps: Vec<Resource>,
    /// The scripts may run long: they get a session of their own, their output is shown.
    pub command: bool,
    /// The scripts are the user's: they run as they are.
    pub bare: bool,
    /// What a failure shows as the command, where the script is not what the user wrote.
    pub shown: Option<String>,
    /// The run's setting if `None`.
    pub timeout: Option<Duration>,
    /// Exit codes that are a success.
    pub ok: Vec<u8>,
    pub effect: Effect,
}

/// A content that does not fit into a script.
#[derive(Clone)]
pub struct Body {
    /// Where it lands, created with mode 0600: beside its target, so that `apply` can rename it.
    pub path: String,
    pub content: Payload,
}

/// The text that a change writes to a file, as far as it takes to write that of the next change of the same file in
/// its place: twenty lines that are kept in a file then cost a host what one costs.
#[derive(Debug, Clone)]
pub struct Text {
    pub path: String,
    /// The SHA-256 of what the file holds before. `None`: it is made.
    pub before: Option<String>,
    /// The SHA-256 of the text.
    pub after: String,
    /// Where it stands in `apply`, quoted.
    pub at: Range<usize>,
    /// What gives back the text before, where an earlier change has written this one. `None`: this one has to be
    /// made by itself, as it does more.
    pub undo: Option<String>,
}

/// How much of a change's effect the task's queries see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Everything, also where the script fails half-way: a failure after which they are answered as before has changed
    /// nothing.
    Whole,
    InPart,
}

/// What an undo can be run after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undoes {
    /// It does no harm where the change was not made at all.
    Anything,
    /// The change was made, in full or in part: a script of the user's promises no more.
    Change,
}

/// Whether running the change counts as one.
#[derive(Clone)]
pub enum Effect {
    Changes,
    /// Declared to change nothing (`changed_when: false`).
    Nothing,
    /// Decided by what came back.
    Judged(Arc<Judge>),
}

/// Whether what came back means a change. `Err` says why it cannot be told, or that it was a failure.
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
            shown: None,
            timeout: None,
            ok: vec![0],
            effect: Effect::Changes,
        }
    }

    /// The same change, of which all is seen if `whole`.
    #[must_use]
    pub fn seen_if(mut self, whole: bool) -> Self {
        self.seen = if whole { Seen::Whole } else { Seen::InPart };
        self
    }

    /// One of this change's scripts as it is sent to the host. A user's script is sent as it is; one of ours gets what comes
    /// before it ([`script`]) and `$ops_state`. `state` is ops's state directory on the host, `keep` the
    /// directory of the step below it.
    #[must_use]
    pub fn script(&self, text: &str, state: &str, keep: &str) -> String {
        if self.bare {
            return text.to_owned();
        }
        let state = state.trim_end_matches('/');
        let prepared = script(text, &format!("{state}/{keep}"));
        // A command does not see the functions of its request.
        let own = if self.command {
            functions([text.as_bytes()])
        } else {
            Vec::new()
        };
        let own: String = own.iter().map(|function| function.body).collect();
        format!("ops_state={}\n{own}{prepared}", quote(state))
    }

    /// Writes the text of `next` too, which comes right behind it, so that nothing is left for `next` to do. Not
    /// where anything but the last text could be noticed: then both stay as they are.
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

    /// What queries will answer after the change.
    #[must_use]
    pub fn leaving(mut self, leaves: Vec<(Query, Answer)>) -> Self {
        self.leaves = leaves;
        self
    }
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
