//! What every part of a run shares. Passed along, never global.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use crate::inventory::{Inventory, Overrides};
use crate::model::{Emission, Failure, FailureKind, Host, Kind, LogLevel, Position, Secrets};
use crate::store::{Journal, RunDirectory};
use crate::task::Mode;
use crate::transport::Connector;

use super::cancel::Cancel;
use super::dispatcher::Bus;
use super::fence::Fences;
use super::host::HostHandle;
use super::identity::Steps;
use super::link::Link;
use super::output::{LogBudget, RunBudget};
use super::waits::{Pace, Waited, Waits};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    pub mode: Mode,
    /// Hosts at a time where a playbook does not say.
    pub forks: usize,
    /// Answer every question with yes.
    pub yes: bool,
    /// Longest time for one request to a host where a task does not say.
    pub timeout: Duration,
    /// When waits of the run are reported.
    pub pace: Pace,
    pub overrides: Overrides,
}

/// A run: its inventory, its connections, its sinks.
pub struct Run {
    pub id: String,
    pub settings: Settings,
    pub inventory: Arc<Inventory>,
    pub bus: Bus,
    pub secrets: Secrets,
    /// `None` where nothing is changed: in check mode.
    pub journal: Option<Journal>,
    /// Where the run is kept on this machine, if it can be.
    pub kept: Option<RunDirectory>,
    pub runtime: tokio::runtime::Handle,
    pub cancel: Cancel,
    pub steps: Steps,
    /// How much of what steps print has become events.
    pub output: RunBudget,
    /// How much of what it says itself has.
    logged: LogBudget,
    /// The locks that it holds.
    pub fences: Fences,
    /// The current waits.
    pub waits: Waits,
    connector: Arc<Connector>,
    /// The run that this is a rehearsal of.
    rehearses: Option<Arc<Self>>,
    links: Mutex<HashMap<String, Arc<Link>>>,
    /// Shells of this machine that nobody uses right now.
    idle: Mutex<Vec<Arc<Link>>>,
    /// The one that the playbook has in its hand.
    controller: OnceLock<Arc<Link>>,
    /// Hosts that take no further part, and why.
    failed: Mutex<IndexMap<String, Failure>>,
    /// By host: what a `timeout` around it cut short last.
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
            settings,
            inventory,
            bus,
            secrets,
            journal,
            kept,
            runtime,
            cancel,
            steps: Steps::default(),
            output: RunBudget::default(),
            logged: LogBudget::default(),
            fences: Fences::default(),
            waits,
            connector,
            rehearses: None,
            links: Mutex::default(),
            idle: Mutex::default(),
            controller: OnceLock::new(),
            failed: Mutex::default(),
            stopped: Mutex::default(),
        }
    }

    /// A run in check mode, over the connections of this one. It tells nothing and keeps nothing: what would change is in the totals of
    /// its bus. What becomes of connections is told as ever.
    #[must_use]
    pub fn rehearsal(self: &Arc<Self>) -> Self {
        let settings = Settings {
            mode: Mode::Check,
            ..self.settings.clone()
        };
        let bus = Bus::start(self.id.clone(), self.secrets.clone(), Vec::new());
        let mut run = Self::new(
            self.id.clone(),
            settings,
            self.inventory.clone(),
            bus,
            self.secrets.clone(),
            None,
            None,
            self.runtime.clone(),
            self.cancel.clone(),
            self.connector.clone(),
        );
        run.waits = self.waits.clone();
        run.rehearses = Some(self.clone());
        run
    }

    /// The one link to a host. Nothing is sent before it is used.
    ///
    /// # Errors
    /// When the variables that say how to reach the host do not render, or are wrong.
    pub fn link(&self, host: &Arc<Host>) -> Result<Arc<Link>, Failure> {
        if let Some(link) = lock(&self.links).get(&host.name) {
            return Ok(link.clone());
        }
        if let Some(run) = &self.rehearses {
            let beneath = run.link(host)?;
            let link = Arc::new(Link::rehearsing(run, &beneath, &self.connector));
            let mut links = lock(&self.links);
            return Ok(links.entry(host.name.clone()).or_insert(link).clone());
        }
        let connection = self
            .inventory
            .connection(host, &self.settings.overrides)
            .map_err(|error| Failure::from(error).on(&host.name))?;
        if let Some(password) = &connection.password {
            // One too short to be scrubbed cannot be refused any more.
            let _ = self.secrets.add(password, "login password");
        }
        for secret in connection.become_password.as_deref().into_iter().chain(
            connection
                .elevation
                .as_ref()
                .and_then(|e| e.password.as_deref()),
        ) {
            // One too short to be scrubbed cannot be refused any more: sudo wants it as it is.
            let _ = self.secrets.add(secret, "become password");
        }
        let link = Arc::new(Link::new(host.clone(), connection, &self.connector));
        Ok(lock(&self.links)
            .entry(host.name.clone())
            .or_insert(link)
            .clone())
    }

    /// Works with a shell of the machine that ops runs on. It is kept for the next; only as many are started as are used at a time, so
    /// that what takes long for one host does not hold up another.
    pub fn at_controller<T>(self: &Arc<Self>, work: impl FnOnce(&HostHandle) -> T) -> T {
        let idle = lock(&self.idle).pop();
        let link = idle.unwrap_or_else(|| Arc::new(Link::controller(&self.connector)));
        let result = work(&HostHandle::new(self.clone(), link.clone()));
        lock(&self.idle).push(link);
        result
    }

    /// The machine that ops runs on, for a playbook to look at.
    #[must_use]
    pub fn controller(self: &Arc<Self>) -> HostHandle {
        let link = self
            .controller
            .get_or_init(|| Arc::new(Link::controller(&self.connector)));
        HostHandle::new(self.clone(), link.clone())
    }

    /// Waits for what happens elsewhere, from a thread that is not the runtime's own.
    ///
    /// # Errors
    /// `Interrupted`, when `cancel` comes first.
    pub fn wait<T>(
        &self,
        cancel: &CancellationToken,
        future: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(interrupted()),
                done = future => Ok(done),
            }
        })
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// `Interrupted`, when `cancel` comes first.
    pub fn pause(&self, cancel: &CancellationToken, time: Duration) -> Result<(), Failure> {
        if time.is_zero() {
            return Ok(());
        }
        // Created inside the runtime, which a timer needs.
        self.wait(cancel, async { tokio::time::sleep(time).await })
    }

    /// The same, and reports what it waits for if that takes long.
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

    /// Notes that a host takes no further part.
    pub fn host_failed(&self, host: &str, failure: &Failure) {
        lock(&self.failed)
            .entry(host.to_owned())
            .or_insert_with(|| failure.clone());
    }

    /// Why a host takes no further part, if so.
    #[must_use]
    pub fn failure_of(&self, host: &str) -> Option<Failure> {
        lock(&self.failed).get(host).cloned()
    }

    /// The hosts that failed, in the order in which they did.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        lock(&self.failed).values().cloned().collect()
    }

    /// A failure of a step as it is told. What was cut short while the run goes on was so by a `timeout` or a deadline around
    /// it.
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

    /// What a `timeout` cut short on a host, if it was a step of the playbook. Told once.
    #[must_use]
    pub fn take_stopped(&self, host: &str) -> Option<Failure> {
        lock(&self.stopped).remove(host)
    }

    /// A message of the playbook's, or of the run's own.
    pub fn log(&self, level: LogLevel, host: Option<&str>, message: impl Into<String>) {
        self.log_at(level, host, None, message);
    }

    /// The same with the place in the playbook that says it.
    pub fn log_at(
        &self,
        level: LogLevel,
        host: Option<&str>,
        at: Option<Position>,
        message: impl Into<String>,
    ) {
        let mut message = message.into();
        if LogBudget::cuts(&message) {
            // First, or half a secret could be left.
            message = self.secrets.scrub(&message).into_owned();
        }
        let Some(message) = self.logged.take(message) else {
            return;
        };
        let mut emission = Emission::new(Kind::Log { level, message }).at(at);
        emission.host = host.map(ToOwned::to_owned);
        self.bus.emit(emission);
    }

    /// Tells of a clean-up that failed after something else did.
    pub fn clean_up_failed(&self, failure: &Failure) {
        let mut told = failure.clone();
        let host = told.host.take();
        let message = format!("a clean-up failed: {told}");
        self.log(LogLevel::Error, host.as_deref(), message);
    }

    /// Ends all sessions and connections.
    pub fn close(&self) {
        let mut links: Vec<_> = lock(&self.links).drain().map(|(_, link)| link).collect();
        links.append(&mut lock(&self.idle));
        links.extend(self.controller.get().cloned());
        self.runtime.block_on(async {
            let closing = links.iter().map(|link| link.close());
            futures_util::future::join_all(closing).await;
        });
    }
}

/// The failure of whatever a cancelled run was waiting for.
#[must_use]
pub fn interrupted() -> Failure {
    Failure::new(FailureKind::Interrupted, "interrupted")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
