//! Undoes changes: restores what was there before.

mod earlier;
mod part;

use std::collections::HashSet;

use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind, Kind, LogLevel, Outcome};
use crate::shell::{Request, StepReply};
use crate::task::{Found, Plan, RunMode, Undoes};

use super::applied::Applied;
use super::ask::ask;
use super::change_step::bring_functions;
use super::entries::undo_intent;
use super::follow::{Followed, Follower};
use super::guarded::send_change;
use super::history::Mark;
use super::host::HostHandle;
use super::output::Lines;
use super::past_changes::PastChange;
use super::record::StepState;
use super::recording::record;
use super::waits::Wait;

use earlier::Earlier;
pub(crate) use earlier::settle_undos;
use part::{NO_UNDO, Part, Script, Verdict};

/// Undoes what these outcomes changed: in a resumed run, also what the same steps changed in earlier
/// attempts. See [`undo_since`].
///
/// # Errors
/// As for [`undo_since`].
pub fn undo(
    host: &HostHandle,
    applied: &[Applied],
    cancel: &CancellationToken,
) -> Result<usize, Failure> {
    let steps: HashSet<&str> = applied.iter().map(|applied| &*applied.step).collect();
    let mut earlier = past_changes(host);
    earlier.retain(|change| steps.contains(&*change.step));
    undo_all(host, earlier, applied, cancel)
}

/// Undoes everything that the run changed on a host since a mark, the last change first, and then runs the
/// scripts that the changes want run last, in the order in which the changes were made. A change that failed
/// or is in doubt is undone too: it may have been made in part. A change that cannot be undone is left as it
/// is, and the others are still undone; a failing undo stops the rest, since earlier changes may depend on
/// what it left. Each change is undone once in a run, however often that is requested.
///
/// Undos of the same user share a request: they decide nothing, so the host is not queried in between. It
/// is queried only before undoing a script of the user that may never have run: that undo could do harm. How
/// to undo changes of earlier attempts is asked of the host once.
///
/// # Errors
/// A change has no undo, or an undo failed.
pub fn undo_since(
    host: &HostHandle,
    mark: Mark,
    cancel: &CancellationToken,
) -> Result<usize, Failure> {
    let earlier = past_changes(host).into_iter().skip(mark.earlier).collect();
    let made = host.history().made_since(mark.now);
    undo_all(host, earlier, &made, cancel)
}

fn past_changes(host: &HostHandle) -> Vec<PastChange> {
    let past = host.run.past.as_ref();
    past.map(|past| past.changes(host.name()))
        .unwrap_or_default()
}

fn undo_all(
    host: &HostHandle,
    earlier: Vec<PastChange>,
    made: &[Applied],
    cancel: &CancellationToken,
) -> Result<usize, Failure> {
    if host.run.settings.mode == RunMode::Check {
        return Ok(0);
    }
    let mut seen = HashSet::new();
    let mut is_new = |name: &str| !host.history().is_undone(name) && seen.insert(name.to_owned());
    let earlier = Earlier::new(
        host,
        earlier.into_iter().filter(|change| is_new(&change.name)),
    );
    let made: Vec<(Part, &Applied)> = made
        .iter()
        .filter(|applied| applied.is_made() && is_new(&applied.change_name))
        .filter_map(|applied| Some((Part::new(host, applied)?, applied)))
        .collect();
    let decided = earlier.decide(cancel).and_then(|mut decided| {
        for (part, applied) in &made {
            decided.push((part.clone(), verdict(part, applied, cancel)?));
        }
        Ok(decided)
    });
    let decided = decided.inspect_err(|failure| {
        let made = made.iter().map(|(part, _)| part);
        for part in earlier.parts().iter().chain(made) {
            part.leave(Script::Undo, failure, false);
        }
    })?;
    let (mut undone, mut lasts, mut cannot) = (Vec::new(), Vec::new(), Vec::new());
    for (part, verdict) in decided {
        match verdict {
            Verdict::Cannot(reason) => {
                cannot.push((part, reason));
                continue;
            }
            Verdict::Nothing | Verdict::Last => host.history().set_undone(&part.name),
            Verdict::Undo => undone.push(part.clone()),
        }
        if !matches!(verdict, Verdict::Nothing) && part.undo.undo_last.is_some() {
            lasts.push(part);
        }
    }
    undone.reverse();
    cannot.reverse();
    for (part, message) in &cannot {
        part.refuse(message);
    }
    let mut count = 0;
    send_all(host, &undone, Script::Undo, cancel, |part| {
        host.history().set_undone(&part.name);
        count += 1;
    })?;
    send_all(host, &lasts, Script::Last, cancel, |_| {})?;
    match cannot.split_first() {
        None => Ok(count),
        Some(((only, message), [])) => Err(only.refused(message)),
        Some(((first, _), _)) => {
            let labels: Vec<&str> = cannot.iter().map(|(part, _)| &*part.task).collect();
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

/// What becomes of a change of this attempt. The host is queried only if undoing nothing could do harm.
fn verdict(part: &Part, applied: &Applied, cancel: &CancellationToken) -> Result<Verdict, Failure> {
    let Some(change) = applied
        .decision
        .change
        .as_ref()
        .filter(|change| change.undo.is_some())
    else {
        return Ok(Verdict::Cannot(NO_UNDO.to_owned()));
    };
    if applied.state != (StepState::InDoubt { started: false }) || change.undoes == Undoes::Anything
    {
        return Ok(Verdict::Undo);
    }
    let unknown = |reason: &str| {
        let message = format!("this change may have been made, and was not undone: {reason}");
        Ok(Verdict::Cannot(message))
    };
    let task = applied.task();
    let queries = task.queries();
    if queries.is_empty() {
        return unknown("cannot determine whether it was made");
    }
    let mut found = Found::default();
    match ask(&part.host, cancel, queries) {
        Ok(answers) => {
            for (query, answer) in answers {
                found.insert(query, answer);
            }
        }
        Err(failure) if failure.kind == FailureKind::Failed => return unknown(&failure.message),
        Err(failure) => return Err(failure),
    }
    match task.plan(&found) {
        Plan::Change(now) if now.apply == change.apply => Ok(Verdict::Nothing),
        Plan::Unchanged | Plan::Change(_) => Ok(Verdict::Undo),
        Plan::Unknown(reason) | Plan::Impossible(reason) => unknown(&reason),
        Plan::Interrupted => Err(Failure::interrupted()),
        Plan::Ask(_) => unknown("its probe gave no definite answer"),
    }
}

/// Sends scripts of changes, one request for consecutive changes of the same user. Stops at the first
/// failure.
fn send_all(
    host: &HostHandle,
    parts: &[Part],
    script: Script,
    cancel: &CancellationToken,
    mut done: impl FnMut(&Part),
) -> Result<(), Failure> {
    let mut rest = parts.chunk_by(|one, other| one.host.user == other.host.user);
    while let Some(parts) = rest.next() {
        if let Err(failure) = send(host, parts, script, cancel, &mut done) {
            rest.flatten()
                .for_each(|part| part.leave(script, &failure, false));
            return Err(failure);
        }
    }
    Ok(())
}

/// Sends scripts of changes in one request, which stops at the first failure.
fn send(
    host: &HostHandle,
    parts: &[Part],
    script: Script,
    cancel: &CancellationToken,
    mut done: impl FnMut(&Part),
) -> Result<(), Failure> {
    let Some(first) = parts.first() else {
        return Ok(());
    };
    let user = &first.host;
    let state = match user.facts(cancel) {
        Ok(facts) => facts.state_dir,
        Err(failure) => {
            for part in parts {
                part.leave(script, &failure, false);
            }
            return Err(failure);
        }
    };
    let mut request = Request::default();
    for part in parts {
        request.steps.push(part.to_step(script, &state));
    }
    bring_functions(&mut request);
    record(&host.run, &mut request);
    if let Some(journal) = &host.run.journal {
        let steps: Vec<String> = parts.iter().map(Part::id).collect();
        let intents = parts.iter().zip(&steps).map(|(part, step)| {
            let at = part.at.as_ref();
            undo_intent(
                &part.host,
                step,
                &part.label,
                part.script(script),
                at,
                &part.name,
            )
        });
        if let Err(error) = journal.intend_all(intents) {
            // Half a rollout is worse than a gap in the journal.
            let message = format!("the undo continues despite an error: {error}");
            host.run.log(LogLevel::Warn, Some(host.name()), message);
        }
    }
    let undos = Undos {
        parts,
        script,
        results: parts.iter().map(|_| None).collect(),
        wait: None,
    };
    let lines = Lines::new(&host.run, Vec::new());
    let followed = Followed::new(undos, parts.len(), lines);
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
    for (at, (part, result)) in parts.iter().zip(undos.results).enumerate() {
        match (result, record.state(at), &stopped) {
            (Some(Ok(())), ..) => done(part),
            (Some(Err(failure)), ..) => stopped = stopped.or(Some(failure)),
            (None, StepState::NotStarted, Some(failure)) => part.leave(script, failure, true),
            (None, state, _) => {
                let mut failure = match &reply {
                    Ok(()) => part.refused("the host did not answer"),
                    Err(failure) => failure.clone(),
                };
                let outcome = if state == StepState::NotStarted {
                    Outcome::Failed
                } else {
                    failure.message = format!(
                        "{} while this was being undone: it may be undone in full or in part",
                        failure.message
                    );
                    Outcome::Unknown
                };
                part.finish_as(outcome, Err(failure.clone()), script);
                stopped = Some(failure);
            }
        }
    }
    stopped.map_or(Ok(()), Err).and(reply)
}

/// The undos of a request, followed while it is in progress.
struct Undos<'u> {
    parts: &'u [Part],
    script: Script,
    /// The results of those that ended.
    results: Vec<Option<Result<(), Failure>>>,
    wait: Option<Wait>,
}

impl Follower for Undos<'_> {
    fn started(&mut self, step: usize) {
        if let Some(part) = self.parts.get(step) {
            part.host.run.bus.emit(part.emission(Kind::TaskStarted));
            self.wait = Some(part.host.wait_for(format!("for {}", part.label)));
        }
    }

    fn ended(&mut self, step: usize, state: StepState, reply: &StepReply) {
        if let Some(part) = self.parts.get(step)
            && matches!(state, StepState::Ended(_))
        {
            let result = part.result(reply);
            part.finish(result.clone(), self.script);
            self.results[step] = Some(result.map(drop));
        }
    }
}
