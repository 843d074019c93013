//! The outcome of a task that was applied: what a playbook reads, and what an undo needs.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Outcome, Position};
use crate::task::{Decision, Ran, Task};

use super::record::StepState;

/// The outcome of a job.
#[derive(Clone)]
pub struct Applied {
    /// The identity of the step.
    pub step: String,
    pub label: String,
    pub decision: Decision,
    /// Whether an earlier attempt of the run made the change.
    pub changed_before: bool,
    /// The output of the change, if one was made.
    pub ran: Option<Ran>,
    /// Why its output is not known, if it was made by an earlier attempt of the run and is lost.
    pub lost: Option<String>,
    pub duration: Duration,
    pub at: Option<Position>,
    /// The user it was applied as.
    pub user: Option<String>,
    /// What is known of its change, if one was sent to the host.
    pub state: StepState,
    /// The name of its change on the host, if one was sent: see `kept_undo`.
    pub(super) change_name: String,
    pub(super) task: Arc<dyn Task>,
}

impl Applied {
    /// Whether something was changed, or may have been.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.state != StepState::NotStarted
            && self.decision.change.is_some()
            && matches!(
                self.decision.outcome,
                Outcome::Changed | Outcome::Failed | Outcome::Unknown
            )
    }

    /// The task itself: its queries show whether the change was made.
    pub(super) fn task(&self) -> &dyn Task {
        self.task.as_ref()
    }
}
