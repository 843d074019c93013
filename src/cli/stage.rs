//! Sets up a run: inventory, sinks, signals; and takes it down again. For all subcommands that contact hosts.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::inventory::{self, AnsibleCfg, Inventory, Overrides, VaultPasswordFile};
use crate::model::{Emission, Failure, FailureKind, Kind, LogLevel, SCHEMA, Secrets, Totals};
use crate::report;
use crate::run::{Bus, Cancel, Pace, Run, Settings};
use crate::store::{Journal, Store};
use crate::task::Mode;

use super::args::{InventoryArgs, LoginArgs, OutputArgs};
use super::diagnostics;
use super::exit_code;
use super::files;
use super::logging::Log;
use super::passphrase;
use super::reporters::{is_github, reporters};

/// The longest time for one request to a host where nothing else is said. Generous: it is there so that no run hangs
/// for ever.
const TIMEOUT: Duration = Duration::from_hours(1);

/// What a run is made of, before it is one.
pub struct Plan {
    /// What the user runs: a playbook, or a subcommand.
    pub what: String,
    pub mode: Mode,
    pub forks: usize,
    pub yes: bool,
    pub diff: bool,
    pub log: Log,
    pub output: OutputArgs,
    pub overrides: Overrides,
    pub params: BTreeMap<String, String>,
    pub changes: Changes,
    /// The number of hosts. `None` if it is known only during the run.
    pub hosts: Option<usize>,
}

/// What a run does to hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// It may change them: then there has to be a journal.
    Made,
    /// It finds out what would be changed: check mode.
    Foreseen,
    /// It only looks, and could do nothing else.
    None,
}

/// A run that is set up.
pub struct Stage {
    pub run: Arc<Run>,
    runtime: tokio::runtime::Runtime,
}

/// Reads the inventory of the command line. The values `given` there win over all variables in it. What it warns of goes to stderr.
///
/// # Errors
/// All that is wrong with it.
pub fn load_inventory(
    args: &InventoryArgs,
    playbook_dir: Option<PathBuf>,
    given: BTreeMap<String, Value>,
    secrets: &Secrets,
) -> Result<Inventory, Vec<Failure>> {
    let one = |failure: Failure| vec![failure];
    let configured = AnsibleCfg::find(std::env::var_os("ANSIBLE_CONFIG"), playbook_dir.as_deref())
        .map_err(|error| one(error.into()))?;
    let passwords = args
        .vault_password_file
        .iter()
        .map(|file| VaultPasswordFile::parse(file));
    let sources = inventory::Sources {
        paths: args.paths(configured.inventory).map_err(one)?,
        playbook_dir,
        vault_passwords: passwords.chain(configured.vault_passwords).collect(),
        defaults: configured.vars,
        extra_vars: given.into_iter().collect(),
    };
    let inventory = inventory::load(&sources).map_err(|error| one(error.into()))?;
    for warning in configured.warnings.iter().chain(inventory.warnings()) {
        diagnostics::warn(&warning.to_string(), warning.hint());
    }
    let watcher = secrets.clone();
    inventory.on_secret(move |value| {
        // One too short to be scrubbed is the inventory's own, and cannot be refused where it is used.
        let _ = watcher.add(value, "vault");
    });
    match &args.limit {
        Some(limit) => inventory.limited(limit).map_err(|error| one(error.into())),
        None => Ok(inventory),
    }
}

/// What the command line says of logins. Asks for the passwords that `--ask-pass` and `-K` want.
///
/// # Errors
/// There is no terminal to ask at.
pub fn overrides(args: &LoginArgs) -> Result<Overrides, Vec<Failure>> {
    let mut overrides = Overrides {
        user: args.user.clone(),
        elevate: args.elevate,
        key_file: args.private_key.clone(),
        ssh_client: args.client.transport,
        persist: args.persist,
        ..Overrides::default()
    };
    if args.ask_pass {
        overrides.password = Some(ask("--ask-pass", "login password", "ansible_password")?);
    }
    if args.ask_become_pass {
        overrides.become_password = Some(ask("-K", "sudo password", "ansible_become_password")?);
    }
    Ok(overrides)
}

/// Asks for a password at the terminal, once and without an echo.
fn ask(option: &str, what: &str, variable: &str) -> Result<String, Vec<Failure>> {
    let refused = |message: String| {
        vec![Failure::new(FailureKind::Input, message).hint(format!(
            "Give it as `{variable}`, from a vaulted file or the environment."
        ))]
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused(format!(
            "there is no terminal to ask for the password of {option} at"
        )));
    }
    dialoguer::Password::new()
        .with_prompt(what)
        .interact()
        .map_err(|error| refused(format!("failed to ask for the password: {error}")))
}

impl Stage {
    /// Begins a run.
    ///
    /// # Errors
    /// What this machine cannot give: threads, signals.
    pub fn set(plan: Plan, inventory: Inventory, secrets: &Secrets) -> Result<Self, Vec<Failure>> {
        let (runtime, cancel) = start()?;
        let check = plan.changes == Changes::Foreseen;
        let shown = report::Settings {
            colour: report::Settings::takes_colour(&std::io::stdout()),
            verbose: plan.log.verbose,
            diff: plan.diff,
            width: None,
            on_github: is_github(),
        };
        let terminal = std::io::stdout().is_terminal();
        let (mut reporters, drawn_on) = reporters(&plan.output, shown, terminal)?;
        plan.log.go_through(secrets, drawn_on);
        let kept = Store::locate(|name| std::env::var_os(name))
            .and_then(|store| store.begin(&plan.what, check, secrets));
        let mut unkept = None;
        let (id, journal, kept) = match kept {
            Ok(kept) => {
                match kept.recorder() {
                    Ok(recorder) => reporters.push(Box::new(recorder)),
                    Err(error) => unkept = Some(error.to_string()),
                }
                (kept.id().to_string(), kept.journal(), Some(kept))
            }
            Err(error) => {
                unkept = Some(error.to_string());
                (
                    crate::store::RunId::new().to_string(),
                    Journal::unavailable(&error),
                    None,
                )
            }
        };
        let bus = Bus::start(id.clone(), secrets.clone(), reporters);
        let all = || inventory.select("all").map_or(0, |hosts| hosts.len());
        let hosts = plan.hosts;
        files::allow_for(hosts.unwrap_or_else(all));
        bus.emit(Emission::new(Kind::RunStarted {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            playbook: plan.what,
            check,
            hosts: hosts.unwrap_or(0),
            params: plan.params,
        }));
        if let Some(reason) = unkept {
            let message = format!("this run is not kept: {reason}");
            bus.emit(Emission::new(Kind::Log {
                level: LogLevel::Warn,
                message,
            }));
        }
        let settings = Settings {
            mode: plan.mode,
            forks: plan.forks,
            yes: plan.yes,
            timeout: TIMEOUT,
            pace: pace(),
            overrides: plan.overrides,
        };
        let journal = (plan.changes == Changes::Made).then_some(journal);
        let connector = passphrase::connector(&bus, secrets);
        let run = Run::new(
            id,
            settings,
            Arc::new(inventory),
            bus,
            secrets.clone(),
            journal,
            kept,
            runtime.handle().clone(),
            cancel,
            connector,
        );
        Ok(Self {
            run: Arc::new(run),
            runtime,
        })
    }

    /// A run that nobody is told of, and that is not kept: for what only looks, and prints what it found.
    ///
    /// # Errors
    /// As for [`set`](Self::set).
    pub fn unseen(
        inventory: Inventory,
        overrides: Overrides,
        forks: usize,
        secrets: &Secrets,
    ) -> Result<Self, Vec<Failure>> {
        let (runtime, cancel) = start()?;
        files::allow_for(inventory.hosts().len());
        let id = crate::store::RunId::new().to_string();
        let settings = Settings {
            mode: Mode::Check,
            forks,
            yes: false,
            timeout: TIMEOUT,
            pace: pace(),
            overrides,
        };
        let bus = Bus::start(id.clone(), secrets.clone(), Vec::new());
        let connector = passphrase::connector(&bus, secrets);
        let run = Run::new(
            id,
            settings,
            Arc::new(inventory),
            bus,
            secrets.clone(),
            None,
            None,
            runtime.handle().clone(),
            cancel,
            connector,
        );
        Ok(Self {
            run: Arc::new(run),
            runtime,
        })
    }

    /// Ends such a run.
    pub fn leave(self) {
        self.run.close();
        self.runtime.shutdown_timeout(Duration::from_millis(200));
    }

    /// Ends the run: closes what is open, reports the end. Gives the exit code.
    pub fn strike(self, result: Result<(), Failure>, fail_on_change: bool) -> u8 {
        self.run.close();
        if let Some(journal) = &self.run.journal {
            // The results of the last steps: what is lost of them would count as in doubt.
            // Where nothing can be kept, that has been said.
            if let Err(error) = journal.sync()
                && self.run.kept.is_some()
            {
                tracing::warn!("{error}");
            }
        }
        let mut failures = self.run.failures();
        let failure = result.err();
        failures.extend(failure.clone());
        let code = exit_code(&failures);
        let decide = move |totals: &Totals| {
            if code == 0 && fail_on_change && pending(totals) {
                FOUND_CHANGES
            } else {
                code
            }
        };
        let (code, _) = self.run.bus.finish(decide, failure);
        // What still waits for a host that hangs must not hold the user up.
        self.runtime.shutdown_timeout(Duration::from_millis(200));
        code
    }
}

/// When waits are reported. Tests cannot wait long, and set the time in milliseconds.
fn pace() -> Pace {
    let given = std::env::var("OPS_TEST_PACE").ok();
    let millis = given.and_then(|millis| millis.parse().ok());
    millis.map_or_else(Pace::default, |millis| Pace {
        first: Duration::from_millis(millis),
        again: Duration::from_millis(millis),
    })
}

/// Threads, and signals that end the run in good order.
fn start() -> Result<(tokio::runtime::Runtime, Cancel), Vec<Failure>> {
    let internal = |what: &str, error: std::io::Error| {
        vec![Failure::new(
            FailureKind::Internal,
            format!("failed to {what}: {error}"),
        )]
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| internal("start", error))?;
    let cancel = Cancel::default();
    cancel
        .on_signals(runtime.handle())
        .map_err(|error| internal("catch signals", error))?;
    Ok((runtime, cancel))
}

/// The exit code of `--check --fail-on-change` that found changes or unknowns.
pub const FOUND_CHANGES: u8 = 8;

const fn pending(totals: &Totals) -> bool {
    totals.would_change > 0 || totals.unknown > 0
}
