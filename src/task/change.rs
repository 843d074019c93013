//! A change: the shell that makes it, the shell that undoes it, and what it would leave.

use std::fmt;
use std::sync::Arc;

use crate::model::Diff;

use super::{Answer, Query, Resource};

/// What a change needs, and says.
///
/// Scripts are POSIX sh and run under `set -e` in a subshell of their own with `LC_ALL=C`, unless [`Change::command`]
/// says that it is a command of the user's. Both scripts may use `$keep`, the path of a directory of this step's own below ops's
/// state directory on the host. It does not exist until `keep_dir` (a function that `prelude.sh` defines) has made it.
pub struct Change {
    pub diff: Vec<Diff>,
    pub apply: String,
    /// What gives back what was there. `None`: nothing can, and the user is told so.
    pub undo: Option<String>,
    /// A large (or binary) content that is put on the host before `apply` runs.
    pub body: Option<Body>,
    /// What it alters, where that is less than the task's [`Task::touches`](super::Task::touches) say.
    pub alters: Option<Vec<Resource>>,
    /// Whether the same queries must lead to [`Plan::Unchanged`](super::Plan::Unchanged) afterwards.
    pub provable: bool,
    /// For check mode: the answers to these queries after the change. A query that overlaps what the task
    /// writes and that is not listed is unknown afterwards.
    pub leaves: Vec<(Query, Answer)>,
    /// The command is the user's, or may run long: it gets a session of its own, its output is shown.
    pub command: bool,
    /// Exit codes that are a success.
    pub ok: Vec<u8>,
    pub effect: Effect,
}

/// A content that does not fit into a script.
#[derive(Clone)]
pub struct Body {
    /// Where it lands, created with mode 0600: beside its target, so that `apply` can rename it.
    pub path: String,
    pub content: Arc<[u8]>,
}

/// Whether running the change counts as one.
#[derive(Clone)]
pub enum Effect {
    Changes,
    /// Declared to change nothing (`changed_when: false`).
    Nothing,
    /// Decided by what came back.
    Judged(Arc<dyn Fn(&Ran) -> Result<bool, String> + Send + Sync>),
}

/// What a command came back with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Change {
    /// A change by a short script of ours that can be undone.
    #[must_use]
    pub fn new(diff: Vec<Diff>, apply: impl Into<String>, undo: impl Into<String>) -> Self {
        Self {
            diff,
            apply: apply.into(),
            undo: Some(undo.into()),
            body: None,
            alters: None,
            provable: true,
            leaves: Vec::new(),
            command: false,
            ok: vec![0],
            effect: Effect::Changes,
        }
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
            .field(
                "body",
                &self.body.as_ref().map(|b| (&b.path, b.content.len())),
            )
            .field("leaves", &self.leaves)
            .finish_non_exhaustive()
    }
}
