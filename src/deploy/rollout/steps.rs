//! The steps of one host, forward and back.

use crate::model::{Failure, FailureKind, Fate, OnAbort, Phase, Version};

use super::gate::Gate;
use super::host::{At, Cut};
use super::machine::Rollout;
use super::order::{Course, News, Order, Step, StepResult, Time};
use super::waits::FIRST_SAID;

impl Rollout {
    pub(super) fn begin_forward(&mut self, host: usize, now: Time) {
        self.start(host, now);
        self.hosts[host].out = true;
        if self.spec.present.drain {
            self.do_step(host, Step::Drain, now);
        } else {
            self.do_step(host, Step::Update, now);
        }
    }

    fn start(&mut self, host: usize, now: Time) {
        let state = &mut self.hosts[host];
        (state.begun, state.since, state.phase_since) = (true, now, now);
        state.say = now + FIRST_SAID;
        state.fate = None;
        self.tell(News::HostStarted(host));
    }

    fn do_step(&mut self, host: usize, step: Step, now: Time) {
        let state = &mut self.hosts[host];
        state.at = At::Doing { step, cut: None };
        let shielded = state.course == Course::Back || step == Step::Readmit;
        if matches!(step, Step::Update | Step::Rollback) {
            state.touched = true;
            state.version = Version::Unknown;
        }
        let phase = match step {
            Step::Drain => Some(Phase::Draining),
            Step::Update => Some(Phase::Updating),
            Step::Readmit => Some(Phase::Readmitting),
            Step::Rollback => Some(Phase::RollingBack),
            // Reported once for all checks.
            Step::Healthy | Step::RollbackHealthy | Step::InService | Step::Reach => None,
        };
        if let Some(phase) = phase {
            self.begins(host, phase, now);
        }
        self.order(Order::Do {
            host,
            step,
            shielded,
        });
    }

    fn begins(&mut self, host: usize, phase: Phase, now: Time) {
        let state = &mut self.hosts[host];
        state.phase_since = now;
        state.say = now + FIRST_SAID;
        let batch = state.batch + 1;
        self.tell(News::Host {
            host,
            phase,
            batch,
            took: None,
            failure: None,
        });
    }

    fn ends(&mut self, host: usize, phase: Phase, failure: Option<Box<Failure>>, now: Time) {
        let state = &self.hosts[host];
        let batch = state.batch + 1;
        let took = now.saturating_sub(state.phase_since);
        self.tell(News::Host {
            host,
            phase,
            batch,
            took: Some(took),
            failure,
        });
    }

    /// A step has ended.
    pub(super) fn ended(&mut self, host: usize, outcome: StepResult, now: Time) {
        let Some(state) = self.hosts.get_mut(host) else {
            return;
        };
        let At::Doing { step, cut } = std::mem::replace(&mut state.at, At::Rest) else {
            return;
        };
        let outcome = match (outcome, cut) {
            (StepResult::Done, _) => Ok(()),
            (StepResult::Failed { failure, lost }, _) => Err((failure, lost)),
            (StepResult::Cancelled, Some(Cut::Progress)) => Err((self.no_progress(), false)),
            (StepResult::Cancelled, Some(Cut::Deadline)) => Err((self.too_long(step), false)),
            (StepResult::Cancelled, _) => Err((Failure::interrupted().into(), false)),
        };
        match (step, outcome) {
            (_, Err((failure, _))) if failure.kind == FailureKind::InDoubt => {
                self.stop_in_doubt(host, failure, now);
            }
            // It was told to turn back, so its early end is not a failure.
            (Step::Drain | Step::Update | Step::Healthy, Err(_)) if cut == Some(Cut::Turn) => {
                self.turn_back(host, now);
            }
            (Step::Healthy | Step::RollbackHealthy, outcome) => {
                self.looked(host, outcome, cut, now);
            }
            (step, Ok(())) => self.did(host, step, now),
            (step, Err((failure, lost))) => self.could_not(host, step, failure, lost, now),
        }
    }

    /// A step succeeded.
    fn did(&mut self, host: usize, step: Step, now: Time) {
        let present = self.spec.present;
        match (step, self.hosts[host].course) {
            (Step::Drain, course) => {
                self.ends(host, Phase::Drained, None, now);
                match course {
                    // Whatever `on_abort` says, no update starts after an abort, except one that had begun
                    // before the run was resumed.
                    Course::Forward
                        if self.turns_back()
                            || self.reason.is_some() && !self.hosts[host].touched =>
                    {
                        self.turn_back(host, now);
                    }
                    Course::Forward => self.go_on(host, Step::Update, now),
                    Course::Back => self.go_on(host, Step::Rollback, now),
                }
            }
            (Step::Update, _) => {
                self.hosts[host].version = Version::New;
                self.ends(host, Phase::Updated, None, now);
                if self.turns_back() {
                    self.turn_back(host, now);
                } else if present.healthy && !self.killed {
                    self.open_gate(host, now);
                } else {
                    self.progress = now;
                    self.readmit(host, now);
                }
            }
            (Step::Rollback, _) => {
                self.hosts[host].version = Version::Old;
                self.ends(host, Phase::RolledBack, None, now);
                if self.hosts[host].found_out {
                    self.leave_as_found(host, now);
                } else if present.rollback_healthy && !self.killed {
                    self.open_gate(host, now);
                } else {
                    self.readmit(host, now);
                }
            }
            (Step::Readmit, _) => {
                self.ends(host, Phase::Readmitted, None, now);
                self.done(host, now);
            }
            // Its drain failed, and put it back into service itself.
            (Step::InService, _) => self.done(host, now),
            (Step::Reach, _) => self.go_on(host, Step::Drain, now),
            (Step::Healthy | Step::RollbackHealthy, _) => {}
        }
    }

    /// A step failed.
    fn could_not(&mut self, host: usize, step: Step, failure: Box<Failure>, lost: bool, now: Time) {
        match (step, self.hosts[host].course) {
            (Step::Drain, Course::Forward) => {
                self.fail(host, failure, now);
                // It may be partly drained.
                self.turn_back(host, now);
            }
            // It is out of service, or its state is unknown.
            (Step::InService, _) => self.readmit(host, now),
            (Step::Reach, _) => {
                self.could_not_put_back(host, failure, lost, now);
                if lost || self.hosts[host].was_in_flight {
                    self.leave_out(host, now);
                } else {
                    self.done(host, now);
                }
            }
            (Step::Readmit, Course::Forward) => {
                self.hosts[host].unrestored = Some(failure.clone());
                self.fail(host, failure, now);
                self.leave_out(host, now);
            }
            (_, Course::Forward) => self.fail_and_put_back(host, failure, now),
            // It still has the new version: it should be in service then.
            (Step::Drain, Course::Back) => {
                self.could_not_put_back(host, failure, lost, now);
                if self.hosts[host].was_in_flight {
                    self.leave_out(host, now);
                } else {
                    self.readmit(host, now);
                }
            }
            (_, Course::Back) => {
                self.could_not_put_back(host, failure, lost, now);
                self.leave_out(host, now);
            }
        }
    }

    pub(super) fn fail_and_put_back(&mut self, host: usize, failure: Box<Failure>, now: Time) {
        self.fail(host, failure.clone(), now);
        if self.spec.on_abort == OnAbort::Stop && !self.interrupted {
            // The operator wants to inspect it in its current state.
            self.hosts[host].unrestored = Some(failure);
            self.leave_out(host, now);
        } else {
            self.turn_back(host, now);
        }
    }

    /// Whether a command of the host ran is for the operator to say: nothing further is started, and every
    /// host stays in its current state until the run is resumed.
    fn stop_in_doubt(&mut self, host: usize, mut failure: Box<Failure>, now: Time) {
        self.name_host(host, &mut failure);
        self.in_doubt = true;
        // A rollback that stops is still to be completed.
        self.broken |= self.turns_back();
        self.reason.get_or_insert_with(|| failure.to_string());
        self.hosts[host].unrestored = Some(failure);
        self.leave_out(host, now);
        self.kill(now);
    }

    /// Counts the host as failed, once.
    pub(super) fn fail(&mut self, host: usize, mut failure: Box<Failure>, now: Time) {
        self.name_host(host, &mut failure);
        self.ends(host, Phase::Failed, Some(failure.clone()), now);
        // Not one of those that an abort turns back: its next step is decided here.
        self.hosts[host].at = At::Rest;
        self.hosts[host].failure = Some(failure.clone());
        self.failures += 1;
        self.check_limit(&failure, now);
    }

    /// Aborts the rollout if too many hosts failed.
    pub(super) fn check_limit(&mut self, failure: &Failure, now: Time) {
        if self.failures > self.spec.max_failures && self.spec.on_abort != OnAbort::Continue {
            let reason = match self.spec.max_failures {
                0 => failure.to_string(),
                most => format!(
                    "{} hosts failed, but only {most} may; the last one: {failure}",
                    self.failures
                ),
            };
            self.abort(reason, now);
        }
    }

    /// A failure that was detected here, and not on the host.
    fn name_host(&self, host: usize, failure: &mut Failure) {
        failure
            .host
            .get_or_insert_with(|| self.hosts[host].name.clone());
    }

    fn could_not_put_back(
        &mut self,
        host: usize,
        mut failure: Box<Failure>,
        lost: bool,
        now: Time,
    ) {
        self.name_host(host, &mut failure);
        self.ends(host, Phase::RollbackFailed, Some(failure.clone()), now);
        self.hosts[host].unrestored.get_or_insert(failure);
        self.broken |= !lost;
    }

    /// Starts the way back of a host that is out of service.
    pub(super) fn turn_back(&mut self, host: usize, now: Time) {
        let deadline = now + self.spec.rollback_deadline;
        let state = &mut self.hosts[host];
        state.course = Course::Back;
        state.back_deadline = deadline;
        state.gate = None;
        state.at = At::Rest;
        if state.touched {
            self.go_on(host, Step::Rollback, now);
        } else if state.found_out {
            self.leave_as_found(host, now);
        } else if self.spec.present.in_service && state.failure.is_some() {
            self.go_on(host, Step::InService, now);
        } else {
            self.readmit(host, now);
        }
    }

    /// It was out of service before the rollout, and does not get the new version: whether its current
    /// version is good is unknown.
    fn leave_as_found(&mut self, host: usize, now: Time) {
        let what = if self.hosts[host].touched {
            "it was out of service before the rollout, and was restored to its former state"
        } else {
            "it was out of service before the rollout, and was not updated"
        };
        let mut failure = Box::new(Failure::new(FailureKind::Failed, what));
        self.name_host(host, &mut failure);
        self.hosts[host].unrestored = Some(failure);
        self.leave_out(host, now);
    }

    /// Rolls back a host that has the new version, in service or left out.
    pub(super) fn begin_back(&mut self, host: usize, now: Time) {
        let state = &self.hosts[host];
        // The balancer may have put a host in again that was drained by an earlier attempt of the run.
        let was_in_service =
            !state.out || state.fate == Some(Fate::Updated) || state.was_in_flight && state.touched;
        let drains = was_in_service && self.spec.present.drain;
        self.start(host, now);
        self.hosts[host].out = true;
        self.hosts[host].unrestored = None;
        if drains {
            self.hosts[host].course = Course::Back;
            self.hosts[host].back_deadline = now + self.spec.rollback_deadline;
            // A host that is gone may have requests that are never answered: its drain would take its whole
            // time limit.
            self.do_step(host, Step::Reach, now);
        } else {
            self.turn_back(host, now);
        }
    }

    fn readmit(&mut self, host: usize, now: Time) {
        if self.spec.present.readmit {
            self.go_on(host, Step::Readmit, now);
        } else {
            self.done(host, now);
        }
    }

    /// The next step, unless nothing further is to be started at all.
    fn go_on(&mut self, host: usize, step: Step, now: Time) {
        if self.killed {
            self.give_up(host, now);
        } else {
            self.do_step(host, step, now);
        }
    }

    /// The run must end at once: the host stays in its current state.
    pub(super) fn give_up(&mut self, host: usize, now: Time) {
        self.hosts[host]
            .unrestored
            .get_or_insert_with(|| Failure::interrupted().into());
        self.leave_out(host, now);
    }

    pub(super) fn leave_out(&mut self, host: usize, now: Time) {
        let failure = self.hosts[host].unrestored.clone();
        self.ends(host, Phase::LeftOut, failure, now);
        self.settle(host, Fate::LeftOut, now);
    }

    /// The host is in service.
    fn done(&mut self, host: usize, now: Time) {
        let state = &mut self.hosts[host];
        state.out = false;
        let fate = match state.version {
            Version::New => Fate::Updated,
            _ if state.touched => Fate::RolledBack,
            _ => Fate::Untouched,
        };
        self.settle(host, fate, now);
    }

    fn settle(&mut self, host: usize, fate: Fate, now: Time) {
        let state = &mut self.hosts[host];
        state.at = At::Rest;
        state.gate = None;
        state.fate = Some(fate);
        state.was_in_flight = false;
        let failure = state.failure.clone().or_else(|| state.unrestored.clone());
        let (took, version) = (now.saturating_sub(state.since), state.version);
        self.tell(News::HostFinished {
            host,
            fate,
            version,
            failure,
            took,
        });
    }

    fn open_gate(&mut self, host: usize, now: Time) {
        self.begins(host, Phase::WaitingHealthy, now);
        let state = &mut self.hosts[host];
        let deadline = match state.course {
            Course::Forward => now + self.spec.healthy_deadline,
            Course::Back => state.back_deadline,
        };
        let (needed, interval) = (self.spec.min_healthy, self.spec.interval);
        state.gate = Some(Gate::new(needed, interval, now, deadline));
        self.look(host, now);
    }

    pub(super) fn look(&mut self, host: usize, now: Time) {
        let step = match self.hosts[host].course {
            Course::Forward => Step::Healthy,
            Course::Back => Step::RollbackHealthy,
        };
        self.go_on(host, step, now);
    }

    /// A health check of a host has ended.
    fn looked(
        &mut self,
        host: usize,
        outcome: Result<(), (Box<Failure>, bool)>,
        cut: Option<Cut>,
        now: Time,
    ) {
        if cut == Some(Cut::Progress) {
            let failure = self.no_progress();
            self.fail_and_put_back(host, failure, now);
            return;
        }
        if self.hosts[host].course == Course::Forward && self.turns_back() {
            self.turn_back(host, now);
            return;
        }
        let Some(mut gate) = self.hosts[host].gate.take() else {
            return;
        };
        let was_healthy = gate.passes_at().is_some();
        let next = match outcome {
            Ok(()) => gate.healthy(now),
            // A check that was interrupted at the deadline adds nothing to the one before it, unless the
            // host is gone.
            Err((failure, _))
                if cut == Some(Cut::Deadline) && failure.kind != FailureKind::Unreachable =>
            {
                Some(gate.hangs())
            }
            Err((failure, _)) => Some(gate.unhealthy(now, failure)),
        };
        let over = now >= gate.deadline;
        match next {
            None => {
                self.ends(host, Phase::Healthy, None, now);
                if self.hosts[host].course == Course::Forward {
                    self.progress = now;
                }
                self.readmit(host, now);
            }
            Some(_) if over => self.gate_failed(host, gate, now),
            Some(next) => {
                self.hosts[host].at = At::Polling { next };
                let relapsed = was_healthy && gate.passes_at().is_none();
                self.hosts[host].gate = Some(gate);
                if relapsed {
                    self.say(host, now);
                }
            }
        }
    }

    pub(super) fn gate_failed(&mut self, host: usize, gate: Gate, now: Time) {
        let failure = gate.failure();
        match self.hosts[host].course {
            Course::Forward => self.fail_and_put_back(host, failure, now),
            Course::Back => {
                let lost = failure.kind == FailureKind::Unreachable;
                self.could_not_put_back(host, failure, lost, now);
                self.leave_out(host, now);
            }
        }
    }

    fn too_long(&self, step: Step) -> Box<Failure> {
        let limit = humantime::format_duration(self.spec.rollback_deadline);
        let what = match step {
            Step::Drain => "draining it before its rollback",
            Step::Reach => "connecting to it before its rollback",
            Step::Readmit => "putting it back into service",
            _ => "putting it back",
        };
        Failure::new(
            FailureKind::Failed,
            format!("{what} did not finish within {limit}"),
        )
        .into()
    }

    pub(super) fn no_progress(&self) -> Box<Failure> {
        let limit = humantime::format_duration(self.spec.progress_deadline);
        Failure::new(
            FailureKind::Failed,
            format!("no host became healthy within {limit}"),
        )
        .into()
    }
}
