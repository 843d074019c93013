//! Single observations: the checks of one vantage point are one request, and vantage points are queried in
//! parallel.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::vantage::{Check, Vantage};
use crate::checks::{Answer, State, Verdict};
use crate::model::{Emission, Failure, FailureKind, Kind, Outcome, Position, Secrets};
use crate::run::{HostHandle, fan_out, label};
use crate::shell::{End, OnFailure, Request, Step, StepReply};
use crate::task::RunMode;

/// The result of one observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    pub verdict: Verdict,
    /// How long the observation took, as measured where it was made.
    pub duration: Duration,
}

/// Runs each check once, and reports the results. Returns `None` in check mode if a check fails that a
/// change of an earlier task may repair: the result in a run is unknown.
///
/// # Errors
/// Fails if a state is critical or an error and not one of those listed in `ok`, or if the host is lost.
pub fn check(
    host: &HostHandle,
    checks: &[Check],
    ok: &[State],
    at: Option<&Position>,
    cancel: &CancellationToken,
) -> Result<Option<Vec<Observed>>, Failure> {
    let timeouts: Vec<_> = checks.iter().map(|check| check.timing.timeout).collect();
    let seen = observe(host, checks, &timeouts, cancel)?;
    let fails = |state: State| !state.is_healthy() && !ok.contains(&state);
    let early = is_early(host);
    for (check, observed) in checks.iter().zip(&seen) {
        let outcome = match (fails(observed.verdict.state), early) {
            (false, _) => None,
            (true, true) => Some(Outcome::Unknown),
            (true, false) => Some(Outcome::Failed),
        };
        tell(
            host,
            check,
            observed,
            Told {
                waiting: false,
                outcome,
            },
            at,
        );
    }
    let failing = || {
        let both = checks.iter().zip(&seen);
        both.filter(|(_, observed)| fails(observed.verdict.state))
    };
    if failing().next().is_none() {
        return Ok(Some(seen));
    }
    if early {
        return Ok(None);
    }
    let failing: Vec<_> = failing().collect();
    Err(failure(host, &failing, checks.len()).at(at.cloned()))
}

/// Whether earlier tasks would change the host first: then the current result is not that of a run.
pub(super) fn is_early(host: &HostHandle) -> bool {
    host.run.settings.mode == RunMode::Check && !host.history().outlook().is_empty()
}

/// What an observation was made for, and its effect.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub waiting: bool,
    pub outcome: Option<Outcome>,
}

/// Reports the result.
pub(super) fn tell(
    host: &HostHandle,
    check: &Check,
    observed: &Observed,
    told: Told,
    at: Option<&Position>,
) {
    let Verdict {
        state,
        message,
        hint: _,
    } = &observed.verdict;
    if !host.is_news(&check.label(), state.as_str()) {
        return;
    }
    // The poller waits for it, and reports the result.
    let polled = host.is_polled();
    let kind = Kind::HealthChecked {
        state: *state,
        message: message.clone(),
        vantage: check.vantage.name().to_owned(),
        waiting: told.waiting || polled,
    };
    let mut emission = Emission::new(kind)
        .host(host.name())
        .task(label(&check.label(), &host.run.secrets))
        .duration(observed.duration)
        .at(at.cloned());
    emission.outcome = told.outcome.filter(|_| !polled);
    host.run.bus.emit(emission);
}

/// The failure of these checks, of `of` in total.
#[must_use]
pub fn failure(host: &HostHandle, failing: &[(&Check, &Observed)], of: usize) -> Failure {
    let secrets = &host.run.secrets;
    let name = |check: &Check| label(&check.label(), secrets);
    let message = match failing {
        [(_, one)] => one.verdict.message.clone(),
        several => {
            let each = several
                .iter()
                .map(|(check, observed)| format!("{}: {}", name(check), observed.verdict.message));
            let each: Vec<_> = each.collect();
            format!(
                "{} of {of} checks failed: {}",
                several.len(),
                each.join("; ")
            )
        }
    };
    let mut failure = Failure::new(FailureKind::Failed, message).on(host.name());
    if let [(check, _)] = failing {
        failure.task = Some(name(check));
    }
    failure.hint = failing
        .iter()
        .find_map(|(_, observed)| observed.verdict.hint.clone());
    failure
}

/// Runs each check once, within its time limit.
pub(super) fn observe(
    host: &HostHandle,
    checks: &[Check],
    timeouts: &[Duration],
    cancel: &CancellationToken,
) -> Result<Vec<Observed>, Failure> {
    let looks: Vec<Look> = checks
        .iter()
        .zip(timeouts)
        .map(|(check, timeout)| Look {
            check,
            timeout: *timeout,
        })
        .collect();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, check) in checks.iter().enumerate() {
        let same = |group: &&mut Vec<usize>| {
            let first = group.first().and_then(|first| checks.get(*first));
            first.is_some_and(|first| same_place(&first.vantage, &check.vantage))
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    let ask_group = |group: &Vec<usize>| {
        let looks: Vec<_> = group.iter().map(|index| looks[*index]).collect();
        from_vantage(host, &looks, cancel)
    };
    let answers = match &groups[..] {
        // The common case needs no thread.
        [one] => vec![Some(ask_group(one))],
        several => fan_out(several, several.len(), ask_group),
    };
    let mut seen: Vec<Option<Observed>> = vec![None; checks.len()];
    for (group, answers) in groups.iter().zip(answers) {
        let lost = || Failure::new(FailureKind::Internal, "the observation of a check panicked");
        for (index, observed) in group.iter().zip(answers.ok_or_else(lost)??) {
            seen[*index] = Some(observed);
        }
    }
    seen.into_iter()
        .map(|observed| {
            observed.ok_or_else(|| {
                Failure::new(FailureKind::Unreachable, "the host did not answer").on(host.name())
            })
        })
        .collect()
}

fn same_place(one: &Vantage, other: &Vantage) -> bool {
    match (one, other) {
        (Vantage::Host, Vantage::Host) | (Vantage::Controller, Vantage::Controller) => true,
        (Vantage::Other(one), Vantage::Other(other)) => {
            one.name() == other.name() && one.user == other.user
        }
        _ => false,
    }
}

/// A check, and its time limit.
#[derive(Clone, Copy)]
struct Look<'a> {
    check: &'a Check,
    timeout: Duration,
}

/// Observes from the vantage point that all of these share.
fn from_vantage(
    host: &HostHandle,
    looks: &[Look<'_>],
    cancel: &CancellationToken,
) -> Result<Vec<Observed>, Failure> {
    let Some(first) = looks.first() else {
        return Ok(Vec::new());
    };
    let asked = match &first.check.vantage {
        Vantage::Host => return ask(host, looks, cancel),
        Vantage::Controller => {
            HostHandle::with_controller(&host.run, |controller| ask(controller, looks, cancel))
        }
        Vantage::Other(other) => ask(other, looks, cancel),
    };
    match asked {
        // The host itself may be healthy: nothing has checked it.
        Err(failure) if failure.kind == FailureKind::Unreachable => {
            let from = first.check.vantage.name();
            let message = format!("cannot run the check from {from}: {}", failure.message);
            let observed = Observed {
                verdict: Verdict {
                    hint: failure.hint,
                    ..Verdict::error(message)
                },
                duration: Duration::ZERO,
            };
            Ok(vec![observed; looks.len()])
        }
        asked => asked,
    }
}

/// One request for all of them; another for those after one that was killed, because the request ends with
/// it.
fn ask(
    host: &HostHandle,
    looks: &[Look<'_>],
    cancel: &CancellationToken,
) -> Result<Vec<Observed>, Failure> {
    let mut seen: Vec<Observed> = Vec::with_capacity(looks.len());
    while let Some(rest) = looks.get(seen.len()..).filter(|rest| !rest.is_empty()) {
        let request = Request {
            steps: rest.iter().map(step).collect(),
            ..Request::default()
        };
        let _wait = host.wait_for(awaited(rest));
        let reply = host.request(cancel, request, &())?;
        if reply.steps.is_empty() {
            let message = "the host did not answer";
            return Err(Failure::new(FailureKind::Unreachable, message).on(host.name()));
        }
        for (look, step) in rest.iter().zip(&reply.steps) {
            seen.push(observed(look, step, &host.run.secrets)?);
            // A verdict of the playbook's own stops computing then, and means nothing.
            if cancel.is_cancelled() {
                return Err(Failure::interrupted());
            }
        }
    }
    Ok(seen)
}

/// The wait reported during these observations.
fn awaited(looks: &[Look<'_>]) -> String {
    let first = looks.first().map(|look| look.check.label());
    let first = first.unwrap_or_default();
    match looks.len() {
        0 | 1 => format!("for the check {first}"),
        more => format!("for the check {first} and {} more", more - 1),
    }
}

/// A message of readable length.
fn brief(message: &str) -> String {
    const LONGEST: usize = 240;
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ...", message[..end].trim_end()),
        None => message.to_owned(),
    }
}

fn step(look: &Look<'_>) -> Step {
    let observe = &look.check.observe;
    Step {
        kind: observe.runs_as(),
        on_failure: OnFailure::Continue,
        timeout: Some(look.timeout),
        ..Step::own(observe.script())
    }
}

fn observed(look: &Look<'_>, step: &StepReply, secrets: &Secrets) -> Result<Observed, Failure> {
    let mut verdict = match step.end {
        End::Code(code) => look.check.observe.verdict(&Answer {
            code: code.into(),
            stdout: step.stdout.bytes().into_owned(),
            stderr: step.stderr.bytes().into_owned(),
            duration: step.duration,
        }),
        End::TimedOut => Verdict::critical(format!(
            "no answer within {}",
            humantime::format_duration(look.timeout)
        )),
        End::Lost => Verdict::error("the check terminated its own shell"),
        End::Cancelled => return Err(Failure::interrupted()),
    };
    verdict.message = brief(&secrets.scrub(&verdict.message));
    Ok(Observed {
        verdict,
        duration: step.duration,
    })
}
