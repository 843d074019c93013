//! Gives back what was there before changes were made.

use tokio_util::sync::CancellationToken;

use crate::model::{Diff, Emission, Failure, FailureKind, Kind, Outcome};
use crate::shell::{End, Request};
use crate::task::Change;

use super::batch::{Applied, ended, keep_dir, sent};
use super::host::HostHandle;
use super::output::Lines;
use super::tail::tail;

/// Undoes changes, the last one first. A change that failed is undone too: it may have been made in part.
/// Stops at the first that cannot be undone. Last comes what has to see all that was put back: a service
/// that was restarted is restarted again.
///
/// # Errors
/// When a change has no undo, or its undo failed.
pub fn undo(
    host: &HostHandle,
    applied: &[Applied],
    cancel: &CancellationToken,
) -> Result<usize, Failure> {
    let made: Vec<(&Applied, &Change)> = applied
        .iter()
        .filter(|applied| matches!(applied.verdict.outcome, Outcome::Changed | Outcome::Failed))
        .filter_map(|applied| Some((applied, &**applied.verdict.change.as_ref()?)))
        .collect();
    for (applied, change) in made.iter().rev() {
        let script = change.undo.as_deref();
        undo_one(
            host,
            applied,
            change,
            script,
            "puts back what was there",
            cancel,
        )?;
    }
    for (applied, change) in &made {
        if let Some(script) = change.undo_last.as_deref() {
            undo_one(
                host,
                applied,
                change,
                Some(script),
                "reads what was put back",
                cancel,
            )?;
        }
    }
    Ok(made.len())
}

/// Runs one script of a change's undo, and reports it.
fn undo_one(
    host: &HostHandle,
    applied: &Applied,
    change: &Change,
    script: Option<&str>,
    what: &str,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let host = HostHandle {
        user: applied.user.clone(),
        ..host.clone()
    };
    let label = format!("undo {}", applied.label);
    let emission = |kind| {
        Emission::new(kind)
            .step(format!("{}/undo", applied.step))
            .host(host.name())
            .task(&label)
            .at(applied.at.clone())
    };
    let refused = |message: String| {
        let mut failure = Failure::new(FailureKind::Failed, message)
            .on(host.name())
            .at(applied.at.clone());
        failure.task = Some(label.clone());
        failure
    };
    let result = match script {
        None => Err(refused("this change cannot be undone".to_owned())),
        Some(script) => {
            let state = host.facts(cancel)?.state_dir;
            host.run.bus.emit(emission(Kind::TaskStarted));
            let mut step = sent(
                change,
                script,
                &state,
                &keep_dir(&host.run.id, &applied.step),
            );
            step.timeout = Some(change.timeout.unwrap_or(host.run.settings.timeout));
            let reply = host.request(
                cancel,
                Request::step(step),
                &Lines::new(&host.run, vec![None]),
            );
            reply.and_then(|reply| match reply.steps.first() {
                Some(step) if step.end == End::Code(0) => Ok(step.duration),
                Some(step) => {
                    let mut failure = refused(ended(step));
                    failure.stderr = tail(step, &host.run.secrets);
                    Err(failure)
                }
                None => Err(refused("the host gave no answer".to_owned())),
            })
        }
    };
    let (outcome, failure) = match &result {
        Ok(_) => (Outcome::Changed, None),
        Err(failure) => (Outcome::Failed, Some(Box::new(failure.clone()))),
    };
    let diff = vec![Diff::Note {
        text: what.to_owned(),
    }];
    host.run.bus.emit(
        emission(Kind::TaskFinished {
            diff,
            note: None,
            failure,
        })
        .outcome(outcome),
    );
    result.map(|_| ())
}
