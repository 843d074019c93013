//! The journal's intents of a batch, and its commands that cannot be probed, in a resumed run.

use std::time::Duration;

use super::Part;
use crate::model::{Failure, FailureKind, Outcome};
use crate::run::command::IN_EARLIER_ATTEMPT;
use crate::run::entries::{command_intent, task_intent};
use crate::run::kept_undo::change_name;
use crate::run::recall::{Reached, adopt, recalled};
use crate::run::recording::key;
use crate::store::{EffectKind, Entry, Intent};
use crate::task::{Change, Found, Plan, Planned};

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

    /// Names the changes, and records that they are about to be made.
    pub(super) fn intend(&mut self, changes: &[Planned]) -> Result<(), Failure> {
        let (run, history) = (&self.host.run, self.host.history());
        let names: Vec<String> = changes
            .iter()
            .map(|planned| {
                let step = &self.steps[planned.index].id;
                change_name(run.attempt, history.next_number(), &key(step))
            })
            .collect();
        let intents = changes.iter().zip(&names).map(|(planned, name)| Intent {
            change: Some(name),
            ..self.intent(planned.index, &planned.change)
        });
        if let Some(journal) = &run.journal {
            journal.intend_all(intents).map_err(|error| {
                Failure::new(FailureKind::Failed, format!("nothing was changed: {error}"))
                    .hint(
                        "A change is made only after it is recorded in the journal. \
                         Free the disk, or set XDG_STATE_HOME.",
                    )
                    .on(self.host.name())
            })?;
        }
        for (planned, name) in changes.iter().zip(names) {
            self.names[planned.index] = name;
        }
        Ok(())
    }

    /// Records which changes failed and changed nothing: an undo leaves them out, also in a later attempt.
    pub(super) fn record_untouched(&self) {
        let Some(journal) = &self.host.run.journal else {
            return;
        };
        let decisions = self
            .planner
            .decisions()
            .iter()
            .zip(&self.names)
            .zip(&self.steps);
        for ((decision, name), step) in decisions {
            let untouched = decision
                .as_ref()
                .is_some_and(|made| made.outcome == Outcome::Failed && made.change.is_none());
            if untouched && !name.is_empty() {
                let step = step.id.clone();
                journal.note(Entry::Untouched { step });
            }
        }
    }

    /// In a resumed run: commands that an earlier attempt ran count, and do not run again.
    pub(super) fn recall(&mut self) -> Result<(), Failure> {
        if self.host.run.past.is_none() {
            return Ok(());
        }
        for index in 0..self.jobs.len() {
            let task = &self.jobs[index].task;
            if !task.queries().is_empty() {
                let (step, label) = (&self.steps[index].id, &self.labels[index]);
                let intent = || task_intent(self.host, step, label, None);
                adopt(self.host, step, EffectKind::Task, intent)?;
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
                    self.lost[index] = recalled.lost;
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
