//! Commands in a resumed run: the result of an earlier attempt stands in for running one again.

use tokio_util::sync::CancellationToken;

use crate::model::{Emission, Failure, FailureKind, Kind, Outcome, Position};
use crate::store::{EffectKind, Entry, Intent};
use crate::task::Ran;

use super::context::Run;
use super::doubts::Decision;
use super::host::HostHandle;
use super::past::{NOT_ENDED, Past, Recall, Recalled};
use super::question::{choose, is_at_a_terminal};
use super::records;
use super::step_ids::StepId;

/// How many steps in doubt a hint names.
const MAX_NAMED: usize = 20;

/// A command that this attempt comes to.
pub(super) struct Reached<'r> {
    pub step: &'r StepId,
    pub label: &'r str,
    pub at: Option<&'r Position>,
    /// The codes that mean that it succeeded.
    pub ok: &'r [u8],
    /// It may run twice.
    pub repeatable: bool,
}

/// What an earlier attempt of the run has of this command. `None`: it has to run.
///
/// # Errors
/// It may have run, and the operator wants to stop then; `Interrupted` if `cancel` comes first.
pub(super) fn recalled<'i>(
    host: &HostHandle,
    reached: &Reached<'_>,
    intent: impl Fn() -> Intent<'i>,
    cancel: &CancellationToken,
) -> Result<Option<Recalled>, Failure> {
    let run = &host.run;
    // What is repeated until something holds always runs.
    let (Some(past), true) = (&run.past, reached.step.slot.is_some()) else {
        return Ok(None);
    };
    settle_commands(host, cancel)?;
    adopt(host, &reached.step.id, EffectKind::Command, &intent)?;
    let before = past.name_before(&reached.step.id);
    let why = match past.recall(reached.step, reached.label, reached.ok, &run.secrets) {
        Recall::Run => return Ok(None),
        Recall::Ran(recalled) if recalled.lost.is_some() && reached.repeatable => return Ok(None),
        Recall::Ran(recalled) => return Ok(Some(recalled)),
        Recall::Doubt(why) => why,
    };
    if reached.repeatable {
        return Ok(None);
    }
    let doubt = Doubt {
        step: &before,
        host: host.name(),
        label: reached.label,
        why: &why,
        at: reached.at,
    };
    if runs_again(run, &doubt, cancel)? {
        return Ok(None);
    }
    if let Some(journal) = &run.journal {
        // A later attempt does not ask again.
        let kept = journal.intend(intent());
        kept.map_err(|error| Failure::new(FailureKind::Failed, error.to_string()))?;
        journal.done(&reached.step.id, Outcome::Changed, None);
    }
    Ok(Some(Recalled {
        ran: Ran::default(),
        lost: Some("the command was taken as done".to_owned()),
    }))
}

/// Recognises a step that moved to another place in the playbook, if it did, and records that for later
/// attempts.
///
/// # Errors
/// It cannot be recorded.
pub(super) fn adopt<'i>(
    host: &HostHandle,
    step: &str,
    kind: EffectKind,
    intent: impl Fn() -> Intent<'i>,
) -> Result<(), Failure> {
    let run = &host.run;
    let Some(past) = &run.past else { return Ok(()) };
    let place = (host.name(), host.user.as_deref());
    let adopted = past.adopt(step, kind, place, || intent().fingerprint);
    let (Some((outcome, result)), Some(journal)) = (adopted, &run.journal) else {
        return Ok(());
    };
    journal
        .intend(intent())
        .map_err(|error| Failure::new(FailureKind::Failed, error.to_string()))?;
    journal.note(Entry::Done {
        step: step.to_owned(),
        outcome,
        result,
        change: None,
    });
    Ok(())
}

/// Asks a host how commands of earlier attempts ended whose end the journal does not know, if it has not been
/// asked.
///
/// # Errors
/// It cannot be reached, or what an earlier attempt started cannot be ended.
pub fn settle_commands(host: &HostHandle, cancel: &CancellationToken) -> Result<(), Failure> {
    let Some(past) = &host.run.past else {
        return Ok(());
    };
    let steps = past.unsettled(host.name(), host.user.as_deref());
    if steps.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = steps.iter().map(String::as_str).collect();
    for (step, recorded) in ids.iter().zip(records::settle(host, &ids, cancel)?) {
        past.settle(step, recorded);
    }
    past.set_asked(host.name(), host.user.as_deref());
    Ok(())
}

/// Decides about the commands in doubt before anything is done, so that the run does not stop half-way.
///
/// # Errors
/// The operator wants to stop; `Interrupted` if `cancel` comes first.
pub fn decide_doubts(run: &Run, cancel: &CancellationToken) -> Result<(), Failure> {
    let mut stopped = Vec::new();
    for in_doubt in run.past.iter().flat_map(Past::doubts) {
        let doubt = Doubt {
            step: &in_doubt.step,
            host: &in_doubt.host,
            label: &in_doubt.label,
            why: NOT_ENDED,
            at: in_doubt.at.as_ref(),
        };
        let Err(failure) = runs_again(run, &doubt, cancel) else {
            continue;
        };
        if failure.kind == FailureKind::Interrupted {
            return Err(failure);
        }
        let finished = Kind::TaskFinished {
            diff: Vec::new(),
            note: None,
            failure: Some(Box::new(failure.clone())),
        };
        let emission = Emission::new(finished)
            .step(&in_doubt.step)
            .host(&in_doubt.host)
            .task(&in_doubt.label)
            .at(in_doubt.at);
        run.bus.emit(emission.outcome(Outcome::Failed));
        stopped.push((in_doubt.step, failure));
    }
    let count = stopped.len();
    let Some((_, first)) = stopped.first() else {
        return Ok(());
    };
    if count == 1 {
        return Err(first.clone());
    }
    let message = format!("in doubt: {count} commands may have run; nothing was done");
    let steps: Vec<String> = stopped
        .iter()
        .take(MAX_NAMED)
        .map(|(step, _)| format!("--in-doubt '{step}=again'"))
        .collect();
    let mut hint = format!(
        "Find out on the hosts whether they ran. Then resume with a decision for each, `again` or \
         `done`: `{}`.",
        steps.join(" ")
    );
    if count > MAX_NAMED {
        hint.push_str(&format!(
            " There are {} more: `--output json` shows all.",
            count - MAX_NAMED
        ));
    }
    Err(Failure {
        sums_up: true,
        ..Failure::new(FailureKind::InDoubt, message).hint(hint)
    })
}

/// A command in doubt.
#[derive(Debug)]
pub(super) struct Doubt<'d> {
    pub step: &'d str,
    pub host: &'d str,
    pub label: &'d str,
    pub why: &'d str,
    pub at: Option<&'d Position>,
}

/// Whether the command runs again. If not, it counts as done.
///
/// # Errors
/// The decision is to stop; `Interrupted` if `cancel` comes first.
pub(super) fn runs_again(
    run: &Run,
    doubt: &Doubt<'_>,
    cancel: &CancellationToken,
) -> Result<bool, Failure> {
    let Doubt {
        step,
        host,
        label,
        why,
        at,
    } = doubt;
    let decision = run.doubts.of(step);
    let decision = match decision {
        Decision::Ask if is_at_a_terminal() => {
            let question =
                format!("{host}: {label}: {why}. Run it again, take it as done, or stop?");
            let question = run.secrets.scrub(&question);
            let answers = ["again", "done", "stop"];
            let answer = match choose(run, &question, &answers, cancel)? {
                0 => Decision::Again,
                1 => Decision::Done,
                _ => Decision::Stop,
            };
            run.doubts.decided((*step).to_owned(), answer);
            answer
        }
        decision => decision,
    };
    match decision {
        Decision::Again => Ok(true),
        Decision::Done => Ok(false),
        Decision::Ask | Decision::Stop => {
            let mut failure = Failure::new(FailureKind::InDoubt, format!("in doubt: {why}"))
                .on(*host)
                .at(at.cloned());
            failure.task = Some((*label).to_owned());
            Err(failure.hint(format!(
                "Find out on the host whether it ran. Then resume with `--in-doubt '{step}=again'` or \
                 `--in-doubt '{step}=done'`. A command that may run twice can say `repeatable: true`."
            )))
        }
    }
}
