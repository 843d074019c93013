//! `ops health [PLAYBOOK]`: runs the health checks of the inventory, or of a playbook, once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::ValueEnum;

use crate::declare::Value;
use crate::deploy::health::{self, Check, Declared, State, Vantage, declared};
use crate::inventory::Inventory;
use crate::model::suggest::did_you_mean;
use crate::model::{Emission, Failure, FailureKind, Host, Kind, Secrets};
use crate::run::{HostHandle, Run, fan_out};
use crate::script::health::{Declaration, declares};
use crate::script::params;
use crate::script::prepare::{Prepared, prepare};
use crate::script::world::World;
use crate::task::RunMode;

use super::active_run::{ActiveRun, Changes, Setup};
use super::args::{VarArgs, forks};
use super::inventory_args::InventoryArgs;
use super::logging::Log;
use super::login_args::LoginArgs;
use super::program::{Done, Program};
use super::reporters::OutputArgs;
use super::run::keep_secret;

/// The variables of a host that declare checks: this one, and those that begin with `ops_health_`.
const VARIABLE: &str = "ops_health";

/// Run the health checks that the inventory declares as `ops_health`, or a playbook in its `fn health(h)`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Playbook whose function `health(h)` returns the checks of a host; nothing else in it runs
    playbook: Option<PathBuf>,
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    vars: VarArgs,
    #[command(flatten)]
    login: LoginArgs,
    /// Run the checks from here: `controller`, `host`, or a host of the inventory
    ///
    /// This applies to all checks over the network and overrides their own `from`. Checks of the machine
    /// itself (disk, memory, load, command, process, port, service) always run on it.
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// Exit with 3 if a check is in this state, or a worse one
    #[arg(long, value_enum, value_name = "STATE", default_value = "critical")]
    fail_on: FailOn,
    /// Work on at most N hosts at once
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = forks)]
    forks: usize,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    /// Warnings, critical, and errors of the checks themselves
    Warning,
    /// Critical, and errors of the checks themselves
    Critical,
}

impl FailOn {
    const fn fails(self, state: State) -> bool {
        match self {
            Self::Warning => !matches!(state, State::Passing),
            Self::Critical => !state.is_healthy(),
        }
    }
}

impl Args {
    pub(crate) fn run(self, program: &Program) -> Done {
        let log = &program.log;
        let secrets = Secrets::new();
        match self.playbook.clone() {
            Some(path) => self.of_playbook(&path, &secrets, log),
            None => self.of_inventory(&secrets, log),
        }
    }

    fn of_inventory(self, secrets: &Secrets, log: &Log) -> Done {
        if !self.vars.vars.is_empty() || !self.vars.vars_file.is_empty() {
            let message = "parameters need a playbook, and none is given";
            return Err(vec![Failure::new(FailureKind::Input, message)]);
        }
        let inventory = self.inventory.load(None, BTreeMap::new(), secrets)?;
        let mut hosts = self.hosts(&inventory)?;
        let mut checks = of_inventory(&inventory, &hosts)?;
        hosts.retain(|host| checks.contains_key(&host.name));
        if hosts.is_empty() {
            let message = format!("no host has a variable `{VARIABLE}` with health checks");
            return Err(vec![Failure::new(FailureKind::Input, message).hint(
                "For example in inventory.toml: [all] vars.ops_health = [\"memory\", { disk = \"/\" }]. \
                 Or name a playbook with `fn health(h)`.",
            )]);
        }
        if let Some(from) = &self.from {
            for check in checks.values_mut().flatten() {
                if !check.check.is_of_machine() {
                    check.from = Some(from.clone());
                }
            }
        }
        let active = self.start(
            "health".to_owned(),
            inventory,
            &hosts,
            BTreeMap::new(),
            secrets,
            log,
        )?;
        let source = |host: &HostHandle| {
            let checks = checks.get(host.name()).cloned().unwrap_or_default();
            let checks = checks.into_iter().map(|declared| {
                let vantage = vantage(&host.run, declared.from.as_deref())?;
                Ok(Check {
                    vantage,
                    ..declared.check
                })
            });
            checks.collect()
        };
        Ok(self.look(active, &hosts, &source))
    }

    fn of_playbook(self, path: &Path, secrets: &Secrets, log: &Log) -> Done {
        let Prepared {
            engine,
            playbook,
            params,
        } = prepare(path)?;
        declares(&playbook).map_err(|failure| vec![failure])?;
        let resolved = params::resolve(&params, &self.vars.vars, &self.vars.vars_file)
            .map_err(|failures| playbook.sources.with_lines(failures))?;
        keep_secret(&resolved, secrets)?;
        let inventory = self.inventory.load(
            Some(playbook.directory.clone()),
            resolved.given.clone(),
            secrets,
        )?;
        let hosts = self.hosts(&inventory)?;
        let what = format!("health {}", playbook.name);
        let active = self.start(what, inventory, &hosts, resolved.shown, secrets, log)?;
        let world = Arc::new(World::new(
            active.run.clone(),
            playbook.sources.clone(),
            playbook.directory.clone(),
            resolved.values,
        ));
        let declaration = Declaration::new(engine, &playbook, &world);
        let source = |host: &HostHandle| {
            let mut checks = declaration.checks(host)?;
            if let Some(from) = &self.from {
                let vantage = vantage(&host.run, Some(from))?;
                for check in checks.iter_mut().filter(|check| !check.is_of_machine()) {
                    check.vantage = vantage.clone();
                }
            }
            Ok(checks)
        };
        let code = self.look(active, &hosts, &source);
        Ok(code)
    }

    /// The hosts to check. `--from` must name a place too.
    fn hosts(&self, inventory: &Inventory) -> Result<Vec<Arc<Host>>, Vec<Failure>> {
        if let Some(from) = &self.from {
            place(inventory, from).map_err(|message| {
                let (message, hint) = message;
                let failure = Failure::new(FailureKind::Input, format!("--from: {message}"));
                vec![failure.with_hint(hint)]
            })?;
        }
        let hosts = inventory.select("all");
        let hosts = hosts.map_err(|error| vec![error.into()])?;
        if hosts.is_empty() {
            let message = "the inventory has no hosts, or none within --limit";
            return Err(vec![Failure::new(FailureKind::Input, message)]);
        }
        Ok(hosts)
    }

    fn start(
        &self,
        what: String,
        inventory: Inventory,
        hosts: &[Arc<Host>],
        params: BTreeMap<String, String>,
        secrets: &Secrets,
        log: &Log,
    ) -> Result<ActiveRun, Vec<Failure>> {
        let setup = Setup {
            what,
            // So that the playbook's function cannot change a host.
            mode: RunMode::Check,
            forks: self.forks,
            yes: false,
            diff: false,
            log: log.clone(),
            output: self.output.clone(),
            overrides: self.login.overrides()?,
            params,
            playbook: None,
            sources: Vec::new(),
            changes: Changes::None,
            hosts: Some(hosts.len()),
            resumed: None,
        };
        ActiveRun::start(setup, inventory, secrets)
    }

    /// Runs the checks of every host, several hosts at a time.
    fn look(
        &self,
        active: ActiveRun,
        hosts: &[Arc<Host>],
        source: &(impl Fn(&HostHandle) -> Result<Vec<Check>, Failure> + Sync),
    ) -> u8 {
        let run = active.run.clone();
        let done = fan_out(hosts, self.forks, |host| {
            let began = Instant::now();
            let emission = |kind| Emission::new(kind).host(&host.name);
            run.bus.emit(emission(Kind::HostStarted));
            let failure = self.look_at(&run, host, source).err();
            if let Some(failure) = &failure {
                run.host_failed(&host.name, failure);
            }
            let finished = Kind::HostFinished {
                failure: failure.map(Box::new),
            };
            run.bus.emit(emission(finished).duration(began.elapsed()));
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
        active.finish(result, false)
    }

    fn look_at(
        &self,
        run: &Arc<Run>,
        host: &Arc<Host>,
        source: &impl Fn(&HostHandle) -> Result<Vec<Check>, Failure>,
    ) -> Result<(), Failure> {
        let host = HostHandle::new(run, host)?;
        let checks = source(&host)?;
        let cancel = &run.cancel.work;
        let Some(seen) = health::check(&host, &checks, &State::ALL, None, cancel)? else {
            let message = "`health(h)` would change the host first: \
                 the results of its checks cannot be known";
            return Err(Failure::new(FailureKind::Failed, message).on(host.name()));
        };
        let failing: Vec<_> = checks
            .iter()
            .zip(&seen)
            .filter(|(_, observed)| self.fail_on.fails(observed.verdict.state))
            .collect();
        if failing.is_empty() {
            Ok(())
        } else {
            Err(health::failure(&host, &failing, checks.len()))
        }
    }
}

/// The checks that the inventory declares, by host; or every mistake in them.
fn of_inventory(
    inventory: &Inventory,
    hosts: &[Arc<Host>],
) -> Result<HashMap<String, Vec<Declared>>, Vec<Failure>> {
    let mut checks = HashMap::new();
    let mut failures: Vec<Failure> = Vec::new();
    // A mistake in a group is found for each of its hosts, and reported once.
    let mut told = BTreeSet::new();
    let mut fail = |failures: &mut Vec<Failure>, message: String, hint: Option<String>| {
        if told.insert(message.clone()) {
            failures.push(Failure::new(FailureKind::Input, message).with_hint(hint));
        }
    };
    for host in hosts {
        let mut of_host: Vec<Declared> = Vec::new();
        for (name, var) in host.vars() {
            if name != VARIABLE && !name.starts_with(&format!("{VARIABLE}_")) {
                continue;
            }
            let value = match inventory.var(host, name) {
                Ok(value) => value.unwrap_or_default(),
                Err(error) => {
                    failures.push(error.into());
                    continue;
                }
            };
            match declared(Value::from(value)) {
                Ok(declared) => of_host.extend(declared),
                Err(mistakes) => {
                    for mistake in mistakes {
                        let message = format!("{}: `{name}`: {mistake}", var.origin);
                        fail(&mut failures, message, mistake.error.hint);
                    }
                    continue;
                }
            }
            for from in of_host.iter().filter_map(|check| check.from.as_deref()) {
                if let Err((message, hint)) = place(inventory, from) {
                    let message = format!("{}: `{name}`: option `from`: {message}", var.origin);
                    fail(&mut failures, message, hint);
                }
            }
        }
        if !of_host.is_empty() {
            checks.insert(host.name.clone(), of_host);
        }
    }
    if failures.is_empty() {
        Ok(checks)
    } else {
        Err(failures)
    }
}

/// Whether checks can run from there: a message and a hint if not.
fn place(inventory: &Inventory, from: &str) -> Result<(), (String, Option<String>)> {
    if matches!(from, "host" | "controller") || inventory.host(from).is_some() {
        return Ok(());
    }
    let hosts = inventory.hosts().map(|host| host.name.as_str());
    let hint = did_you_mean(from, ["host", "controller"].into_iter().chain(hosts));
    let message =
        format!("`{from}` is neither \"host\", \"controller\" nor a host of the inventory");
    Err((message, hint))
}

fn vantage(run: &Arc<Run>, from: Option<&str>) -> Result<Vantage, Failure> {
    match from {
        None | Some("host") => Ok(Vantage::Host),
        Some("controller") => Ok(Vantage::Controller),
        Some(name) => {
            let unknown = || Failure::new(FailureKind::Input, format!("there is no host `{name}`"));
            let host = run.inventory.host(name).ok_or_else(unknown)?;
            Ok(Vantage::Other(HostHandle::new(run, host)?))
        }
    }
}
