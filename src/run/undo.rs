//! Undoes changes: restores what was there before.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::{Diff, Emission, Failure, FailureKind, Kind, LogLevel, Outcome, undo_of};
use crate::shell::{End, Request, Step, StepReply};
use crate::task::{Change, Found, Plan, RunMode, Undoes};

use super::applied::Applied;
use super::ask::ask;
use super::change_step::{bring_functions, change_step};
use super::entries::undo_intent;
use super::follow::{Followed, Follower};
use super::guarded::send_change;
use super::host::HostHandle;
use super::output::Lines;
use super::output_tail::tail;
use super::record::StepState;
use super::recording::{key, record};
use super::step_failure::how_it_ended;
use super::waits::Wait;

/// What an undo does, as shown to the user.
const BACK: &str = "restores what was there before";
const LAST: &str = "reads what was restored";

/// Undoes changes, the last one first, and then runs the scripts that they want run last, in the order in
/// which the changes were made. A change that failed or is in doubt is undone too: it may have been made in
/// part. A change that cannot be undone is left as it is, and the others are still undone; a failing undo
/// stops the rest, since earlier changes may depend on what it left. Each change is undone once in a run,
/// however often that is requested.
///
/// Undos of the same user share a request: they decide nothing, so the host is not queried in between. It
/// is queried only before undoing a script of the user that may never have run: that undo could do harm.
///
/// # Errors
/// A change has no undo, or an undo failed.
pub fn undo(
    host: &HostHandle,
    applied: &[Applied],
    cancel: &CancellationToken,
) -> Result<usize, Failure> {
    if host.run.settings.mode == RunMode::Check {
        return Ok(0);
    }
    let mut made = Vec::new();
    let mut cannot: Vec<(Part, String)> = Vec::new();
    let to_undo: Vec<Part> = applied
        .iter()
        .filter(|applied| applied.is_made() && !host.history().is_undone(&applied.step))
        .filter_map(|applied| Part::new(host, applied))
        .collect();
    for part in to_undo.iter().cloned() {
        if part.change.undo.is_none() {
            cannot.push((part, "this change cannot be undone".to_owned()));
            continue;
        }
        let made_it = match part.was_made(cancel) {
            Ok(made_it) => made_it,
            Err(failure) if failure.kind == FailureKind::Failed => Made::Unknown(failure.message),
            Err(failure) => {
                for part in &to_undo {
                    part.leave(BACK, &failure);
                }
                return Err(failure);
            }
        };
        match made_it {
            Made::Maybe => made.push(part),
            Made::No => host.history().set_undone(&part.applied.step),
            Made::Unknown(reason) => {
                let message =
                    format!("this change may have been made, and was not undone: {reason}");
                cannot.push((part, message));
            }
        }
    }
    let lasts: Vec<Part> = made
        .iter()
        .filter(|part| part.change.undo_last.is_some())
        .cloned()
        .collect();
    made.reverse();
    cannot.reverse();
    for (part, message) in &cannot {
        part.finish(Err(part.refused(message.clone())), BACK);
    }
    let mut undone = 0;
    let mut rest = made.chunk_by(|one, other| one.host.user == other.host.user);
    while let Some(parts) = rest.next() {
        let scripts = parts
            .iter()
            .map(|part| (part, part.change.undo.as_deref().unwrap_or_default()));
        let sent = send(host, &scripts.collect::<Vec<_>>(), BACK, cancel, |part| {
            host.history().set_undone(&part.applied.step);
            undone += 1;
        });
        if let Err(failure) = sent {
            rest.flatten().for_each(|part| part.leave(BACK, &failure));
            return Err(failure);
        }
    }
    let mut rest = lasts.chunk_by(|one, other| one.host.user == other.host.user);
    while let Some(parts) = rest.next() {
        let scripts = parts
            .iter()
            .map(|part| (part, part.change.undo_last.as_deref().unwrap_or_default()));
        if let Err(failure) = send(host, &scripts.collect::<Vec<_>>(), LAST, cancel, |_| {}) {
            rest.flatten().for_each(|part| part.leave(LAST, &failure));
            return Err(failure);
        }
    }
    match cannot.split_first() {
        None => Ok(undone),
        Some(((only, message), [])) => Err(only.refused(message.clone())),
        Some(((first, _), _)) => {
            let labels: Vec<&str> = cannot
                .iter()
                .map(|(part, _)| &*part.applied.label)
                .collect();
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

/// Whether a change that is about to be undone was made.
enum Made {
    /// It was, in full or in part; or undoing it does no harm.
    Maybe,
    No,
    /// It cannot be determined, for this reason.
    Unknown(String),
}

/// A change that was made and is about to be undone.
#[derive(Clone)]
struct Part {
    applied: Applied,
    change: Arc<Change>,
    /// The host as the user who made it.
    host: HostHandle,
    label: String,
}

/// Sends scripts of changes in one request, which stops at the first failure.
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
    let state = match user.facts(cancel) {
        Ok(facts) => facts.state_dir,
        Err(failure) => {
            for (part, _) in scripts {
                part.leave(what, &failure);
            }
            return Err(failure);
        }
    };
    let mut request = Request::default();
    for (part, script) in scripts {
        request.steps.push(part.step(script, &state, what));
    }
    bring_functions(&mut request);
    record(&host.run, &mut request);
    if let Some(journal) = &host.run.journal {
        let steps: Vec<String> = scripts.iter().map(|(part, _)| part.id()).collect();
        let intents = scripts.iter().zip(&steps).map(|((part, script), step)| {
            let at = part.applied.at.as_ref();
            undo_intent(&part.host, step, &part.label, script, at)
        });
        if let Err(error) = journal.intend_all(intents) {
            // Half a rollout is worse than a gap in the journal.
            let message = format!("the undo continues despite an error: {error}");
            host.run.log(LogLevel::Warn, Some(host.name()), message);
        }
    }
    let undos = Undos {
        scripts,
        what,
        results: scripts.iter().map(|_| None).collect(),
        wait: None,
    };
    let lines = Lines::new(&host.run, Vec::new());
    let followed = Followed::new(undos, scripts.len(), lines);
    let reply = send_change(user, cancel, request, &followed);
    let (undos, record) = followed.close();
    let reply = reply.and_then(|reply| {
        if reply.cancelled {
            Err(Failure::interrupted().on(host.name()))
        } else {
            Ok(())
        }
    });
    let mut stopped: Option<Failure> = None;
    for (at, ((part, _), result)) in scripts.iter().zip(undos.results).enumerate() {
        match (result, record.state(at), &stopped) {
            (Some(Ok(())), ..) => done(part),
            (Some(Err(failure)), ..) => stopped = stopped.or(Some(failure)),
            (None, StepState::NotStarted, Some(failure)) => part.leave(what, failure),
            (None, state, _) => {
                let mut failure = match &reply {
                    Ok(()) => part.refused("the host did not answer".to_owned()),
                    Err(failure) => failure.clone(),
                };
                if state != StepState::NotStarted {
                    failure.message = format!(
                        "{} while this was being undone: it may be undone in full or in part",
                        failure.message
                    );
                }
                part.finish(Err(failure.clone()), what);
                stopped = Some(failure);
            }
        }
    }
    stopped.map_or(Ok(()), Err).and(reply)
}

/// The undos of a request, followed while it is in progress.
struct Undos<'u> {
    scripts: &'u [(&'u Part, &'u str)],
    what: &'u str,
    /// The results of those that ended.
    results: Vec<Option<Result<(), Failure>>>,
    wait: Option<Wait>,
}

impl Follower for Undos<'_> {
    fn started(&mut self, step: usize) {
        if let Some((part, _)) = self.scripts.get(step) {
            part.host.run.bus.emit(part.emission(Kind::TaskStarted));
            self.wait = Some(part.host.wait_for(format!("for {}", part.label)));
        }
    }

    fn ended(&mut self, step: usize, state: StepState, reply: &StepReply) {
        if let Some((part, _)) = self.scripts.get(step)
            && matches!(state, StepState::Ended(_))
        {
            let result = part.result(reply);
            part.finish(result.clone(), self.what);
            self.results[step] = Some(result.map(drop));
        }
    }
}

impl Part {
    fn new(host: &HostHandle, applied: &Applied) -> Option<Self> {
        let change = applied.decision.change.clone()?;
        Some(Self {
            change,
            host: host.as_user(applied.user.clone()),
            label: format!("undo {}", applied.label),
            applied: applied.clone(),
        })
    }

    /// Whether there is something to undo. The host is queried only if undoing nothing could do harm.
    fn was_made(&self, cancel: &CancellationToken) -> Result<Made, Failure> {
        if self.applied.state != (StepState::InDoubt { started: false })
            || self.change.undoes == Undoes::Anything
        {
            return Ok(Made::Maybe);
        }
        let task = self.applied.task();
        let queries = task.queries();
        if queries.is_empty() {
            return Ok(Made::Unknown(
                "cannot determine whether it was made".to_owned(),
            ));
        }
        let mut found = Found::default();
        for (query, answer) in ask(&self.host, cancel, queries)? {
            found.insert(query, answer);
        }
        Ok(match task.plan(&found) {
            Plan::Change(change) if change.apply == self.change.apply => Made::No,
            Plan::Unchanged | Plan::Change(_) => Made::Maybe,
            Plan::Unknown(reason) | Plan::Impossible(reason) => Made::Unknown(reason),
            Plan::Interrupted => return Err(Failure::interrupted()),
            Plan::Ask(_) => Made::Unknown("its probe gave no definite answer".to_owned()),
        })
    }

    fn step(&self, script: &str, state: &str, what: &str) -> Step {
        let run = &self.host.run;
        let mut step = change_step(&self.change, script, state, &run.id, &self.applied.step);
        // The one that runs last is not the undo itself.
        step.record = (what == BACK).then(|| key(&self.id()));
        step.timeout = Some(self.change.timeout.unwrap_or(run.settings.timeout));
        step
    }

    fn result(&self, step: &StepReply) -> Result<Duration, Failure> {
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
            journal.done(&self.id(), outcome, None);
        }
        self.tell(result, what);
    }

    /// Emits the event of the undo.
    fn tell(&self, result: Result<Duration, Failure>, what: &str) {
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

    /// Reports that the undo was not reached because of this failure.
    fn leave(&self, what: &str, failure: &Failure) {
        let because = match failure.kind {
            FailureKind::Interrupted => "the undo was interrupted",
            FailureKind::Unreachable => "the host cannot be reached",
            _ => "an undo before it failed",
        };
        if what == BACK {
            let message = format!("not undone, because {because}");
            self.finish(Err(self.refused(message)), what);
        } else {
            let message = format!("undone, but not started again, because {because}");
            self.tell(Err(self.refused(message)), what);
        }
    }
}
