//! A change that is about to be undone: its steps, its events and its entries in the journal.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Diff, Emission, Failure, FailureKind, Kind, Outcome, Position, undo_of};
use crate::run::applied::Applied;
use crate::run::change_step::change_step;
use crate::run::host::HostHandle;
use crate::run::kept_undo::{KeptUndo, end_undo, keep};
use crate::run::output_tail::tail;
use crate::run::past_changes::PastChange;
use crate::run::recording::key;
use crate::run::step_failure::how_it_ended;
use crate::shell::{End, Step, StepReply};

/// What becomes of a change.
pub(in crate::run) enum Verdict {
    /// It is undone: it was made, in full or in part, or undoing it does no harm.
    Undo,
    /// It was not made, or it is undone.
    Nothing,
    /// It is undone, and only what runs last is missing.
    Last,
    /// It is left as it is, for this reason.
    Cannot(String),
}

/// The reason why a change is left as it is.
pub(in crate::run) const NO_UNDO: &str = "this change cannot be undone";

/// Which of its scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) enum Script {
    /// Restores what was there before.
    Undo,
    /// Runs after the undos of all changes.
    Last,
}

impl Script {
    /// What it does, as shown to the user.
    const fn effect(self) -> &'static str {
        match self {
            Self::Undo => "restores what was there before",
            Self::Last => "reads what was restored",
        }
    }
}

/// A change that was made, or may have been, and is about to be undone.
#[derive(Clone)]
pub(in crate::run) struct Part {
    /// The name of the change on the host.
    pub name: String,
    /// The identity of its step.
    pub step: String,
    pub task: String,
    pub label: String,
    pub at: Option<Position>,
    /// The host as the user who made it.
    pub host: HostHandle,
    pub undo: Arc<KeptUndo>,
}

impl Part {
    /// A change of this attempt. `None`: there is none.
    pub(super) fn new(host: &HostHandle, applied: &Applied) -> Option<Self> {
        let change = applied.decision.change.as_ref()?;
        Some(Self {
            name: applied.change_name.clone(),
            step: applied.step.clone(),
            label: format!("undo {}", applied.label),
            task: applied.label.clone(),
            at: applied.at.clone(),
            host: host.as_user(applied.user.clone()),
            undo: Arc::new(KeptUndo::from(&**change)),
        })
    }

    /// A change of an earlier attempt.
    pub(super) fn earlier(host: &HostHandle, change: &PastChange, undo: KeptUndo) -> Self {
        Self {
            name: change.name.clone(),
            step: change.step.clone(),
            label: format!("undo {}", change.label),
            task: change.label.clone(),
            at: change.at.clone(),
            host: host.as_user(change.user.clone()),
            undo: Arc::new(undo),
        }
    }

    pub(super) fn script(&self, script: Script) -> &str {
        let script = match script {
            Script::Undo => &self.undo.undo,
            Script::Last => &self.undo.undo_last,
        };
        script.as_deref().unwrap_or_default()
    }

    pub(super) fn to_step(&self, script: Script, state: &str) -> Step {
        let run = &self.host.run;
        let keep = keep(&run.id, &self.name);
        let record = key(&recorded_as(&self.step, &self.name));
        let mut step = change_step(self.script(script), self.undo.form, state, &keep, &record);
        if script == Script::Last {
            // It is not the undo itself.
            step.record = None;
        }
        let waits = script == Script::Undo && self.undo.undo_last.is_some();
        step.after = Some(end_undo(&run.id, &self.name, waits));
        step.timeout = Some(self.undo.timeout().unwrap_or(run.settings.timeout));
        step
    }

    pub(super) fn result(&self, step: &StepReply) -> Result<Duration, Failure> {
        if step.end == End::Code(0) {
            return Ok(step.duration);
        }
        let mut failure = self.refused(how_it_ended(step));
        if let End::Code(code) = step.end {
            failure.code = Some(i32::from(code));
        }
        failure.stderr = tail(step, &self.host.run.secrets);
        Err(failure)
    }

    /// The identity of the undo as a step.
    pub(super) fn id(&self) -> String {
        undo_of(&self.step)
    }

    pub(super) fn emission(&self, kind: Kind) -> Emission {
        Emission::new(kind)
            .step(self.id())
            .host(self.host.name())
            .task(&self.label)
            .at(self.at.clone())
    }

    pub(super) fn refused(&self, message: impl Into<String>) -> Failure {
        let mut failure = Failure::new(FailureKind::Failed, message)
            .on(self.host.name())
            .at(self.at.clone());
        failure.task = Some(self.label.clone());
        failure
    }

    pub(super) fn finish(&self, result: Result<Duration, Failure>, script: Script) {
        let outcome = if result.is_ok() {
            Outcome::Changed
        } else {
            Outcome::Failed
        };
        self.finish_as(outcome, result, script);
    }

    /// The same, with this outcome in the journal.
    pub(super) fn finish_as(
        &self,
        outcome: Outcome,
        result: Result<Duration, Failure>,
        script: Script,
    ) {
        if let Some(journal) = &self.host.run.journal {
            journal.undone(&self.id(), &self.name, outcome);
        }
        self.tell(result, script);
    }

    /// Emits the event of the undo.
    fn tell(&self, result: Result<Duration, Failure>, script: Script) {
        let (outcome, failure, took) = match result {
            Ok(took) => (Outcome::Changed, None, Some(took)),
            Err(failure) => (Outcome::Failed, Some(Box::new(failure)), None),
        };
        let diff = match outcome {
            Outcome::Changed => vec![Diff::Note {
                text: script.effect().to_owned(),
            }],
            _ => Vec::new(),
        };
        let kind = Kind::TaskFinished {
            diff,
            note: None,
            failure,
        };
        let mut emission = self.emission(kind).outcome(outcome);
        if let Some(took) = took {
            emission = emission.duration(took);
        }
        self.host.run.bus.emit(emission);
    }

    /// Reports that the change is left as it is.
    pub(super) fn refuse(&self, message: &str) {
        self.tell(Err(self.refused(message)), Script::Undo);
    }

    /// Reports that the undo was not reached because of this failure. `intended`: the journal says that it
    /// was about to begin.
    pub(super) fn leave(&self, script: Script, failure: &Failure, intended: bool) {
        let because = match failure.kind {
            FailureKind::Interrupted => "the undo was interrupted",
            FailureKind::Unreachable => "the host cannot be reached",
            _ => "an undo before it failed",
        };
        let message = match script {
            Script::Undo => format!("not undone, because {because}"),
            Script::Last => format!("undone, but not started again, because {because}"),
        };
        let refused = Err(self.refused(message));
        if intended {
            self.finish(refused, script);
        } else {
            self.tell(refused, script);
        }
    }
}

/// What a host records the undo of a change as: a step may have several changes.
pub(in crate::run) fn recorded_as(step: &str, change: &str) -> String {
    format!("{} {change}", undo_of(step))
}
