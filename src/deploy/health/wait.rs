//! Repeats checks until everything is healthy.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::observe::{Observed, Told, failure, observe, tell};
use super::vantage::Check;
use super::watch::{Progress, Watch};
use crate::checks::{Overrides, State, Timing};
use crate::model::{Failure, Outcome, Position};
use crate::run::{HostHandle, Wait};
use crate::task::RunMode;

/// A check that is waited for.
struct Awaited<'a> {
    check: &'a Check,
    timing: Timing,
    watch: Watch,
    last: Option<Observed>,
    /// When it was last reported.
    told: Option<Instant>,
    done: bool,
}

/// How often it is reported that a check is not healthy, while nothing changes.
const STILL: Duration = Duration::from_secs(10);

/// Repeats each check until it was healthy as often as its timing requires, and returns the last
/// observation of each. Reports the first observation, those at which a state changed, and every ten
/// seconds that a check is still not healthy.
///
/// In check mode it runs each check once and does not wait. `None`: the result was not healthy, and the
/// result of waiting is unknown.
///
/// # Errors
/// Fails if a deadline passes first, with the last result; if the host is lost; or if it is interrupted.
pub fn wait_until(
    host: &HostHandle,
    checks: &[Check],
    over: &Overrides,
    at: Option<&Position>,
    cancel: &CancellationToken,
) -> Result<Option<Vec<Observed>>, Failure> {
    let mut awaited: Vec<Awaited<'_>> = checks
        .iter()
        .map(|check| {
            let timing = check.timing.with(over);
            let timing = if host.run.settings.mode == RunMode::Check {
                once(timing)
            } else {
                timing
            };
            Awaited {
                check,
                timing,
                watch: Watch::new(timing),
                last: None,
                told: None,
                done: false,
            }
        })
        .collect();
    let started = Instant::now();
    let wait = host.wait_for("for a look");
    while let Some(due) = next(&awaited) {
        let (what, reason) = still(&awaited);
        wait.is(what, reason);
        let left = (started + due).saturating_duration_since(Instant::now());
        host.run.pause(cancel, left)?;
        if !look(host, &mut awaited, started, at, cancel, &wait)? {
            return Ok(None);
        }
    }
    Ok(Some(
        awaited.into_iter().filter_map(|one| one.last).collect(),
    ))
}

/// The timing of a wait in check mode, which does not wait.
const fn once(timing: Timing) -> Timing {
    Timing {
        rise: 1,
        fall: Some(1),
        initial_delay: Duration::ZERO,
        ..timing
    }
}

/// When to observe next.
fn next(awaited: &[Awaited<'_>]) -> Option<Duration> {
    let open = awaited.iter().filter(|one| !one.done);
    open.map(|one| one.watch.due()).min()
}

/// What is being waited for and its state: the first check that is not finished.
fn still(awaited: &[Awaited<'_>]) -> (String, Option<String>) {
    let Some(one) = awaited.iter().find(|one| !one.done) else {
        return (String::new(), None);
    };
    let label = one.check.label();
    let Some(last) = &one.last else {
        return (format!("for the first result of {label}"), None);
    };
    let reason = match one.timing.rise {
        rise @ 2.. if last.verdict.state.is_healthy() => {
            format!(
                "{} of {rise} consecutive healthy checks",
                one.watch.healthy()
            )
        }
        _ => last.verdict.message.clone(),
    };
    (format!("for {label} to be healthy"), Some(reason))
}

/// Runs the checks that are due. Returns whether to continue.
fn look(
    host: &HostHandle,
    awaited: &mut [Awaited<'_>],
    started: Instant,
    at: Option<&Position>,
    cancel: &CancellationToken,
    wait: &Wait,
) -> Result<bool, Failure> {
    let began = started.elapsed();
    let mut due: Vec<&mut Awaited<'_>> = awaited
        .iter_mut()
        .filter(|one| !one.done && one.watch.due() <= began)
        .collect();
    let checks: Vec<Check> = due.iter().map(|one| one.check.clone()).collect();
    let timeouts: Vec<_> = due.iter().map(|one| one.watch.timeout(began)).collect();
    let seen = observe(host, &checks, &timeouts, cancel)?;
    let ended = started.elapsed();
    let check_mode = host.run.settings.mode == RunMode::Check;
    for (one, observed) in due.iter_mut().zip(seen) {
        let state = observed.verdict.state;
        let before = one.last.as_ref().map(|last| last.verdict.state);
        let progress = one.watch.observed(began, ended, state);
        let is_due = one.told.is_none_or(|told| told.elapsed() >= STILL);
        if before != Some(state) || !state.is_healthy() && is_due {
            one.told = Some(Instant::now());
            wait.told();
            let unknown = check_mode && progress != Progress::Healthy;
            let told = Told {
                waiting: true,
                outcome: unknown.then_some(Outcome::Unknown),
            };
            tell(host, one.check, &observed, told, at);
        }
        one.last = Some(observed.clone());
        let reason = match progress {
            Progress::Waiting => continue,
            Progress::Healthy => {
                one.done = true;
                continue;
            }
            _ if check_mode => return Ok(false),
            Progress::Fallen => match one.timing.fall {
                None | Some(1) => "not healthy".to_owned(),
                Some(times) => format!("not healthy {times} consecutive times"),
            },
            Progress::TooLate => too_late(&one.timing, state),
        };
        let mut failure = failure(host, &[(one.check, &observed)], 1).at(at.cloned());
        failure.message = format!("{reason}: {}", failure.message);
        return Err(failure);
    }
    Ok(true)
}

fn too_late(timing: &Timing, last: State) -> String {
    let deadline = humantime::format_duration(timing.deadline);
    if last.is_healthy() {
        // The last check was healthy, but not often enough in a row.
        format!(
            "not healthy {} consecutive times within {deadline}",
            timing.rise
        )
    } else {
        format!("not healthy within {deadline}")
    }
}
