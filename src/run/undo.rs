//! Gives back what was there before changes were made.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::{Diff, Emission, Failure, FailureKind, Kind, LogLevel, Outcome, undo_of};
use crate::shell::{End, Request, Step, StepReply};
use crate::task::{Change, Mode};

use super::batch::{Applied, ended, keep_dir, sent};
use super::context::interrupted;
use super::fence::change;
use super::host::HostHandle;
use super::output::Lines;
use super::tail::tail;

/// What an undo does, as a user reads it.
const BACK: &str = "puts back what was there";
const LAST: &str = "reads what was put back";

/// Undoes changes, the last one first, and then what they want run last, in the order in which they were made.
/// A change that failed is undone too: it may have been made in part. One that cannot be undone is left as it is,
/// and the others are undone all the same; an undo that fails ends it, since those before it may build on what it left.
/// Each change is undone once in a run, however often it is asked for.
///
/// Undos of one user share a request: they decide nothing, so nothing has to be looked at between them.
///
/// # Errors
/// When a change has no undo, or an undo failed.
pub fn undo(
    host: &HostHandle,
    applied: &[Applied],
    cancel: &CancellationToken,
) -> Result<usize, Failure> {
    if host.run.settings.mode == Mode::Check {
        return Ok(0);
    }
    let mut made: Vec<Part> = applied
        .iter()
        .filter(|applied| applied.is_made() && !host.link.history.is_undone(&applied.step))
        .filter_map(|applied| Part::new(host, applied))
        .collect();
    let lasts: Vec<Part> = made
        .iter()
        .filter(|part| part.change.undo_last.is_some() && part.change.undo.is_some())
        .cloned()
        .collect();
    made.reverse();
    let (can, cannot): (Vec<_>, Vec<_>) = made
        .into_iter()
        .partition(|part| part.change.undo.is_some());
    for part in &cannot {
        part.finish(
            Err(part.refused("this change cannot be undone".to_owned())),
            BACK,
        );
    }
    let mut undone = 0;
    for parts in can.chunk_by(|one, other| one.host.user == other.host.user) {
        let scripts = parts
            .iter()
            .map(|part| (part, part.change.undo.as_deref().unwrap_or_default()));
        send(host, &scripts.collect::<Vec<_>>(), BACK, cancel, |part| {
            host.link.history.set_undone(&part.applied.step);
            undone += 1;
        })?;
    }
    for parts in lasts.chunk_by(|one, other| one.host.user == other.host.user) {
        let scripts = parts
            .iter()
            .map(|part| (part, part.change.undo_last.as_deref().unwrap_or_default()));
        send(host, &scripts.collect::<Vec<_>>(), LAST, cancel, |_| {})?;
    }
    match cannot.split_first() {
        None => Ok(undone),
        Some((only, [])) => Err(only.refused("this change cannot be undone".to_owned())),
        Some((first, _)) => {
            let labels: Vec<&str> = cannot.iter().map(|part| &*part.applied.label).collect();
            let message = format!(
                "{} changes cannot be undone: {}",
                labels.len(),
                labels.join(", ")
            );
            let mut failure = first.refused(message);
            failure.task = None;
            Err(failure)
        }
    }
}

/// A change that was made, and is to be undone.
#[derive(Clone)]
struct Part {
    applied: Applied,
    change: Arc<Change>,
    /// As the user who made it.
    host: HostHandle,
    label: String,
}

/// Sends scripts of changes in one request, which stops at the first that fails.
fn send(
    host: &HostHandle,
    scripts: &[(&Part, &str)],
    what: &str,
    cancel: &CancellationToken,
    mut done: impl FnMut(&Part),
) -> Result<(), Failure> {
    let Some((first, _)) = scripts.first() else {
        return Ok(());
    };
    let user = &first.host;
    let state = user.facts(cancel)?.state_dir;
    let mut request = Request::default();
    for (part, script) in scripts {
        part.host.run.bus.emit(part.emission(Kind::TaskStarted));
        request.steps.push(part.step(script, &state));
    }
    if let Some(journal) = &host.run.journal {
        let steps: Vec<String> = scripts.iter().map(|(part, _)| part.id()).collect();
        if let Err(error) = journal.intend_all(steps.iter().map(String::as_str)) {
            // Half a rollout is worse than a gap in the journal.
            let message = format!("the undo goes on, though {error}");
            host.run.log(LogLevel::Warn, Some(host.name()), message);
        }
    }
    let lines = Lines::new(&host.run, scripts.iter().map(|_| None).collect());
    let reply = change(user, cancel, request, &lines);
    let steps = match reply {
        Ok(reply) => reply.steps,
        Err(failure) => {
            for (part, _) in scripts {
                part.finish(Err(failure.clone()), what);
            }
            return Err(failure);
        }
    };
    let mut stopped = None;
    for (at, (part, _)) in scripts.iter().enumerate() {
        let result = match (&stopped, steps.get(at)) {
            (None, Some(step)) => part.result(step),
            (Some(_), _) => {
                part.skip();
                continue;
            }
            (None, None) => Err(part.refused("the host gave no answer".to_owned())),
        };
        part.finish(result.clone(), what);
        match result {
            Ok(_) => done(part),
            Err(failure) => stopped = Some(failure),
        }
    }
    stopped.map_or(Ok(()), Err)
}

impl Part {
    fn new(host: &HostHandle, applied: &Applied) -> Option<Self> {
        let change = applied.verdict.change.clone()?;
        Some(Self {
            change,
            host: HostHandle {
                user: applied.user.clone(),
                ..host.clone()
            },
            label: format!("undo {}", applied.label),
            applied: applied.clone(),
        })
    }

    fn step(&self, script: &str, state: &str) -> Step {
        let keep = keep_dir(&self.host.run.id, &self.applied.step);
        let mut step = sent(&self.change, script, state, &keep);
        step.timeout = Some(
            self.change
                .timeout
                .unwrap_or(self.host.run.settings.timeout),
        );
        step
    }

    fn result(&self, step: &StepReply) -> Result<Duration, Failure> {
        match step.end {
            End::Code(0) => Ok(step.duration),
            End::Cancelled => Err(interrupted().on(self.host.name())),
            _ => {
                let mut failure = self.refused(ended(step));
                if let End::Code(code) = step.end {
                    failure.code = Some(i32::from(code));
                }
                failure.stderr = tail(step, &self.host.run.secrets);
                Err(failure)
            }
        }
    }

    /// The identity of the undo as a step.
    fn id(&self) -> String {
        undo_of(&self.applied.step)
    }

    fn emission(&self, kind: Kind) -> Emission {
        Emission::new(kind)
            .step(self.id())
            .host(self.host.name())
            .task(&self.label)
            .at(self.applied.at.clone())
    }

    fn refused(&self, message: String) -> Failure {
        let mut failure = Failure::new(FailureKind::Failed, message)
            .on(self.host.name())
            .at(self.applied.at.clone());
        failure.task = Some(self.label.clone());
        failure
    }

    fn finish(&self, result: Result<Duration, Failure>, what: &str) {
        if let Some(journal) = &self.host.run.journal {
            let outcome = if result.is_ok() {
                Outcome::Changed
            } else {
                Outcome::Failed
            };
            journal.done(&self.id(), outcome);
        }
        let (outcome, failure, took) = match result {
            Ok(took) => (Outcome::Changed, None, Some(took)),
            Err(failure) => (Outcome::Failed, Some(Box::new(failure)), None),
        };
        let diff = match outcome {
            Outcome::Changed => vec![Diff::Note {
                text: what.to_owned(),
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

    fn skip(&self) {
        let kind = Kind::TaskFinished {
            diff: Vec::new(),
            note: Some("an undo before it failed".to_owned()),
            failure: None,
        };
        self.host
            .run
            .bus
            .emit(self.emission(kind).outcome(Outcome::Skipped));
    }
}
