//! The rollout as a whole: batches, what lies between them, and when it ends.

use std::collections::VecDeque;

use crate::model::{Failure, OnAbort, RolloutEnd, Version, Waiting};

use super::host::{At, Cut, Host};
use super::order::{Course, Input, News, Order, Question, Report, Start, Step, Time};
use super::spec::Spec;

/// Decides what is done next. See the module.
#[derive(Debug)]
pub struct Rollout {
    pub(super) spec: Spec,
    pub(super) hosts: Vec<Host>,
    /// Hosts of the same service that take no part and are out of service: they count where availability does.
    absent: usize,
    /// How many batches there are.
    batches: usize,
    /// Hosts out of service at once.
    max_unavailable: Option<usize>,
    stage: Stage,
    /// The hosts of the present batch that are not begun with.
    pub(super) queue: VecDeque<usize>,
    /// When the present batch began.
    pub(super) batch_since: Time,
    /// Hosts that failed, in the whole rollout.
    pub(super) failures: usize,
    /// The same before the present batch.
    pub(super) failures_before: usize,
    /// Why it was aborted.
    pub(super) reason: Option<String>,
    pub(super) interrupted: bool,
    pub(super) killed: bool,
    /// A host could not be put back for a reason that is not its own: others could not be either.
    pub(super) broken: bool,
    /// When some host last became healthy.
    pub(super) progress: Time,
    /// When to tell next that it pauses.
    pub(super) say: Time,
    orders: Vec<Order>,
    end: Option<RolloutEnd>,
}

/// Hosts of the same service that take no part: shares are of them too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Others {
    pub out: usize,
    pub in_service: usize,
}

/// What the rollout is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Start,
    /// A batch goes forward; counted from 0.
    Batch(usize),
    /// Between this batch and the next one.
    Pause {
        after: usize,
        until: Time,
    },
    Question {
        after: usize,
    },
    /// Changed hosts are rolled back: those of the present batch of them, and those that come after it.
    Back {
        batch: usize,
        left: VecDeque<usize>,
        size: usize,
    },
    End,
}

impl Rollout {
    /// A rollout over hosts in the order in which they come.
    #[must_use]
    pub fn new(spec: Spec, starts: &[Start], others: Others) -> Self {
        let absent = others.out;
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
        Self {
            max_unavailable: spec.max_unavailable.map(|size| size.of(total)),
            spec,
            hosts,
            absent,
            batches: sizes.len(),
            stage: Stage::Start,
            queue: VecDeque::new(),
            batch_since: Time::ZERO,
            failures: 0,
            failures_before: 0,
            reason: None,
            interrupted: false,
            killed: false,
            broken: false,
            progress: Time::ZERO,
            say: Time::ZERO,
            orders: Vec::new(),
            end: None,
        }
    }

    /// How many hosts each batch has.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let size = |batch| self.hosts.iter().filter(|host| host.batch == batch).count();
        (0..self.batches).map(size).collect()
    }

    /// How many hosts may be out of service at once, where that is limited by more than the batches.
    #[must_use]
    pub const fn max_unavailable(&self) -> Option<usize> {
        self.max_unavailable
    }

    /// Tells what happened, and gives what is to be done.
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

    /// When it wants to be told the time, if nothing happens before.
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

    /// What came of it, once there is nothing more to do.
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

    /// How many hosts are out of service.
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

    /// Whether hosts in flight turn back, and none is begun with.
    pub(super) fn turns_back(&self) -> bool {
        self.interrupted || self.reason.is_some() && self.spec.on_abort == OnAbort::Rollback
    }

    /// The next host of the batch that may be begun with: the one door to being out of service. One that is out already
    /// takes nobody's place.
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

    /// Ends the rollout's way forward, and hosts that wait to become healthy turn back.
    pub(super) fn abort(&mut self, reason: String, now: Time) {
        if self.call_off(reason) && self.turns_back() {
            self.turn_all(&[Step::Healthy], now);
        }
    }

    /// No further host is begun with. False if that is so already.
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

    /// Hosts that go forward turn back: now, or when their step has ended; steps of these kinds are cut short.
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
            Ok(true) => self.begin_batch(after + 1, now),
            Ok(false) => self.abort("the operator said no".to_owned(), now),
            Err(failure) => self.abort(failure.message, now),
        }
    }

    /// Goes as far as it can.
    fn advance(&mut self, now: Time) {
        loop {
            let before = self.stage.clone();
            match before.clone() {
                Stage::Start if self.hosts.is_empty() => self.finish(RolloutEnd::Done),
                Stage::Start if self.interrupted => self.finish(RolloutEnd::Interrupted),
                Stage::Start => self.begin_batch(0, now),
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

    fn begin_batch(&mut self, batch: usize, now: Time) {
        self.stage = Stage::Batch(batch);
        self.queue = (0..self.hosts.len())
            .filter(|host| self.hosts[*host].batch == batch)
            .collect();
        self.batch_since = now;
        self.progress = now;
        self.failures_before = self.failures;
        self.tell(News::BatchStarted {
            batch: batch + 1,
            batches: self.batches,
            hosts: self.queue.iter().copied().collect(),
            course: Course::Forward,
        });
    }

    fn advance_batch(&mut self, batch: usize, now: Time) {
        while self.reason.is_none() && !self.interrupted {
            let Some(host) = self.next_with_room() else {
                break;
            };
            self.begin_forward(host, now);
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
        } else if batch + 1 == self.batches {
            self.finish(if self.failures == 0 {
                RolloutEnd::Done
            } else {
                RolloutEnd::WithFailures
            });
        } else if self.spec.pause.is_zero() {
            self.ask_or_go_on(batch, now);
        } else {
            self.stage = Stage::Pause {
                after: batch,
                until: now + self.spec.pause,
            };
            self.say = now;
        }
    }

    fn ask_or_go_on(&mut self, after: usize, now: Time) {
        if !self.spec.confirm.is_after(after + 1) {
            self.begin_batch(after + 1, now);
            return;
        }
        self.stage = Stage::Question { after };
        self.tell(News::Waiting {
            batch: after + 1,
            on: Waiting::Confirm,
            time: None,
        });
        let next = (0..self.hosts.len()).filter(|host| self.hosts[*host].batch == after + 1);
        self.orders.push(Order::Ask(Question {
            batch: after + 1,
            batches: self.batches,
            next: next.collect(),
            on_abort: self.spec.on_abort,
        }));
    }

    /// Nothing is in flight, and it does not go forward any more.
    fn unwind(&mut self, now: Time) {
        if self.interrupted {
            // Hosts that were done with keep the new version, unless a rollback was to come.
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
        } else if self.spec.on_abort == OnAbort::Rollback {
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
