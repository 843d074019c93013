//! Starts a run with its reporters, journal and signals, and ends it. For all subcommands that contact hosts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::{Inventory, Overrides};
use crate::model::{Emission, Failure, FailureKind, Kind, LogLevel, SCHEMA, Secrets, Totals};
use crate::report;
use crate::run::{Bus, Cancel, Pace, Past, Run, Settings};
use crate::store::{
    Controller, Journal, Recorder, RunDirectory, RunId, RunInputs, Source, Store, StoreError,
};
use crate::task::RunMode;

use super::history::failures as store_failures;
use super::logging::Log;
use super::open_files;
use super::passphrase;
use super::program::exit_code;
use super::reporters::{OutputArgs, Reporters};
use super::resumed::Resumed;

/// The longest time for one request to a host by default. It is long: its only purpose is that no run hangs
/// forever.
const TIMEOUT: Duration = Duration::from_hours(1);

/// The settings of a run before it starts.
pub(crate) struct Setup {
    /// What the user runs: a playbook, or a subcommand.
    pub what: String,
    pub mode: RunMode,
    pub forks: usize,
    pub yes: bool,
    pub diff: bool,
    pub log: Log,
    pub output: OutputArgs,
    pub overrides: Overrides,
    pub params: BTreeMap<String, String>,
    /// A playbook, as the user named it.
    pub playbook: Option<String>,
    /// What was read on this machine by now, for the journal.
    pub sources: Vec<Source>,
    pub changes: Changes,
    /// The number of hosts. `None` if it is known only during the run.
    pub hosts: Option<usize>,
    /// The run that goes on.
    pub resumed: Option<Resumed>,
}

/// Whether a run changes hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changes {
    /// It may change them, so it needs a journal.
    Made,
    /// It reports what would change: check mode.
    Foreseen,
    /// It only reads, and could do nothing else.
    None,
}

/// A run that has started.
pub(crate) struct ActiveRun {
    pub run: Arc<Run>,
    runtime: tokio::runtime::Runtime,
}

impl ActiveRun {
    /// Starts a run.
    ///
    /// # Errors
    /// This machine cannot provide threads or signals.
    pub(crate) fn start(
        setup: Setup,
        inventory: Inventory,
        secrets: &Secrets,
    ) -> Result<Self, Vec<Failure>> {
        let (runtime, cancel) = runtime()?;
        let shown = report::Settings::of_stdout(setup.log.verbose, setup.diff);
        let (mut reporters, drawn_on) = setup.output.reporters(shown)?;
        setup.log.redirect(secrets, drawn_on);
        let kept = Kept::open(&setup, secrets, &mut reporters)?;
        if setup.changes == Changes::Made {
            kept.journal.begin(&RunInputs {
                command: match &setup.resumed {
                    Some(resumed) => resumed.command.clone(),
                    None => std::env::args_os().collect(),
                },
                // Without one, relative paths lead nowhere in this process either.
                directory: std::env::current_dir().unwrap_or_default(),
                playbook: setup.playbook,
                sources: setup.sources,
                inventory: Some(inventory.digest()),
                controller: kept.controller(),
            });
        }
        let attempt = kept.journal.attempt();
        let past = setup.resumed.as_ref().map(|resumed| &resumed.past);
        let standing = past.map(Past::standing).unwrap_or_default();
        let bus = Bus::start_after(
            kept.seq,
            standing,
            kept.id.clone(),
            secrets.clone(),
            reporters,
        );
        let all = || inventory.select("all").map_or(0, |hosts| hosts.len());
        open_files::allow_for(setup.hosts.unwrap_or_else(all));
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let hosts = setup.hosts.unwrap_or(0);
        bus.emit(Emission::new(if setup.resumed.is_some() {
            Kind::RunResumed {
                attempt,
                schema: SCHEMA,
                version,
                playbook: setup.what,
                hosts,
                params: setup.params,
            }
        } else {
            Kind::RunStarted {
                schema: SCHEMA,
                version,
                playbook: setup.what,
                check: setup.changes == Changes::Foreseen,
                hosts,
                params: setup.params,
            }
        }));
        for message in kept.warnings {
            bus.emit(Emission::new(Kind::Log {
                level: LogLevel::Warn,
                message,
            }));
        }
        let settings = Settings {
            mode: setup.mode,
            forks: setup.forks,
            yes: setup.yes,
            timeout: TIMEOUT,
            pace: pace(),
            overrides: setup.overrides,
        };
        let journal = (setup.changes == Changes::Made).then_some(kept.journal);
        let connector = passphrase::connector(&bus, secrets);
        let mut run = Run::new(
            kept.id,
            settings,
            Arc::new(inventory),
            bus,
            secrets.clone(),
            journal,
            kept.directory,
            runtime.handle().clone(),
            cancel,
            connector,
        );
        if let Some(resumed) = setup.resumed {
            run.attempt = attempt;
            run.past = Some(resumed.past);
            run.doubts = resumed.doubts;
        }
        Ok(Self {
            run: Arc::new(run),
            runtime,
        })
    }

    /// Starts a run that is not reported or kept: for what only reads, and prints what it found.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub(crate) fn start_unreported(
        inventory: Inventory,
        overrides: Overrides,
        forks: usize,
        secrets: &Secrets,
    ) -> Result<Self, Vec<Failure>> {
        let (runtime, cancel) = runtime()?;
        open_files::allow_for(inventory.hosts().len());
        let id = crate::store::RunId::new().to_string();
        let settings = Settings {
            mode: RunMode::Check,
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

    /// Ends a run that is not reported.
    pub(crate) fn close(self) {
        self.run.close();
        self.runtime.shutdown_timeout(Duration::from_millis(200));
    }

    /// Ends the run: closes what is open and reports the end. Returns the exit code.
    pub(crate) fn finish(self, result: Result<(), Failure>, fail_on_change: bool) -> u8 {
        self.run.close();
        if let Some(journal) = &self.run.journal {
            // The results of the last steps: without them these steps would count as in doubt.
            // That nothing can be kept was reported at the start.
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
        // The user does not wait for a host that hangs.
        self.runtime.shutdown_timeout(Duration::from_millis(200));
        code
    }
}

/// Where a run is kept.
struct Kept {
    id: String,
    journal: Journal,
    directory: Option<RunDirectory>,
    /// The number of the last event of an earlier attempt.
    seq: u64,
    /// What the user should know.
    warnings: Vec<String>,
}

impl Kept {
    /// Opens the directory of a run, and adds the recorder of its events. A run that cannot be kept goes on;
    /// one that is resumed does not.
    fn open(
        setup: &Setup,
        secrets: &Secrets,
        reporters: &mut Reporters,
    ) -> Result<Self, Vec<Failure>> {
        let check = setup.changes == Changes::Foreseen;
        let mut warnings = Vec::new();
        let opened = match &setup.resumed {
            Some(resumed) => {
                let reopened = resumed.stored.reopen(secrets);
                let (directory, record) = reopened.map_err(|error| store_failures(&error))?;
                // Another process may have resumed it since this one has read its journal.
                if record != resumed.record {
                    let message = "the run has gone on in the meantime: nothing was done";
                    return Err(vec![Failure::new(FailureKind::Input, message)]);
                }
                Ok(directory)
            }
            None => Store::locate(|name| std::env::var_os(name)).and_then(|store| {
                let directory = store.begin(&setup.what, check, secrets)?;
                if setup.changes == Changes::Made
                    && let Some(killed) = store.killed_before(&directory)
                {
                    warnings.push(format!(
                        "the last run of this playbook was killed: `ops resume {killed}` goes on with it"
                    ));
                }
                Ok(directory)
            }),
        };
        let directory = match opened {
            Ok(directory) => directory,
            Err(error) => {
                return Ok(Self {
                    id: RunId::new().to_string(),
                    journal: Journal::unavailable(&error),
                    directory: None,
                    seq: 0,
                    warnings: vec![unkept(&error)],
                });
            }
        };
        let recorder = if setup.resumed.is_some() {
            Recorder::reopen(directory.clone())
        } else {
            Recorder::create(directory.clone()).map(|recorder| (recorder, 0))
        };
        let mut seq = 0;
        match recorder {
            Ok((recorder, last)) => {
                seq = last;
                reporters.push(Box::new(recorder));
            }
            Err(error) => warnings.push(unkept(&error)),
        }
        Ok(Self {
            id: directory.id().to_string(),
            journal: directory.journal(),
            directory: Some(directory),
            seq,
            warnings,
        })
    }
}

impl Kept {
    fn controller(&self) -> Controller {
        let directory = self.directory.as_ref();
        directory.map_or_else(Controller::default, |directory| {
            Controller::here(directory.dir())
        })
    }
}

fn unkept(error: &StoreError) -> String {
    format!("this run will not be kept: {error}")
}

/// When waits are reported. Tests set a short time in milliseconds.
fn pace() -> Pace {
    let given = std::env::var("OPS_TEST_PACE").ok();
    let millis = given.and_then(|millis| millis.parse().ok());
    millis.map_or_else(Pace::default, |millis| Pace {
        first: Duration::from_millis(millis),
        again: Duration::from_millis(millis),
    })
}

/// Threads, and signals that end the run cleanly.
fn runtime() -> Result<(tokio::runtime::Runtime, Cancel), Vec<Failure>> {
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
        .map_err(|error| internal("start the runtime", error))?;
    let cancel = Cancel::default();
    cancel
        .on_signals(runtime.handle())
        .map_err(|error| internal("catch signals", error))?;
    Ok((runtime, cancel))
}

/// The exit code of `--check --fail-on-change` that found changes or unknowns.
pub(crate) const FOUND_CHANGES: u8 = 8;

const fn pending(totals: &Totals) -> bool {
    totals.would_change > 0 || totals.unknown > 0
}
