//! `ops run --lock NAME`, and `ops lock list|show|break`.

mod option;
mod table;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;

use clap::Subcommand;

use crate::deploy::lock::{Broken, break_local, break_on, list};
use crate::inventory::Inventory;
use crate::model::{Emission, Failure, FailureKind, Host, Kind, LockScope, LogLevel, Secrets};
use crate::run::Run;
use crate::store::{EffectKind, Intent};
use crate::task::RunMode;

use super::active_run::{ActiveRun, Changes, Setup};
use super::args::forks;
use super::diagnostics;
use super::inventory_args::InventoryArgs;
use super::logging::Log;
use super::login_args::LoginArgs;
use super::program::{DONE, Done, Program, exit_code};
use super::reporters::OutputArgs;
use table::{Held, described, gather, last_free, lines_of_json, rows};

pub(crate) use option::{LockArgs, under};

/// Inspect locks, or break a lock left by a dead run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the locks held on the hosts of the inventory and on this machine
    List(Look),
    /// Show who holds a lock, and where
    Show {
        /// Name of the lock
        name: String,
        #[command(flatten)]
        look: Look,
    },
    /// Break a lock: the next change of its holder is refused
    Break {
        /// Id of the lock, as `ops lock list` shows it. Not its name, so that a lock that changed hands is
        /// not broken
        id: String,
        #[command(flatten)]
        from: From,
        /// Answer yes to the confirmation
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[derive(Debug, clap::Args)]
struct From {
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    login: LoginArgs,
    /// Work on at most N hosts at once
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = forks)]
    forks: usize,
}

#[derive(Debug, clap::Args)]
struct Look {
    #[command(flatten)]
    from: From,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self, program: &Program) -> Done {
        let log = &program.log;
        match self.command {
            Command::List(look) => look.locks(None),
            Command::Show { name, look } => look.locks(Some(&name)),
            Command::Break {
                id,
                from,
                yes,
                output,
            } => from.break_lock(&id, yes, output, log),
        }
    }
}

/// The inventory to look for locks in.
struct Loaded {
    inventory: Inventory,
    hosts: Vec<Arc<Host>>,
    secrets: Secrets,
}

impl From {
    fn load(&self) -> Result<Loaded, Vec<Failure>> {
        let secrets = Secrets::new();
        let inventory = self.inventory.load(None, BTreeMap::new(), &secrets)?;
        let hosts = inventory
            .select("all")
            .map_err(|error| vec![error.into()])?;
        Ok(Loaded {
            inventory,
            hosts,
            secrets,
        })
    }

    fn break_lock(self, id: &str, yes: bool, output: OutputArgs, log: &Log) -> Done {
        let Loaded {
            inventory,
            hosts,
            secrets,
        } = self.load()?;
        let setup = Setup {
            what: format!("lock break {id}"),
            mode: RunMode::Apply,
            forks: self.forks,
            yes,
            diff: false,
            log: log.clone(),
            output,
            overrides: self.login.overrides()?,
            params: BTreeMap::new(),
            playbook: None,
            sources: Vec::new(),
            changes: Changes::Made,
            hosts: Some(hosts.len()),
            resumed: None,
        };
        let active = ActiveRun::start(setup, inventory, &secrets)?;
        let result = break_it(&active.run, &hosts, id);
        Ok(active.finish(result, false))
    }
}

fn break_it(run: &Arc<Run>, hosts: &[Arc<Host>], id: &str) -> Result<(), Failure> {
    let (found, failures) = all(run, hosts)?;
    for failure in &failures {
        let message = format!(
            "failed to determine whether the lock is held here: {}",
            failure.message
        );
        run.log(LogLevel::Warn, failure.host.as_deref(), message);
    }
    let Some(held) = found.into_iter().find(|held| held.id == id) else {
        let message = format!("no lock with the id `{id}` is held");
        let hint = "`ops lock list` shows the locks that are held, with their ids.";
        return Err(Failure::new(FailureKind::Failed, message).hint(hint));
    };
    let who = held
        .holder
        .as_ref()
        .map_or_else(|| "an unknown holder".to_owned(), ToString::to_string);
    let question = format!("Break the lock `{}`, held by {who}?", held.lock);
    confirm(run, &question)?;
    if let Some(journal) = &run.journal {
        let intent = Intent {
            slot: None,
            step: &format!("lock/{id}/break"),
            kind: EffectKind::Command,
            host: "",
            user: None,
            label: "break a lock",
            repeatable: true,
            fingerprint: id.to_owned(),
            at: None,
            change: None,
        };
        journal.intend(intent).map_err(|error| {
            let message = format!("the lock was not broken: {error}");
            Failure::new(FailureKind::Failed, message).hint(error.hint())
        })?;
    }
    let mut gone = Vec::new();
    let mut failure = failures.into_iter().next();
    let broken = if held.scope == LockScope::Local {
        break_local(&held.lock, id)?
    } else {
        let its: Vec<Arc<Host>> = hosts
            .iter()
            .filter(|host| held.hosts.contains_key(&host.name))
            .cloned()
            .collect();
        for Broken { host, was_his } in break_on(run, &its, &held.lock, id, &run.cancel.work)? {
            match was_his {
                Ok(true) => gone.push(host),
                Ok(false) => {
                    let message = "the lock changed hands in the meantime and was not broken";
                    run.log(LogLevel::Warn, Some(&host), message);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        !gone.is_empty()
    };
    if broken {
        run.bus.emit(Emission::new(Kind::LockBroken {
            lock: held.lock,
            id: held.id,
            holder: held.holder.map(Box::new),
            hosts: gone,
        }));
    } else if failure.is_none() {
        let message = "the lock changed hands in the meantime and was not broken";
        failure = Some(Failure::new(FailureKind::Failed, message));
    }
    failure.map_or(Ok(()), Err)
}

fn confirm(run: &Run, question: &str) -> Result<(), Failure> {
    if run.settings.yes {
        return Ok(());
    }
    let refused = |message: String| Err(Failure::new(FailureKind::Failed, message));
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let message = format!("confirmation required, but there is no terminal: {question}");
        return refused(message).map_err(|failure| failure.hint("Confirm with --yes."));
    }
    let answer = run.bus.paused(|| {
        dialoguer::Confirm::new()
            .with_prompt(question)
            .default(false)
            .interact()
    });
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => refused("the operator answered no".to_owned()),
        Err(error) => refused(format!("failed to ask: {error}")),
    }
}

impl Look {
    /// Prints all locks, or the one with this name.
    fn locks(self, name: Option<&str>) -> Done {
        let Loaded {
            inventory,
            hosts,
            secrets,
        } = self.from.load()?;
        let overrides = self.from.login.overrides()?;
        let active = ActiveRun::start_unreported(inventory, overrides, self.from.forks, &secrets)?;
        let found = list(&active.run, &hosts, &active.run.cancel.work);
        active.close();
        let (found, failures) = found.map_err(|failure| vec![failure])?;
        let free = name.and_then(|name| last_free(&found, name));
        let mut held = gather(found).map_err(|failure| vec![failure])?;
        if let Some(name) = name {
            held.retain(|held| held.lock == name);
        }
        if self.json {
            diagnostics::json(&lines_of_json(&held));
        } else {
            diagnostics::out(&match name {
                None if held.is_empty() => "No locks are held.\n".to_owned(),
                None => rows(&held),
                Some(name) if held.is_empty() => {
                    let last = free.map_or_else(String::new, |how| format!(" {how}"));
                    format!("The lock {name} is free.{last}\n")
                }
                Some(_) => held.iter().map(described).collect(),
            });
        }
        if failures.is_empty() {
            return Ok(DONE);
        }
        diagnostics::print(&failures);
        Ok(exit_code(&failures))
    }
}

/// The locks held on these hosts and on this machine.
fn all(run: &Arc<Run>, hosts: &[Arc<Host>]) -> Result<(Vec<Held>, Vec<Failure>), Failure> {
    let (found, failures) = list(run, hosts, &run.cancel.work)?;
    if let Some(interrupt) = failures
        .iter()
        .find(|failure| failure.kind == FailureKind::Interrupted)
    {
        return Err(interrupt.clone());
    }
    Ok((gather(found)?, failures))
}
