//! `ops run PLAYBOOK`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::inventory::Inventory;
use crate::model::{Failure, FailureKind, Secrets};
use crate::script::check::{computes_patterns, host_patterns, patterns_in_part};
use crate::script::execute;
use crate::script::params::{self, Resolved};
use crate::script::playbook::Playbook;
use crate::script::prepare::{Prepared, prepare};
use crate::script::world::World;
use crate::task::RunMode;

use super::active_run::{ActiveRun, Changes, Setup};
use super::args::{RunArgs, VarArgs};
use super::diagnostics;
use super::help;
use super::inventory_args::InventoryArgs;
use super::lock::{LockArgs, under};
use super::login_args::LoginArgs;
use super::program::{DONE, Done, Program};
use super::reporters::OutputArgs;
use super::resumed::{Resumed, settle, tell_unreached};

/// Run a playbook
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Playbook to run: a Rhai script
    #[arg(required_unless_present = "help")]
    playbook: Option<PathBuf>,
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    vars: VarArgs,
    #[command(flatten)]
    login: LoginArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Exit with 8 if --check finds something that would or might change
    #[arg(long, requires = "check", help_heading = "Run")]
    fail_on_change: bool,
    /// Print help, with a playbook also for its parameters
    #[arg(short, long)]
    help: bool,
}

impl Args {
    pub(crate) fn run(self, program: &Program) -> Done {
        let Some(path) = self.playbook.as_deref().filter(|_| !self.help) else {
            diagnostics::out(&help::run_help(
                (program.command)(),
                self.playbook.as_deref(),
            )?);
            return Ok(DONE);
        };
        let path = path.to_owned();
        self.start(program, &path, &Secrets::new(), None)
    }

    /// Shows the run like this, and not as it was shown before.
    pub(super) fn show_as(mut self, output: OutputArgs) -> Self {
        self.run.output = output;
        self
    }

    /// Answers yes to every question of the playbook.
    pub(super) const fn answering_yes(mut self) -> Self {
        self.run.yes = true;
        self
    }

    /// The playbook, which every run has.
    pub(super) fn playbook(&self) -> Option<PathBuf> {
        self.playbook.clone()
    }

    /// Runs the playbook at `path`, or goes on with a run of it.
    pub(super) fn start(
        self,
        program: &Program,
        path: &Path,
        secrets: &Secrets,
        resumed: Option<Resumed>,
    ) -> Done {
        let log = &program.log;
        let Prepared {
            engine,
            playbook,
            params,
        } = prepare(path)?;
        let resolved = params::resolve(&params, &self.vars.vars, &self.vars.vars_file)
            .map_err(|failures| playbook.sources.with_lines(failures))?;
        keep_secret(&resolved, secrets)?;
        let directory = playbook.directory.clone();
        let inventory =
            self.inventory
                .load(Some(directory.clone()), resolved.given.clone(), secrets)?;
        if let Some(resumed) = &resumed {
            resumed.check(&playbook, &inventory)?;
        }
        let lock = self.lock.wanted(&playbook, &inventory)?;
        let mode = if self.run.check {
            RunMode::Check
        } else {
            RunMode::Apply
        };
        let resumed_with = |option: fn(&Resumed) -> bool| resumed.as_ref().is_some_and(option);
        let over_later_runs = resumed_with(|resumed| resumed.over_later_runs);
        let accept_changes = resumed_with(|resumed| resumed.accept_changes);
        let setup = Setup {
            what: playbook.name.clone(),
            mode,
            forks: self.run.forks,
            yes: self.run.yes,
            diff: self.run.diff,
            log: log.clone(),
            output: self.run.output,
            overrides: self.login.overrides()?,
            params: resolved.shown,
            playbook: Some(playbook.name.clone()),
            sources: playbook.sources.digests(),
            changes: if mode == RunMode::Apply {
                Changes::Made
            } else {
                Changes::Foreseen
            },
            hosts: used(&playbook, &inventory),
            resumed,
        };
        let active = ActiveRun::start(setup, inventory, secrets)?;
        let world = World::new(
            active.run.clone(),
            playbook.sources.clone(),
            directory,
            resolved.values,
        );
        let world = Arc::new(world.granting(resolved.paths));
        let result = under(&active.run, lock.as_ref(), &playbook.name, || {
            settle(&active.run, over_later_runs)?;
            execute::execute(engine, &playbook, &world)
        });
        if result.is_ok() && accept_changes {
            tell_unreached(&active.run);
        }
        Ok(active.finish(result, self.fail_on_change))
    }
}

/// The number of hosts that the playbook works on. `None` if it is known only during the run.
fn used(playbook: &Playbook, inventory: &Inventory) -> Option<usize> {
    if computes_patterns(playbook) {
        return None;
    }
    let in_part = patterns_in_part(playbook);
    let mut names = HashSet::new();
    for (pattern, _) in host_patterns(playbook) {
        // A pattern that selects nothing is an error when the playbook gets there.
        let hosts = inventory.select(&pattern).unwrap_or_default();
        if hosts.len() > 1 && in_part.contains(&pattern) {
            return None;
        }
        names.extend(hosts.iter().map(|host| host.name.clone()));
    }
    Some(names.len())
}

/// From here on the values of secret parameters are scrubbed.
pub(crate) fn keep_secret(resolved: &Resolved, secrets: &Secrets) -> Result<(), Vec<Failure>> {
    let refused = |(name, value): &(String, String)| {
        let error = secrets.add(value, name).err()?;
        Some(Failure::new(FailureKind::Input, error.to_string()))
    };
    let failures: Vec<Failure> = resolved.secrets.iter().filter_map(refused).collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures)
    }
}
