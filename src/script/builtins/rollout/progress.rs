//! The entries of a rollout in the journal of the run: what is about to happen to each host.

use crate::deploy::rollout::{Earlier, News, Step, news_entry, step_entry};
use crate::model::{Failure, FailureKind, LogLevel, RolloutEnd};
use crate::run::Run;
use crate::script::builtins::HostValue;
use crate::store::{Entry, RolloutEntry};

/// A rollout in the journal.
pub(super) struct Progress<'r> {
    run: &'r Run,
    /// The identity of the rollout. `None` where rollouts are repeated until something holds.
    step: Option<String>,
}

impl<'r> Progress<'r> {
    pub(super) const fn new(run: &'r Run, step: Option<String>) -> Self {
        Self { run, step }
    }

    /// Reads what earlier attempts of the run did in this rollout, ready to go on. `None`: it did not begin.
    pub(super) fn earlier(&self) -> Option<Earlier> {
        let entries = self.run.past.as_ref()?.take_rollout(self.step.as_ref()?);
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

    pub(super) fn ended(&self, end: RolloutEnd) {
        self.note(RolloutEntry::Ended { end });
    }
}
