//! A run that goes on: what it was started with, what earlier attempts did, and whether it may.

use std::ffi::OsString;
use std::sync::Arc;

use crate::inventory::Inventory;
use crate::model::{Failure, FailureKind, LogLevel};
use crate::run::{
    Doubts, HostHandle, Past, Run, decide_doubts, fan_out, settle_commands, settle_undos,
};
use crate::script::playbook::Playbook;
use crate::script::source_changes;
use crate::shell::{End, Request};
use crate::store::{RunId, RunRecord, StoredRun};

/// A run that goes on.
pub(crate) struct Resumed {
    pub stored: StoredRun,
    /// The command line that it was started with.
    pub command: Vec<OsString>,
    pub record: RunRecord,
    pub past: Past,
    pub doubts: Doubts,
    pub accept_changes: bool,
    pub over_later_runs: bool,
}

impl Resumed {
    /// Checks that everything is as it was when the run began.
    ///
    /// # Errors
    /// Something has changed, and that was not accepted.
    pub(crate) fn check(
        &self,
        playbook: &Playbook,
        inventory: &Inventory,
    ) -> Result<(), Vec<Failure>> {
        if self.accept_changes {
            return Ok(());
        }
        let mut changes = Vec::new();
        let now = env!("CARGO_PKG_VERSION");
        if let Some(last) = self.record.attempts.last() {
            if last.version != now {
                changes.push(format!("ops is {now} now, and was {}", last.version));
            }
            let before = last.inventory.as_ref();
            if before.is_some_and(|before| *before != inventory.digest()) {
                changes.push("the inventory has changed".to_owned());
            }
        }
        changes.extend(source_changes::changes(
            &self.record.sources(),
            &playbook.sources,
        ));
        if changes.is_empty() {
            return Ok(());
        }
        let message = format!("not resumed: {}", changes.join("; "));
        let hint = "Put it back, or go on with what is there now: `--accept-changes`.";
        Err(vec![Failure::new(FailureKind::Input, message).hint(hint)])
    }
}

/// Asks the hosts that earlier attempts changed: whether a later run has changed them, and how commands and
/// undos ended whose end the journal does not know. A host that cannot be reached is asked when the playbook
/// comes to it.
///
/// # Errors
/// A later run has changed one of them, unless that is accepted. A command is in doubt, and the run is to
/// stop then. What an earlier attempt started cannot be ended. The run is interrupted.
pub(crate) fn settle(run: &Arc<Run>, over_later_runs: bool) -> Result<(), Failure> {
    let Some(past) = &run.past else { return Ok(()) };
    let places: Vec<_> = past.places().into_iter().collect();
    let handle = |(host, user): &(String, Option<String>)| {
        let known = run.inventory.hosts().find(|known| known.name == *host)?;
        let handle = HostHandle::new(run, known);
        Some(handle.map(|handle| match user {
            Some(user) => handle.become_user(user),
            None => handle,
        }))
    };
    let ask = |place: &(String, Option<String>)| -> Result<(), Failure> {
        // A host that is no longer in the inventory was named as a change of that.
        let Some(handle) = handle(place).transpose()? else {
            return Ok(());
        };
        if !over_later_runs && let Some(later) = later_run(&handle)? {
            let message = format!("run {later} has changed this host since");
            return Err(Failure::new(FailureKind::Failed, message)
                .on(handle.name())
                .hint("Go on in spite of it: `--over-later-runs`."));
        }
        settle_undos(past, &handle, &run.cancel.work)?;
        settle_commands(&handle, &run.cancel.work)
    };
    let results = fan_out(&places, run.settings.forks, |place| match ask(place) {
        Err(failure) if failure.kind == FailureKind::Unreachable => Ok(()),
        result => result,
    });
    let () = results.into_iter().flatten().collect::<Result<_, _>>()?;
    decide_doubts(run, &run.cancel.work)
}

/// The latest run that has changed the host, as its user's state directory shows, if that is a later one, or
/// a later attempt of this one: a copy of it was resumed.
fn later_run(handle: &HostHandle) -> Result<Option<String>, Failure> {
    let script = "for r_f in \"$ops_state\"/runs/* \"$ops_state\"/kept/*\n\
        do printf '%s\\n' \"${r_f##*/}\"; done";
    let run = &handle.run;
    let reply = handle.request(&run.cancel.work, Request::probe(script), &())?;
    if reply.cancelled {
        return Err(Failure::interrupted());
    }
    let probe = reply.probe.filter(|probe| probe.end == End::Code(0));
    let names = probe.map(|probe| probe.stdout.text()).ok_or_else(|| {
        let message = "the host did not say which runs have changed it";
        Failure::new(FailureKind::Failed, message).on(handle.name())
    })?;
    let mut latest = None;
    for name in names.lines() {
        let mut parts = name.split('.');
        let Some(id) = parts.next().filter(|id| RunId::parse(id).is_some()) else {
            continue;
        };
        // Another copy of this run has been resumed.
        let attempt = parts.nth(1).and_then(|attempt| attempt.parse().ok());
        let is_copy = id == run.id && attempt.is_some_and(|attempt: u32| attempt >= run.attempt);
        if is_copy {
            return Ok(Some(format!(
                "{id} (attempt {})",
                attempt.unwrap_or_default()
            )));
        }
        if id > run.id.as_str() {
            latest = latest.max(Some(id.to_owned()));
        }
    }
    Ok(latest)
}

/// Names the commands that an earlier attempt ran and that this one did not come to.
pub(crate) fn tell_unreached(run: &Run) {
    let Some(past) = &run.past else { return };
    for command in past.unreached() {
        let message =
            format!("{command} ran in an earlier attempt, and the playbook did not come to it now");
        run.log(LogLevel::Warn, None, message);
    }
}
