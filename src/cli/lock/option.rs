//! `ops run --lock NAME`: a lock around the whole playbook.

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use crate::deploy::lock::{LEASE, Wanted, acquire, name, tell_holders};
use crate::inventory::Inventory;
use crate::model::{Failure, FailureKind, Host, LockScope};
use crate::run::Run;
use crate::script::check::{computes_patterns, host_patterns};
use crate::script::playbook::Playbook;
use crate::task::RunMode;

/// A lock around the whole playbook.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Lock")]
pub(crate) struct LockArgs {
    /// Hold this lock while the playbook runs; exit with 5 if another run holds it
    ///
    /// The lock is held on the hosts that the playbook names with literal patterns, including those that
    /// --limit excludes. If the playbook computes a pattern or names none, it is held on all hosts of the
    /// inventory.
    #[arg(long, value_name = "NAME")]
    lock: Option<String>,
    /// Wait up to DURATION for a lock that another run holds: 30s, 5m
    #[arg(long, value_name = "DURATION", requires = "lock", value_parser = humantime::parse_duration)]
    lock_wait: Option<Duration>,
    /// Hold the lock here
    #[arg(
        long,
        value_enum,
        value_name = "SCOPE",
        requires = "lock",
        default_value = "hosts"
    )]
    lock_scope: Scope,
    /// Hold it on the hosts that this pattern selects
    #[arg(long, value_name = "PATTERN", requires = "lock")]
    lock_hosts: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// On the hosts: it excludes runs from any machine
    #[default]
    Hosts,
    /// On this machine: it excludes runs from this machine only
    Local,
}

impl LockArgs {
    /// The lock of `--lock`.
    ///
    /// # Errors
    /// An invalid name, a pattern that selects nothing.
    pub(crate) fn wanted(
        &self,
        playbook: &Playbook,
        inventory: &Inventory,
    ) -> Result<Option<Wanted>, Vec<Failure>> {
        let Some(lock) = &self.lock else {
            return Ok(None);
        };
        let input = |message: String| vec![Failure::new(FailureKind::Input, message)];
        name::check(lock).map_err(input)?;
        let scope = match self.lock_scope {
            Scope::Hosts => LockScope::Hosts,
            Scope::Local => LockScope::Local,
        };
        let hosts = match scope {
            LockScope::Local if self.lock_hosts.is_some() => {
                return Err(input("a local lock is not held on hosts".to_owned()));
            }
            LockScope::Local => Vec::new(),
            LockScope::Hosts => self.hosts(playbook, &inventory.unlimited())?,
        };
        if hosts.is_empty() && scope == LockScope::Hosts {
            let message = "the inventory has no hosts to hold the lock on".to_owned();
            return Err(input(message));
        }
        Ok(Some(Wanted {
            name: lock.clone(),
            scope,
            wait: self.lock_wait.unwrap_or_default(),
            lease: LEASE,
            hosts,
        }))
    }

    fn hosts(
        &self,
        playbook: &Playbook,
        inventory: &Inventory,
    ) -> Result<Vec<Arc<Host>>, Vec<Failure>> {
        if let Some(pattern) = &self.lock_hosts {
            let selected = inventory.select(pattern);
            return selected.map_err(|error| vec![error.into()]);
        }
        let mut named = Vec::new();
        if !computes_patterns(playbook) {
            for (pattern, _) in host_patterns(playbook) {
                // A pattern that selects nothing is an error when the playbook gets there.
                named.extend(inventory.select(&pattern).unwrap_or_default());
            }
        }
        if named.is_empty() {
            named.extend(inventory.hosts().cloned());
        }
        Ok(named)
    }
}

/// Runs `work` while holding a lock, if one is wanted.
///
/// # Errors
/// The lock is held by another run, or cannot be taken; or the work failed.
pub(crate) fn under(
    run: &Arc<Run>,
    wanted: Option<&Wanted>,
    playbook: &str,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(wanted) = wanted else {
        return work();
    };
    let cancel = &run.cancel.work;
    if run.settings.mode == RunMode::Check {
        tell_holders(run, wanted, cancel)?;
        return work();
    }
    let lock = acquire(run, wanted, playbook, cancel)?;
    let result = work();
    match lock.release(run) {
        Err(failure) if result.is_ok() => return Err(failure),
        Err(failure) => run.clean_up_failed(&failure),
        Ok(()) => {}
    }
    result
}
