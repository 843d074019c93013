//! The rollback of hosts that were done, and what happens as time passes.

use std::collections::VecDeque;

use crate::model::{OnAbort, RolloutEnd};

use super::host::{At, Cut, Host};
use super::machine::{Rollout, Stage};
use super::order::{Course, News, Time};

impl Rollout {
    /// Rolls back the changed hosts, the last one first, as many at a time as the current batch has.
    pub(super) fn begin_rollback(&mut self, now: Time) {
        let changed: VecDeque<usize> = (0..self.hosts.len())
            .rev()
            .filter(|host| self.hosts[*host].is_changed())
            .collect();
        if self.broken || changed.is_empty() {
            self.finish_back();
            return;
        }
        let batch = match self.stage() {
            Stage::Batch(batch) => *batch,
            Stage::Question { after } => *after,
            _ => 0,
        };
        let size = self.hosts.iter().filter(|host| host.batch == batch).count();
        self.begin_back_batch(0, changed, size.max(1), now);
    }

    fn begin_back_batch(
        &mut self,
        batch: usize,
        mut left: VecDeque<usize>,
        size: usize,
        now: Time,
    ) {
        let batches = batch + left.len().div_ceil(size);
        let rest = left.split_off(size.min(left.len()));
        self.queue = left;
        self.batch_since = now;
        self.failures_before = self.unrestored();
        self.tell(News::BatchStarted {
            batch: batch + 1,
            batches,
            hosts: self.queue.iter().copied().collect(),
            course: Course::Back,
        });
        self.set_stage(Stage::Back {
            batch,
            left: rest,
            size,
        });
    }

    pub(super) fn advance_back(&mut self, now: Time) {
        while !self.broken && !self.interrupted && !self.in_doubt {
            let Some(host) = self.next_with_room() else {
                break;
            };
            self.begin_back(host, now);
        }
        if self.in_flight() > 0 {
            return;
        }
        let Stage::Back { batch, left, size } = self.stage().clone() else {
            return;
        };
        self.tell(News::BatchFinished {
            batch: batch + 1,
            batches: batch + 1 + left.len().div_ceil(size),
            failed: self.unrestored().saturating_sub(self.failures_before),
            course: Course::Back,
            took: now.saturating_sub(self.batch_since),
        });
        // Hosts still in the queue had no room: too many hosts are out of service.
        let over = self.broken || self.interrupted || self.in_doubt;
        if over || !self.queue.is_empty() || left.is_empty() {
            self.finish_back();
        } else {
            self.begin_back_batch(batch + 1, left, size, now);
        }
    }

    fn unrestored(&self) -> usize {
        let failed = |host: &&Host| host.unrestored.is_some();
        self.hosts.iter().filter(failed).count()
    }

    fn finish_back(&mut self) {
        self.note_kept();
        self.finish(if !self.hosts.iter().all(Host::is_whole) {
            RolloutEnd::NotRolledBack
        } else if self.interrupted {
            RolloutEnd::Interrupted
        } else {
            RolloutEnd::RolledBack
        });
    }

    /// When the next timed event of a host is due.
    pub(super) fn wake_of(host: &Host) -> Option<Time> {
        if !host.in_flight() {
            return None;
        }
        let due = Self::due_of(host);
        Some(due.map_or(host.say, |due| due.min(host.say)))
    }

    /// When the next timed event of its step or its gate is due.
    fn due_of(host: &Host) -> Option<Time> {
        let gate = host.gate.as_ref().map(|gate| gate.deadline);
        match host.at {
            At::Rest | At::Doing { cut: Some(_), .. } => None,
            At::Polling { next } => Some(gate.map_or(next, |gate| gate.min(next))),
            At::Doing { cut: None, .. } => match host.course {
                Course::Forward => gate,
                Course::Back => Some(host.back_deadline),
            },
        }
    }

    /// Handles what is due: health checks and deadlines.
    pub(super) fn expire(&mut self, now: Time) {
        let progress = now >= self.progress + self.spec.progress_deadline;
        if progress && self.hosts.iter().any(Host::goes_forward) {
            self.no_further(now);
        }
        for host in 0..self.hosts.len() {
            let state = &self.hosts[host];
            let due = Self::due_of(state).is_some_and(|due| now >= due);
            if !due {
                continue;
            }
            match state.at {
                At::Doing { .. } => self.cut(host, Cut::Deadline),
                At::Polling { next } => {
                    let gate = self.hosts[host].gate.take_if(|gate| now >= gate.deadline);
                    match gate {
                        Some(gate) => self.gate_failed(host, gate, now),
                        None if now >= next => self.look(host, now),
                        None => {}
                    }
                }
                At::Rest => {}
            }
        }
    }

    /// No host became healthy for too long: the hosts in flight have failed.
    fn no_further(&mut self, now: Time) {
        self.progress = now;
        let failure = self.no_progress();
        if self.spec.on_abort != OnAbort::Continue {
            self.call_off(failure.message.clone());
        }
        for host in 0..self.hosts.len() {
            if !self.hosts[host].goes_forward() {
                continue;
            }
            match self.hosts[host].at {
                At::Doing { cut: None, .. } => self.cut(host, Cut::Progress),
                At::Polling { .. } => self.fail_and_put_back(host, failure.clone(), now),
                At::Doing { cut: Some(_), .. } | At::Rest => {}
            }
        }
    }

    /// A second Ctrl-C: the world interrupts running steps, and nothing further is started.
    pub(super) fn kill(&mut self, now: Time) {
        self.killed = true;
        for host in 0..self.hosts.len() {
            if matches!(self.hosts[host].at, At::Polling { .. }) {
                self.give_up(host, now);
            }
        }
    }
}
