//! Work on each host that a pattern selects: what `ops exec` and `ops ping` share.

use std::collections::BTreeMap;

use crate::model::{Emission, Failure, FailureKind, Kind, Secrets};
use crate::run::{HostHandle, HostQueue};
use crate::task::RunMode;

use super::active_run::{ActiveRun, Changes, Setup};
use super::args::forks;
use super::inventory_args::InventoryArgs;
use super::logging::Log;
use super::login_args::LoginArgs;
use super::program::Done;
use super::reporters::OutputArgs;

/// The inventory, the login, and how the work is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    login: LoginArgs,
    /// Work on at most N hosts at once
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = forks)]
    forks: usize,
    #[command(flatten)]
    output: OutputArgs,
}

impl HostArgs {
    /// Runs `work` on every host, several at a time, as a run of its own.
    pub(crate) fn on_each(
        self,
        pattern: &str,
        what: &str,
        log: &Log,
        changes: Changes,
        work: impl Fn(&HostHandle) -> Result<(), Failure> + Sync,
    ) -> Done {
        let secrets = Secrets::new();
        let inventory = self.inventory.load(None, BTreeMap::new(), &secrets)?;
        let hosts = inventory
            .select(pattern)
            .map_err(|error| vec![error.into()])?;
        // A playbook goes on without hosts; here there is nothing else to do.
        if hosts.is_empty() {
            let limit = self.inventory.limit.as_deref().unwrap_or_default();
            let message = format!("the pattern `{pattern}` matches no host within `{limit}`");
            return Err(vec![Failure::new(FailureKind::Input, message)]);
        }
        let setup = Setup {
            what: what.to_owned(),
            mode: RunMode::Apply,
            forks: self.forks,
            yes: false,
            diff: false,
            log: log.clone(),
            output: self.output,
            overrides: self.login.overrides()?,
            params: BTreeMap::new(),
            playbook: None,
            sources: Vec::new(),
            changes,
            hosts: Some(hosts.len()),
            resumed: None,
        };
        let active = ActiveRun::start(setup, inventory, &secrets)?;
        let run = active.run.clone();
        let handles: Vec<_> = hosts
            .iter()
            .map(|host| HostHandle::new(&run, host))
            .collect();
        let links = handles.iter().map(|handle| handle.as_ref().ok());
        let queue = HostQueue::new(
            run.runtime.clone(),
            links.map(|handle| handle.map(|handle| handle.link().clone())),
            self.forks,
            run.cancel.work.clone(),
        );
        let pairs: Vec<_> = hosts.iter().zip(handles).collect();
        let done = queue.all_used().fan_out(&pairs, |(host, handle)| {
            run.bus
                .emit(Emission::new(Kind::HostStarted).host(&host.name));
            let failure = match handle {
                Ok(handle) => work(handle).err(),
                Err(failure) => Some(failure.clone()),
            };
            if let Some(failure) = &failure {
                run.host_failed(&host.name, failure);
            }
            let finished = Kind::HostFinished {
                failure: failure.map(Box::new),
            };
            run.bus.emit(Emission::new(finished).host(&host.name));
        });
        for (host, _) in hosts.iter().zip(done).filter(|(_, done)| done.is_none()) {
            let failure = Failure::new(FailureKind::Internal, "the thread of the host panicked");
            run.host_failed(&host.name, &failure.on(&host.name));
        }
        drop(run);
        let result = if active.run.cancel.work.is_cancelled() {
            Err(Failure::interrupted())
        } else {
            Ok(())
        };
        Ok(active.finish(result, false))
    }
}
