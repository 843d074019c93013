//! A rollout that goes on where an earlier attempt of the run was cut short.

use crate::model::{Failure, Fate, OnAbort, RolloutEnd, Version};

use super::earlier::Before;
use super::host::Host;
use super::machine::{Others, Rollout, Stage};
use super::order::{Start, Time};
use super::spec::Spec;

/// A host of a rollout that goes on.
#[derive(Debug, Clone)]
pub struct Resumed {
    pub start: Start,
    /// Its batch, counted from 0.
    pub batch: usize,
    pub before: Before,
    /// It was updated, and is not healthy now.
    pub unhealthy: Option<Box<Failure>>,
}

impl Rollout {
    /// A rollout that goes on, over hosts in the given order. `reason`: why it was aborted, if it was.
    #[must_use]
    pub fn resume(
        spec: Spec,
        resumed: Vec<Resumed>,
        batches: usize,
        reason: Option<String>,
        others: Others,
    ) -> Self {
        let hosts = resumed.into_iter().map(Host::resumed).collect();
        let mut rollout = Self::with_hosts(spec, hosts, batches, others);
        let failed = rollout.hosts.iter().filter(|host| host.failure.is_some());
        rollout.failures = failed.count();
        rollout.reason = reason;
        rollout
    }

    /// How it ends if it is interrupted before it starts.
    pub(super) fn end_before_start(&self) -> RolloutEnd {
        let rolls_back = self.reason.is_some() && self.spec.on_abort == OnAbort::Rollback;
        let is_left = |host: &Host| host.was_in_flight || rolls_back && host.is_changed();
        if self.hosts.iter().any(is_left) {
            RolloutEnd::NotRolledBack
        } else {
            RolloutEnd::Interrupted
        }
    }

    /// Starts the first batch that is not done.
    pub(super) fn begin_first(&mut self, now: Time) {
        for host in 0..self.hosts.len() {
            if let Some(failure) = self.hosts[host].unhealthy.take() {
                self.fail(host, failure, now);
            }
        }
        let failed = self.hosts.iter().find_map(|host| host.failure.clone());
        if let Some(failure) = failed {
            self.check_limit(&failure, now);
        }
        let again: Vec<usize> = (0..self.hosts.len())
            .filter(|host| self.hosts[*host].was_in_flight)
            .collect();
        if again.is_empty() && self.reason.is_some() {
            let begun = self.hosts.iter().filter(|host| host.begun);
            let batch = begun.map(|host| host.batch).max();
            self.set_stage(Stage::Batch(batch.unwrap_or_default()));
            self.unwind(now);
            return;
        }
        let Some(batch) = self.open_batch(0) else {
            self.complete();
            return;
        };
        let is_new = self
            .hosts
            .iter()
            .all(|host| host.batch != batch || !host.begun);
        if batch > 0 && is_new && again.is_empty() {
            self.begin_pause(batch - 1, now);
            return;
        }
        self.begin_batch(batch, &again, now);
        for host in again {
            let state = &self.hosts[host];
            if state.failure.is_some() && self.spec.on_abort == OnAbort::Stop {
                // The operator wants to inspect it in its current state.
                let state = &mut self.hosts[host];
                state.unrestored.clone_from(&state.failure);
                self.leave_out(host, now);
            } else if state.goes_back || state.failure.is_some() || self.turns_back() {
                self.begin_back(host, now);
            } else {
                self.begin_forward(host, now);
            }
        }
    }
}

impl Host {
    fn resumed(resumed: Resumed) -> Self {
        let Resumed {
            start,
            batch,
            before,
            unhealthy,
        } = resumed;
        let mut host = Self::new(&start, batch);
        host.was_in_flight = before.is_in_flight();
        host.begun = before.begun;
        host.touched = before.touched;
        host.goes_back = before.back;
        host.failure = before.failure;
        // It may count as failed already.
        host.unhealthy = unhealthy.filter(|_| host.failure.is_none());
        match before.settled {
            Some((fate, version)) => {
                (host.fate, host.version) = (Some(fate), version);
                host.out = fate == Fate::LeftOut || host.unhealthy.is_some();
                if fate == Fate::LeftOut {
                    host.unrestored.clone_from(&host.failure);
                }
            }
            None if before.begun => {
                host.out = true;
                if before.touched {
                    host.version = Version::Unknown;
                }
            }
            None => {}
        }
        host
    }
}
