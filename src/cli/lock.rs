//! `ops run --lock NAME`, and `ops lock list|show|break`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::deploy::lock::{
    Broken, LEASE, Outlook, Record, Wanted, acquire, break_local, break_on, list, list_local, name,
    tell_holders,
};
use crate::inventory::Inventory;
use crate::model::{
    Emission, Failure, FailureKind, Host, Kind, LockHolder, LockScope, LogLevel, Secrets,
};
use crate::report::{self, table};
use crate::run::Run;
use crate::script::check::{computes_patterns, host_patterns};
use crate::script::playbook::Playbook;
use crate::task::Mode;

use super::args::{InventoryArgs, LoginArgs, OutputArgs, forks};
use super::logging::Log;
use super::stage::{Plan, Stage, load_inventory, overrides};
use super::{DONE, Done, diagnostics, exit_code};

/// A lock around the whole playbook.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Lock")]
pub struct LockArgs {
    /// Hold this lock while the playbook runs; exit with 5 if another run has it
    ///
    /// It is held on the hosts that the playbook names with literal patterns, also on those that --limit leaves out;
    /// on all hosts of the inventory if it computes a pattern or names none.
    #[arg(long, value_name = "NAME")]
    lock: Option<String>,
    /// Wait so long for a lock that another run has: 30s, 5m
    #[arg(long, value_name = "DURATION", requires = "lock", value_parser = humantime::parse_duration)]
    lock_wait: Option<Duration>,
    /// Where the lock is held
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
    /// On the hosts: it holds whoever deploys from wherever
    #[default]
    Hosts,
    /// On this machine
    Local,
}

impl LockArgs {
    /// The lock that was asked for.
    ///
    /// # Errors
    /// A name that is none, a pattern that selects nothing.
    pub fn wanted(
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
                return Err(input("a local lock is held on no host".to_owned()));
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
                // One that selects nothing is an error where the playbook comes to it.
                named.extend(inventory.select(&pattern).unwrap_or_default());
            }
        }
        if named.is_empty() {
            named.extend(inventory.hosts().cloned());
        }
        Ok(named)
    }
}

/// Does something while the run holds a lock, if one is wanted.
///
/// # Errors
/// The lock is held by another run, or cannot be taken; or what was done failed.
pub fn under(
    run: &Arc<Run>,
    wanted: Option<&Wanted>,
    playbook: &str,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(wanted) = wanted else {
        return work();
    };
    let cancel = &run.cancel.work;
    if run.settings.mode == Mode::Check {
        tell_holders(run, wanted, cancel)?;
        return work();
    }
    let lock = acquire(run, wanted, playbook, cancel)?;
    let result = work();
    lock.release(run);
    result
}

/// Look at locks, and take one away from a run that is no more
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the locks that are held on the hosts of the inventory and on this machine
    List(Look),
    /// Show who holds a lock, and where
    Show {
        /// The name of the lock
        name: String,
        #[command(flatten)]
        look: Look,
    },
    /// Take a lock away from its holder, whose next change is refused
    Break {
        /// The id of the lock, as `ops lock list` shows it. Not its name: a lock that changed hands meanwhile stays
        id: String,
        #[command(flatten)]
        from: From,
        /// Do not ask
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
    /// At most so many hosts at once
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = forks)]
    forks: usize,
}

#[derive(Debug, clap::Args)]
struct Look {
    #[command(flatten)]
    from: From,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, log: &Log) -> Done {
        match self.command {
            Command::List(look) => look.locks(None),
            Command::Show { name, look } => look.locks(Some(&name)),
            Command::Break {
                id,
                from,
                yes,
                output,
            } => from.take_away(&id, yes, output, log),
        }
    }
}

/// A holding of a lock, wherever it is kept.
struct Held {
    lock: String,
    id: String,
    scope: LockScope,
    holder: Option<LockHolder>,
    /// Seconds until the lease runs out, less than 0 where it has; `None` for a local one.
    left: Option<i64>,
    /// The token by host.
    hosts: BTreeMap<String, u64>,
}

/// Where to look.
struct Loaded {
    inventory: Inventory,
    hosts: Vec<Arc<Host>>,
    secrets: Secrets,
}

impl From {
    fn load(&self) -> Result<Loaded, Vec<Failure>> {
        let secrets = Secrets::new();
        let inventory = load_inventory(&self.inventory, None, &secrets)?;
        let hosts = inventory
            .select("all")
            .map_err(|error| vec![error.into()])?;
        Ok(Loaded {
            inventory,
            hosts,
            secrets,
        })
    }

    fn take_away(self, id: &str, yes: bool, output: OutputArgs, log: &Log) -> Done {
        let Loaded {
            inventory,
            hosts,
            secrets,
        } = self.load()?;
        let plan = Plan {
            what: format!("lock break {id}"),
            mode: Mode::Apply,
            forks: self.forks,
            yes,
            diff: false,
            log: log.clone(),
            output,
            overrides: overrides(&self.login)?,
            params: BTreeMap::new(),
            changes: true,
            hosts: Some(hosts.len()),
        };
        let stage = Stage::set(plan, inventory, &secrets)?;
        let result = break_it(&stage.run, &hosts, id);
        Ok(stage.strike(result, false))
    }
}

fn break_it(run: &Arc<Run>, hosts: &[Arc<Host>], id: &str) -> Result<(), Failure> {
    let (found, failures) = all(run, hosts)?;
    for failure in &failures {
        let message = format!("whether it is held here is not known: {}", failure.message);
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
        .map_or_else(|| "nobody knows whom".to_owned(), ToString::to_string);
    let question = format!("Take the lock `{}` away from {who}?", held.lock);
    confirm(run, &question)?;
    if let Some(journal) = &run.journal {
        journal
            .intend(&format!("lock/{id}/break"))
            .map_err(|error| {
                let message = format!("the lock was not taken away: {error}");
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
                    let message = "it changed hands meanwhile, and stays as it is";
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
        let message = "the lock changed hands meanwhile, and stays as it is";
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
        let message =
            format!("this needs a confirmation, and there is no terminal to ask at: {question}");
        return refused(message).map_err(|failure| failure.hint("Say --yes."));
    }
    let answer = run.bus.paused(|| {
        dialoguer::Confirm::new()
            .with_prompt(question)
            .default(false)
            .interact()
    });
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => refused("the operator said no".to_owned()),
        Err(error) => refused(format!("failed to ask: {error}")),
    }
}

impl Look {
    /// Prints all locks, or the one of that name.
    fn locks(self, name: Option<&str>) -> Done {
        let Loaded {
            inventory,
            hosts,
            secrets,
        } = self.from.load()?;
        let overrides = overrides(&self.from.login)?;
        let stage = Stage::unseen(inventory, overrides, self.from.forks, &secrets)?;
        let found = list(&stage.run, &hosts, &stage.run.cancel.work);
        stage.leave();
        let (found, failures) = found.map_err(|failure| vec![failure])?;
        let free = name.and_then(|name| last_free(&found, name));
        let mut held = gather(found).map_err(|failure| vec![failure])?;
        if let Some(name) = name {
            held.retain(|held| held.lock == name);
        }
        diagnostics::out(&match (self.json, name) {
            (true, _) => lines_of_json(&held),
            (false, None) if held.is_empty() => "No lock is held.\n".to_owned(),
            (false, None) => rows(&held),
            (false, Some(name)) if held.is_empty() => {
                let last = free.map_or_else(String::new, |how| format!(" {how}"));
                format!("The lock {name} is free.{last}\n")
            }
            (false, Some(_)) => held.iter().map(described).collect(),
        });
        if failures.is_empty() {
            return Ok(DONE);
        }
        diagnostics::print(&failures);
        Ok(exit_code(&failures))
    }
}

/// The locks that are held, on these hosts and on this machine.
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

/// One entry for each holding, whose hosts it lists.
fn gather(found: Vec<Outlook>) -> Result<Vec<Held>, Failure> {
    let mut all: Vec<Held> = Vec::new();
    for Outlook { host, lock, seen } in found {
        let (token, left) = (seen.token(), seen.left());
        let Record::Held { id, holder, .. } = seen.record else {
            continue;
        };
        let known = all
            .iter_mut()
            .find(|held| held.id == id && held.lock == lock);
        if let Some(held) = known {
            held.left = held.left.max(left);
            held.hosts.insert(host, token);
        } else {
            all.push(Held {
                lock,
                id,
                scope: LockScope::Hosts,
                holder: holder.map(|holder| *holder),
                left,
                hosts: BTreeMap::from([(host, token)]),
            });
        }
    }
    all.extend(list_local()?.into_iter().map(|holder| Held {
        lock: holder.lock.clone(),
        id: holder.id.clone(),
        scope: LockScope::Local,
        holder: Some(holder),
        left: None,
        hosts: BTreeMap::new(),
    }));
    all.sort_by(|one, other| one.lock.cmp(&other.lock));
    Ok(all)
}

/// How a lock that nobody holds came to be free, last.
fn last_free(found: &[Outlook], name: &str) -> Option<String> {
    let given = found.iter().filter(|seen| seen.lock == name);
    let how = given
        .filter_map(|seen| match &seen.seen.record {
            Record::Free { how, .. } => how.clone(),
            Record::Held { .. } => None,
        })
        .max_by_key(|how| how.at)?;
    let at = local_time(how.at);
    Some(match how.broken_by {
        None => format!("It was given back at {at}."),
        Some(by) => format!(
            "{} on {} took it away from its holder at {at}.",
            by.user, by.controller
        ),
    })
}

fn local_time(at: jiff::Timestamp) -> String {
    let zone = jiff::tz::TimeZone::system();
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn expires(left: Option<i64>) -> String {
    let said = |seconds: u64| report::duration(Duration::from_secs(seconds));
    match left {
        None => "with its process".to_owned(),
        Some(left) if left < 0 => format!("expired {} ago", said(left.unsigned_abs())),
        Some(left) => format!("in {}", said(left.unsigned_abs())),
    }
}

fn rows(all: &[Held]) -> String {
    let head = [
        "LOCK", "ID", "SCOPE", "HOLDER", "WHERE", "SINCE", "EXPIRES", "RUN", "PLAYBOOK", "HOSTS",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    for held in all {
        let of = |what: fn(&LockHolder) -> String| {
            held.holder.as_ref().map_or_else(|| "?".to_owned(), what)
        };
        rows.push(vec![
            held.lock.clone(),
            held.id.clone(),
            held.scope.to_string(),
            of(|holder| holder.user.clone()),
            of(|holder| format!("{}, pid {}", holder.controller, holder.pid)),
            of(|holder| local_time(holder.since)),
            expires(held.left),
            of(|holder| holder.run.clone()),
            of(|holder| holder.playbook.clone()),
            names(held, 4),
        ]);
    }
    table::render(&rows)
}

/// The hosts, as many as there is room for.
fn names(held: &Held, most: usize) -> String {
    let shown: Vec<&str> = held.hosts.keys().map(String::as_str).take(most).collect();
    let more = held.hosts.len().saturating_sub(most);
    if more == 0 {
        shown.join(", ")
    } else {
        format!("{} and {more} more", shown.join(", "))
    }
}

fn described(held: &Held) -> String {
    let mut text = format!("lock     {}\nid       {}\n", held.lock, held.id);
    if let Some(holder) = &held.holder {
        let LockHolder {
            user,
            controller,
            pid,
            run,
            playbook,
            ..
        } = holder;
        let since = local_time(holder.since);
        let _ = write!(
            text,
            "holder   {user}\nwhere    {controller}, pid {pid}\nsince    {since}\nrun      {run} of {playbook}\n"
        );
    }
    let _ = writeln!(text, "scope    {}", held.scope);
    let _ = writeln!(text, "expires  {}", expires(held.left));
    for (host, token) in &held.hosts {
        let _ = writeln!(text, "host     {host} (token {token})");
    }
    // Names and users come from elsewhere: nothing of them may reach the terminal as a command.
    report::clean(&text).into_owned()
}

fn lines_of_json(all: &[Held]) -> String {
    all.iter()
        .map(|held| {
            let line = json!({
                "lock": held.lock,
                "id": held.id,
                "scope": held.scope,
                "holder": held.holder,
                "expires_in": held.left,
                "hosts": held.hosts,
            });
            format!("{line}\n")
        })
        .collect()
}
