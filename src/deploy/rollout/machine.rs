//! The rollout as a whole: batches, the steps between them, and its end.

use std::collections::VecDeque;

use crate::model::{Failure, OnAbort, RolloutEnd, Version, Waiting};

use super::host::{At, Cut, Host};
use super::order::{Course, Input, News, Order, Question, Report, Start, Step, Time};
use super::spec::Spec;

/// Decides what to do next. See the module.
#[expect(clippy::struct_excessive_bools, reason = "each is used independently")]
#[derive(Debug)]
pub struct Rollout {
    pub(super) spec: Spec,
    pub(super) hosts: Vec<Host>,
    /// Hosts of the same service that take no part and are out of service: they count for availability.
    absent: usize,
    /// The number of batches.
    pub(super) batches: usize,
    /// The number of hosts that may be out of service at once.
    max_unavailable: Option<usize>,
    stage: Stage,
    /// The hosts of the current batch that have not been started.
    pub(super) queue: VecDeque<usize>,
    /// When the current batch started.
    pub(super) batch_since: Time,
    /// The number of hosts that failed, in the whole rollout.
    pub(super) failures: usize,
    /// The same before the current batch.
    pub(super) failures_before: usize,
    /// Why it was aborted.
    pub(super) reason: Option<String>,
    pub(super) interrupted: bool,
    pub(super) killed: bool,
    /// A command is in doubt: the rollout stops where it is, so that it can be resumed.
    pub(super) in_doubt: bool,
    /// A host could not be put back for a reason that is not its own: others could not be put back either.
    pub(super) broken: bool,
    /// When a host last became healthy.
    pub(super) progress: Time,
    /// When to report next that it pauses.
    pub(super) say: Time,
    orders: Vec<Order>,
    end: Option<RolloutEnd>,
}

/// Hosts of the same service that take no part: shares include them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Others {
    pub out: usize,
    pub in_service: usize,
}

/// The stage of the rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Start,
    /// A batch moves forward; counted from 0.
    Batch(usize),
    /// Between this batch and the next one.
    Pause {
        after: usize,
        until: Time,
    },
    Question {
        after: usize,
    },
    /// Changed hosts are rolled back: those of the current batch, and those that follow.
    Back {
        batch: usize,
        left: VecDeque<usize>,
        size: usize,
    },
    End,
}

impl Rollout {
    /// A rollout over hosts, in the given order.
    #[must_use]
    pub fn new(spec: Spec, starts: &[Start], others: Others) -> Self {
        let total = starts.len() + others.out + others.in_service;
        let sizes = spec.batches.split(starts.len(), total);
        let batch_of = sizes
            .iter()
            .enumerate()
            .flat_map(|(batch, size)| std::iter::repeat_n(batch, *size));
        let hosts = batch_of
            .zip(starts)
            .map(|(batch, start)| Host::new(start, batch))
            .collect();
        Self::with_hosts(spec, hosts, sizes.len(), others)
    }

    pub(super) fn with_hosts(spec: Spec, hosts: Vec<Host>, batches: usize, others: Others) -> Self {
        let total = hosts.len() + others.out + others.in_service;
        Self {
            max_unavailable: spec.max_unavailable.map(|size| size.of(total)),
            spec,
            hosts,
            absent: others.out,
            batches,
            stage: Stage::Start,
            queue: VecDeque::new(),
            batch_since: Time::ZERO,
            failures: 0,
            failures_before: 0,
            reason: None,
            interrupted: false,
            killed: false,
            in_doubt: false,
            broken: false,
            progress: Time::ZERO,
            say: Time::ZERO,
            orders: Vec::new(),
            end: None,
        }
    }

    /// The number of hosts in each batch.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let size = |batch| self.hosts.iter().filter(|host| host.batch == batch).count();
        (0..self.batches).map(size).collect()
    }

    /// How many hosts may be out of service at once, if that limit is tighter than the batches.
    #[must_use]
    pub const fn max_unavailable(&self) -> Option<usize> {
        self.max_unavailable
    }

    /// Takes an event, and returns what to do.
    pub fn input(&mut self, now: Time, input: Input) -> Vec<Order> {
        match input {
            Input::Tick => {}
            Input::Ended(host, outcome) => self.ended(host, outcome, now),
            Input::Answered(answer) => self.answered(answer, now),
            Input::Interrupted => self.interrupt(now),
            Input::Killed => {
                self.interrupt(now);
                self.kill(now);
            }
        }
        self.expire(now);
        self.advance(now);
        self.say_what_goes_on(now);
        self.say_that_it_pauses(now);
        std::mem::take(&mut self.orders)
    }

    /// When it needs to be woken, if nothing happens before.
    #[must_use]
    pub fn wake(&self) -> Option<Time> {
        let pause = match &self.stage {
            Stage::Pause { until, .. } => Some(self.say.min(*until)),
            _ => None,
        };
        let progress = self
            .hosts
            .iter()
            .any(|host| host.goes_forward() && !matches!(host.at, At::Doing { cut: Some(_), .. }))
            .then(|| self.progress + self.spec.progress_deadline);
        let hosts = self.hosts.iter().filter_map(Self::wake_of);
        hosts.chain(pause).chain(progress).min()
    }

    /// The result, once there is nothing more to do.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        Some(Report {
            end: self.end?,
            reason: self.reason.clone(),
            hosts: self
                .hosts
                .iter()
                .map(|host| host.end(self.reason_of(host)))
                .collect(),
        })
    }

    /// The number of hosts out of service.
    #[must_use]
    pub fn out(&self) -> usize {
        self.absent + self.hosts.iter().filter(|host| host.out).count()
    }

    pub(super) fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    pub(super) fn tell(&mut self, news: News) {
        self.orders.push(Order::Tell(news));
    }

    pub(super) fn in_flight(&self) -> usize {
        self.hosts.iter().filter(|host| host.in_flight()).count()
    }

    /// Whether hosts in flight turn back, and no further host is started.
    pub(super) fn turns_back(&self) -> bool {
        self.interrupted || self.reason.is_some() && self.spec.on_abort == OnAbort::Rollback
    }

    /// The next host of the batch that may be started: the only way for a host to go out of service. A host
    /// that is out already takes no place.
    pub(super) fn next_with_room(&mut self) -> Option<usize> {
        if self.in_flight() >= self.spec.parallel.max(1) {
            return None;
        }
        let out = self.out();
        let full = self.max_unavailable.is_some_and(|most| out >= most);
        let ready = |host: &usize| !full || self.hosts[*host].out;
        let at = self.queue.iter().position(ready)?;
        self.queue.remove(at)
    }

    /// Stops the rollout, and makes hosts that wait to become healthy turn back.
    pub(super) fn abort(&mut self, reason: String, now: Time) {
        if self.call_off(reason) && self.turns_back() {
            self.turn_all(&[Step::Healthy], now);
        }
    }

    /// Starts no further host. Returns false if that was so already.
    pub(super) fn call_off(&mut self, reason: String) -> bool {
        if self.reason.is_some() || self.interrupted {
            return false;
        }
        self.reason = Some(reason.clone());
        self.tell(News::Aborted { reason });
        true
    }

    fn interrupt(&mut self, now: Time) {
        if self.interrupted {
            return;
        }
        let forward = !matches!(self.stage, Stage::Back { .. });
        self.interrupted = true;
        for host in &mut self.hosts {
            host.interrupted = host.in_flight();
        }
        if forward {
            self.turn_all(&[Step::Drain, Step::Update, Step::Healthy], now);
        }
    }

    /// Makes hosts that move forward turn back: now, or when their step has ended; steps of these kinds are
    /// interrupted.
    fn turn_all(&mut self, cut: &[Step], now: Time) {
        for host in 0..self.hosts.len() {
            if !self.hosts[host].goes_forward() {
                continue;
            }
            match &self.hosts[host].at {
                At::Doing { step, cut: None } if cut.contains(step) => self.cut(host, Cut::Turn),
                At::Polling { .. } => self.turn_back(host, now),
                _ => {}
            }
        }
    }

    pub(super) fn cut(&mut self, host: usize, why: Cut) {
        if let At::Doing { cut, .. } = &mut self.hosts[host].at {
            *cut = Some(why);
            self.order(Order::Cancel(host));
        }
    }

    fn answered(&mut self, answer: Result<bool, Box<Failure>>, now: Time) {
        let Stage::Question { after } = self.stage else {
            return;
        };
        if self.interrupted {
            return;
        }
        match answer {
            Ok(true) => self.begin_next(after, now),
            Ok(false) => self.abort("the operator answered no".to_owned(), now),
            Err(failure) => self.abort(failure.message, now),
        }
    }

    /// Advances as far as it can.
    fn advance(&mut self, now: Time) {
        loop {
            let before = self.stage.clone();
            match before.clone() {
                Stage::Start if self.hosts.is_empty() => self.finish(RolloutEnd::Done),
                Stage::Start if self.interrupted => self.finish(self.end_before_start()),
                Stage::Start => self.begin_first(now),
                Stage::Batch(batch) => self.advance_batch(batch, now),
                Stage::Pause { .. } | Stage::Question { .. } if self.interrupted => {
                    self.finish(RolloutEnd::Interrupted);
                }
                Stage::Pause { after, until } if now >= until => self.ask_or_go_on(after, now),
                Stage::Question { .. } if self.reason.is_some() => self.unwind(now),
                Stage::Back { .. } => self.advance_back(now),
                Stage::Pause { .. } | Stage::Question { .. } | Stage::End => {}
            }
            if self.stage == before {
                return;
            }
        }
    }

    /// The first batch with hosts that are not done, from this one on.
    pub(super) fn open_batch(&self, from: usize) -> Option<usize> {
        let on_abort = self.spec.on_abort;
        let open = self.hosts.iter().filter(|host| host.is_open(on_abort));
        open.map(|host| host.batch)
            .filter(|batch| *batch >= from)
            .min()
    }

    fn begin_next(&mut self, after: usize, now: Time) {
        if let Some(batch) = self.open_batch(after + 1) {
            self.begin_batch(batch, &[], now);
        }
    }

    /// `again`: hosts that are begun in any case.
    pub(super) fn begin_batch(&mut self, batch: usize, again: &[usize], now: Time) {
        let on_abort = self.spec.on_abort;
        self.stage = Stage::Batch(batch);
        self.queue = (0..self.hosts.len())
            .filter(|host| {
                let state = &self.hosts[*host];
                state.batch == batch && state.is_open(on_abort) && !again.contains(host)
            })
            .collect();
        self.batch_since = now;
        self.progress = now;
        self.failures_before = self.failures;
        self.tell(News::BatchStarted {
            batch: batch + 1,
            batches: self.batches,
            hosts: again.iter().chain(&self.queue).copied().collect(),
            course: Course::Forward,
        });
    }

    fn advance_batch(&mut self, batch: usize, now: Time) {
        while self.reason.is_none() && !self.interrupted {
            let Some(host) = self.next_with_room() else {
                break;
            };
            if self.hosts[host].fate.is_some() {
                self.begin_back(host, now);
            } else {
                self.begin_forward(host, now);
            }
        }
        if self.in_flight() > 0 {
            return;
        }
        let over = self.reason.is_some() || self.interrupted;
        if !over && !self.queue.is_empty() {
            let reason = format!("no further host may be drained: {}", self.no_room());
            self.abort(reason, now);
        }
        self.tell(News::BatchFinished {
            batch: batch + 1,
            batches: self.batches,
            failed: self.failures - self.failures_before,
            course: Course::Forward,
            took: now.saturating_sub(self.batch_since),
        });
        if self.reason.is_some() || self.interrupted {
            self.unwind(now);
        } else if self.open_batch(batch + 1).is_none() {
            self.complete();
        } else {
            self.begin_pause(batch, now);
        }
    }

    /// Every host is done.
    pub(super) fn complete(&mut self) {
        self.finish(if self.failures == 0 {
            RolloutEnd::Done
        } else {
            RolloutEnd::WithFailures
        });
    }

    pub(super) fn begin_pause(&mut self, after: usize, now: Time) {
        if self.spec.pause.is_zero() {
            self.ask_or_go_on(after, now);
            return;
        }
        let until = now + self.spec.pause;
        self.stage = Stage::Pause { after, until };
        self.say = now;
    }

    fn ask_or_go_on(&mut self, after: usize, now: Time) {
        if !self.spec.confirm.is_after(after + 1) {
            self.begin_next(after, now);
            return;
        }
        self.stage = Stage::Question { after };
        self.tell(News::Waiting {
            batch: after + 1,
            on: Waiting::Confirm,
            time: None,
        });
        let batch = self.open_batch(after + 1);
        let next = (0..self.hosts.len()).filter(|host| Some(self.hosts[*host].batch) == batch);
        self.orders.push(Order::Ask(Question {
            batch: after + 1,
            batches: self.batches,
            next: next.collect(),
            on_abort: self.spec.on_abort,
        }));
    }

    /// Nothing is in flight, and the rollout no longer moves forward.
    pub(super) fn unwind(&mut self, now: Time) {
        if self.interrupted {
            // Finished hosts keep the new version, unless a rollback follows.
            let rollback = self.reason.is_some() && self.spec.on_abort == OnAbort::Rollback;
            let whole = |host: &Host| {
                let restored = !host.interrupted || host.unrestored.is_none() || host.is_as_found();
                restored && !(rollback && host.version != Version::Old)
            };
            if rollback {
                self.note_kept();
            }
            let end = if self.hosts.iter().all(whole) {
                RolloutEnd::Interrupted
            } else {
                RolloutEnd::NotRolledBack
            };
            self.finish(end);
        } else if self.spec.on_abort == OnAbort::Rollback && (!self.in_doubt || self.broken) {
            self.begin_rollback(now);
        } else {
            self.finish(RolloutEnd::Stopped);
        }
    }

    pub(super) const fn stage(&self) -> &Stage {
        &self.stage
    }

    pub(super) fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
    }

    pub(super) fn finish(&mut self, end: RolloutEnd) {
        self.stage = Stage::End;
        self.end = Some(end);
    }
}
