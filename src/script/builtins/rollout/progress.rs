//! The entries of a rollout in the journal of the run: what is about to happen to each host.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::deploy::rollout::{Earlier, News, Step, news_entry, step_entry};
use crate::model::{Failure, FailureKind, LogLevel, Position, RolloutEnd};
use crate::run::Run;
use crate::script::builtins::HostValue;
use crate::script::frame::Frame;
use crate::store::{Entry, RolloutEntry};

/// A rollout in the journal.
pub(super) struct Progress<'r> {
    run: &'r Run,
    /// The identity of the rollout. `None` where rollouts are repeated until something holds.
    step: Option<String>,
    /// By host: how often its update was begun, and is not what is done now.
    tries: HashMap<String, usize>,
    /// Its identity in earlier attempts, if it was recognised at another place.
    pub(super) was: Option<String>,
    /// The hosts whose update has begun.
    touched: Mutex<HashSet<String>>,
}

impl<'r> Progress<'r> {
    pub(super) fn new(frame: &'r Frame, at: Option<&Position>) -> Self {
        let step = frame.steps().named("rollout", "", at);
        let world = frame.world();
        Self {
            run: frame.run(),
            tries: step
                .as_deref()
                .map(|step| world.tries(step))
                .unwrap_or_default(),
            was: None,
            touched: Mutex::default(),
            step,
        }
    }

    /// Takes in what earlier attempts did.
    pub(super) fn going_on(&mut self, earlier: &Earlier) {
        for host in earlier.hosts.iter().chain(&earlier.absent) {
            self.tries.insert(host.name.clone(), host.tries);
            if host.before.touched {
                lock(&self.touched).insert(host.name.clone());
            }
        }
    }

    /// How often the update of a host was begun before.
    pub(super) fn tries(&self, host: &str) -> usize {
        self.tries.get(host).copied().unwrap_or_default()
    }

    /// Reads what earlier attempts of the run did in this rollout, ready to go on. `None`: it did not begin.
    pub(super) fn earlier(&mut self, hosts: &HashSet<&str>) -> Option<Earlier> {
        let past = self.run.past.as_ref()?;
        let (entries, was) = past.take_rollout(self.step.as_ref()?, hosts);
        self.was = was;
        let mut earlier = Earlier::read(entries.iter().map(|(entry, changes)| (entry, *changes)))?;
        earlier.go_on();
        Some(earlier)
    }

    /// Records an entry, which is durable when this returns.
    ///
    /// # Errors
    /// It could not be written: what it announces must not happen.
    pub(super) fn promise(&self, event: RolloutEntry) -> Result<(), Failure> {
        let (Some(journal), Some(step)) = (&self.run.journal, self.step.clone()) else {
            return Ok(());
        };
        journal
            .promise([Entry::Rollout { step, event }])
            .map_err(|error| {
                Failure::new(FailureKind::Failed, error.to_string()).hint(error.hint())
            })
    }

    fn note(&self, event: RolloutEntry) {
        if let (Some(journal), Some(step)) = (&self.run.journal, self.step.clone()) {
            journal.note(Entry::Rollout { step, event });
        }
    }

    /// A step of a host is about to begin. One that puts the host back goes on even if that cannot be
    /// recorded: half a rollout is worse than a gap in the journal.
    pub(super) fn begins(&self, host: &HostValue, step: Step, back: bool) -> Result<(), Failure> {
        let host = host.0.name();
        if step == Step::Update {
            lock(&self.touched).insert(host.to_owned());
        }
        let Some(event) = step_entry(host, step) else {
            return Ok(());
        };
        match self.promise(event) {
            Err(failure) if back => {
                let message = format!("the rollout goes on despite an error: {}", failure.message);
                self.run.log(LogLevel::Warn, Some(host), message);
                Ok(())
            }
            result => result,
        }
    }

    /// Records what the rollout reports.
    pub(super) fn tell(&self, news: &News, hosts: &[HostValue]) {
        let name = |host: usize| hosts[host].0.name().to_owned();
        if let Some(event) = news_entry(news, name) {
            self.note(event);
        }
    }

    pub(super) fn ended(self, frame: &Frame, end: RolloutEnd) {
        self.note(RolloutEntry::Ended { end });
        let mut tries = self.tries;
        for host in lock(&self.touched).drain() {
            *tries.entry(host).or_default() += 1;
        }
        if let Some(step) = &self.step {
            frame.world().set_tries(step, tries);
        }
    }
}

fn lock(hosts: &Mutex<HashSet<String>>) -> MutexGuard<'_, HashSet<String>> {
    hosts.lock().unwrap_or_else(PoisonError::into_inner)
}
