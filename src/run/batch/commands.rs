//! The journal's intents of a batch, and its commands that cannot be probed, in a resumed run.

use std::time::Duration;

use super::Part;
use crate::model::{Failure, FailureKind};
use crate::run::command::IN_EARLIER_ATTEMPT;
use crate::run::entries::{command_intent, task_intent};
use crate::run::recall::{Reached, recalled};
use crate::store::Intent;
use crate::task::{Change, Found, Plan};

impl Part<'_> {
    pub(super) fn intent(&self, index: usize, change: &Change) -> Intent<'_> {
        let (job, step) = (&self.jobs[index], &self.steps[index]);
        let (label, at) = (&self.labels[index], job.at.as_ref());
        if job.task.queries().is_empty() {
            let sent = [
                label.as_bytes(),
                job.task.sent().unwrap_or_default().as_bytes(),
            ];
            return command_intent(self.host, step, label, sent, change.repeatable, at);
        }
        task_intent(self.host, &step.id, label, at)
    }

    /// In a resumed run: commands that an earlier attempt ran count, and do not run again.
    pub(super) fn recall(&mut self) -> Result<(), Failure> {
        if self.host.run.past.is_none() {
            return Ok(());
        }
        for index in 0..self.jobs.len() {
            let task = &self.jobs[index].task;
            if !task.queries().is_empty() {
                continue;
            }
            let Plan::Change(change) = task.plan(&Found::default()) else {
                continue;
            };
            let reached = Reached {
                step: &self.steps[index],
                label: &self.labels[index],
                at: self.jobs[index].at.as_ref(),
                ok: &change.ok,
                repeatable: change.repeatable,
            };
            match recalled(
                self.host,
                &reached,
                || self.intent(index, &change),
                self.cancel,
            ) {
                Ok(None) => {}
                Ok(Some(recalled)) => {
                    self.planner.recalled(index, IN_EARLIER_ATTEMPT);
                    self.ran[index] = Some((recalled.ran, Duration::ZERO));
                }
                Err(failure) => {
                    if failure.kind != FailureKind::Interrupted {
                        self.planner.refuse(index, &failure.message);
                        self.failures[index] = Some(failure.clone());
                    }
                    self.planner.skip_rest("a command is in doubt");
                    return Err(failure);
                }
            }
        }
        Ok(())
    }
}
