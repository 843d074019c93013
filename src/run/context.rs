//! The state that all parts of a run share. It is passed along, never global.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use crate::inventory::{Inventory, Overrides};
use crate::model::{
    Connection, Emission, Failure, FailureKind, Host, Kind, LogLevel, Position, Secrets,
};
use crate::store::{Journal, RunDirectory};
use crate::task::RunMode;
use crate::transport::Connector;

use super::cancel::Cancel;
use super::dispatcher::Bus;
use super::doubts::Doubts;
use super::fence::Fences;
use super::history::History;
use super::link::Link;
use super::links::Links;
use super::output::{LogBudget, RunBudget};
use super::past::Past;
use super::waits::{Pace, Rounds, Waited, Waits};

/// The settings that the user chose.
#[derive(Debug, Clone)]
pub struct Settings {
    pub mode: RunMode,
    /// The maximum number of hosts at a time, unless a playbook sets another.
    pub forks: usize,
    /// Answer every question with yes.
    pub yes: bool,
    /// The maximum time for one request to a host, unless a task sets another.
    pub timeout: Duration,
    /// When waits of the run are reported.
    pub pace: Pace,
    pub overrides: Overrides,
}

/// A run: its inventory, its connections, its sinks.
pub struct Run {
    pub id: String,
    /// Which of the processes of ops that have worked on this run, counted from 1.
    pub attempt: u32,
    pub settings: Settings,
    pub inventory: Arc<Inventory>,
    pub bus: Bus,
    pub secrets: Secrets,
    /// What earlier attempts did, in a run that is resumed.
    pub past: Option<Past>,
    /// What to do with commands that earlier attempts may have run.
    pub doubts: Doubts,
    /// `None` in check mode, in which nothing is changed.
    pub journal: Option<Journal>,
    /// The directory of the run on this machine, if there is one.
    pub kept: Option<RunDirectory>,
    pub runtime: tokio::runtime::Handle,
    pub cancel: Cancel,
    /// How much output of steps has become events.
    pub(super) output: RunBudget,
    /// The size of the messages that have become events.
    logged: LogBudget,
    /// The locks that the run holds.
    pub fences: Fences,
    /// The current waits.
    pub waits: Waits,
    pub(super) links: Arc<Links>,
    /// By host: what the run did there.
    histories: Mutex<HashMap<String, Arc<History>>>,
    /// The values of `keep`, as JSON.
    kept_values: Mutex<HashMap<String, serde_json::Value>>,
    /// Hosts that take no further part, and why.
    failed: Mutex<IndexMap<String, Failure>>,
    /// By host: the last failure of a step that a `timeout` cut short.
    stopped: Mutex<HashMap<String, Failure>>,
}

impl Run {
    #[expect(
        clippy::too_many_arguments,
        reason = "called once, where everything is wired"
    )]
    #[must_use]
    pub fn new(
        id: String,
        settings: Settings,
        inventory: Arc<Inventory>,
        bus: Bus,
        secrets: Secrets,
        journal: Option<Journal>,
        kept: Option<RunDirectory>,
        runtime: tokio::runtime::Handle,
        cancel: Cancel,
        connector: Arc<Connector>,
    ) -> Self {
        let waits = Waits::new(settings.pace, bus.clone(), runtime.clone());
        Self {
            id,
            attempt: 1,
            past: None,
            doubts: Doubts::default(),
            settings,
            inventory,
            links: Arc::new(Links::new(connector, bus.clone(), waits.clone())),
            bus,
            secrets,
            journal,
            kept,
            runtime,
            cancel,
            output: RunBudget::default(),
            logged: LogBudget::default(),
            fences: Fences::default(),
            waits,
            histories: Mutex::default(),
            kept_values: Mutex::default(),
            failed: Mutex::default(),
            stopped: Mutex::default(),
        }
    }

    /// Creates a run in check mode, over the connections of this one. It reports and stores nothing: its
    /// bus has the totals of what would change. Connection events are reported as usual.
    #[must_use]
    pub fn rehearsal(&self) -> Self {
        Self {
            id: self.id.clone(),
            attempt: self.attempt,
            past: None,
            doubts: Doubts::default(),
            settings: Settings {
                mode: RunMode::Check,
                ..self.settings.clone()
            },
            inventory: self.inventory.clone(),
            bus: Bus::start(self.id.clone(), self.secrets.clone(), Vec::new()),
            secrets: self.secrets.clone(),
            journal: None,
            kept: None,
            runtime: self.runtime.clone(),
            cancel: self.cancel.clone(),
            output: RunBudget::default(),
            logged: LogBudget::default(),
            fences: Fences::default(),
            waits: self.waits.clone(),
            links: self.links.clone(),
            histories: Mutex::default(),
            kept_values: Mutex::default(),
            failed: Mutex::default(),
            stopped: Mutex::default(),
        }
    }

    /// What the run did on a host.
    pub(super) fn history(&self, host: &str) -> Arc<History> {
        let mut histories = lock(&self.histories);
        histories.entry(host.to_owned()).or_default().clone()
    }

    /// The one link to a host.
    ///
    /// # Errors
    /// The variables that describe how to reach the host do not render, or are invalid.
    pub(super) fn link(&self, host: &Arc<Host>) -> Result<Arc<Link>, Failure> {
        self.links.get(host, || self.connection(host))
    }

    fn connection(&self, host: &Host) -> Result<Connection, Failure> {
        let connection = self
            .inventory
            .connection(host, &self.settings.overrides)
            .map_err(|error| Failure::from(error).on(&host.name))?;
        if let Some(password) = &connection.password {
            // It is too late to refuse a password that is too short to be scrubbed.
            let _ = self.secrets.add_for(&host.name, password, "login password");
        }
        for secret in connection.become_password.as_deref().into_iter().chain(
            connection
                .elevation
                .as_ref()
                .and_then(|e| e.password.as_deref()),
        ) {
            // The same applies here: sudo needs it as it is.
            let _ = self.secrets.add_for(&host.name, secret, "become password");
        }
        Ok(connection)
    }

    /// Waits for a future, from a thread outside the runtime.
    ///
    /// # Errors
    /// `Interrupted` if `cancel` comes first.
    pub fn wait<T>(
        &self,
        cancel: &CancellationToken,
        future: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(Failure::interrupted()),
                done = future => Ok(done),
            }
        })
    }

    /// Sleeps.
    ///
    /// # Errors
    /// `Interrupted` if `cancel` comes first.
    pub fn pause(&self, cancel: &CancellationToken, time: Duration) -> Result<(), Failure> {
        if time.is_zero() {
            return Ok(());
        }
        // Created inside the runtime, which a timer needs.
        self.wait(cancel, async { tokio::time::sleep(time).await })
    }

    /// Sleeps like [`pause`](Self::pause), and reports the reason if it takes long.
    ///
    /// # Errors
    /// As for [`pause`](Self::pause).
    pub fn pause_for(
        &self,
        cancel: &CancellationToken,
        time: Duration,
        waited: Waited,
    ) -> Result<(), Failure> {
        let _wait = self.waits.begin(waited.at_most(time));
        self.pause(cancel, time)
    }

    /// Pauses a loop, and reports the reason if the whole loop takes long. `before` is the previous round
    /// of the same loop.
    ///
    /// # Errors
    /// As for [`pause`](Self::pause).
    pub fn pause_again(
        &self,
        cancel: &CancellationToken,
        time: Duration,
        waited: Waited,
        before: Option<Rounds>,
    ) -> Result<Rounds, Failure> {
        let round = self.waits.begin_round(waited, before);
        self.pause(cancel, time)?;
        Ok(round.end())
    }

    /// Records that a host takes no further part.
    pub fn host_failed(&self, host: &str, failure: &Failure) {
        lock(&self.failed)
            .entry(host.to_owned())
            .or_insert_with(|| failure.clone());
    }

    /// A value that this attempt has kept under an identity.
    #[must_use]
    pub fn kept_value(&self, id: &str) -> Option<serde_json::Value> {
        let kept = self.kept_values.lock();
        let kept = kept.unwrap_or_else(PoisonError::into_inner);
        kept.get(id).cloned()
    }

    /// Keeps a value: what is tried again gets the same one.
    pub fn keep_value(&self, id: &str, value: &serde_json::Value) {
        let kept = self.kept_values.lock();
        let mut kept = kept.unwrap_or_else(PoisonError::into_inner);
        kept.insert(id.to_owned(), value.clone());
    }

    /// Why a host takes no further part, if it does not.
    #[must_use]
    pub fn failure_of(&self, host: &str) -> Option<Failure> {
        lock(&self.failed).get(host).cloned()
    }

    /// The hosts that failed, in the order in which they failed.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        lock(&self.failed).values().cloned().collect()
    }

    /// Returns the failure of a step as it is reported. If the run goes on, a `timeout` or a deadline cut
    /// the step short.
    pub(super) fn told(&self, failure: Failure) -> Failure {
        if failure.kind != FailureKind::Interrupted || self.cancel.work.is_cancelled() {
            return failure;
        }
        let stopped = Failure {
            kind: FailureKind::Failed,
            message: "stopped by a `timeout` or a deadline around it".to_owned(),
            ..failure
        };
        if let Some(host) = &stopped.host {
            lock(&self.stopped).insert(host.clone(), stopped.clone());
        }
        stopped
    }

    /// Takes the failure of a step of the playbook that a `timeout` cut short on a host, if there was one.
    #[must_use]
    pub fn take_stopped(&self, host: &str) -> Option<Failure> {
        lock(&self.stopped).remove(host)
    }

    /// Reports a message of the playbook, or of the run itself.
    pub fn log(&self, level: LogLevel, host: Option<&str>, message: impl Into<String>) {
        self.log_at(level, host, None, message);
    }

    /// Like `log`, with the place in the playbook.
    pub fn log_at(
        &self,
        level: LogLevel,
        host: Option<&str>,
        at: Option<Position>,
        message: impl Into<String>,
    ) {
        let mut message = message.into();
        if LogBudget::cuts(&message) {
            // Before it is cut, or part of a secret could remain.
            message = self.secrets.scrub(&message).into_owned();
        }
        let Some(message) = self.logged.take(message) else {
            return;
        };
        let mut emission = Emission::new(Kind::Log { level, message }).at(at);
        emission.host = host.map(ToOwned::to_owned);
        self.bus.emit(emission);
    }

    /// Reports a clean-up that failed after another failure.
    pub fn clean_up_failed(&self, failure: &Failure) {
        let mut told = failure.clone();
        let host = told.host.take();
        let message = format!("a clean-up failed: {told}");
        self.log(LogLevel::Error, host.as_deref(), message);
    }

    /// Ends all sessions and connections.
    pub fn close(&self) {
        self.runtime.block_on(self.links.close());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
