//! The actions of a rollout: calls the closures of the playbook, undoes changes, asks and reports.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rhai::NativeCallContext;
use tokio_util::sync::CancellationToken;

use super::options::Wanted;
use super::progress::Progress;
use crate::deploy::rollout::{Actions, Course, Earlier, News, Question, Step, StepResult};
use crate::model::{Emission, Failure, FailureKind, Kind};
use crate::run::{HostHandle, Mark, Polled, Run, StepIds, command, question, undo_since};
use crate::script::builtins::HostValue;
use crate::script::convert::described;
use crate::script::frame::Frame;
use crate::script::on_host::{Stop, call};

const OUT_OF_SERVICE: &str = "the balancer reports it out of service";

/// The closures of a playbook, and the hosts that they are called with.
pub(super) struct Closures<'a, 'c> {
    pub(super) context: &'a NativeCallContext<'c>,
    pub(super) frame: &'a Frame,
    pub(super) wanted: &'a Wanted,
    pub(super) hosts: &'a [HostValue],
    /// `None` while the hosts are only looked at.
    progress: Option<&'a Progress<'a>>,
    /// What this run had changed on each host when its update began, in this attempt or in an earlier one.
    marks: Vec<Mutex<Option<Mark>>>,
    /// Numbers the steps on each host.
    steps: Vec<StepIds>,
    polled: Vec<Arc<Polled>>,
    /// When the balancer was last asked about each host that is drained.
    pub(super) asked: Vec<Mutex<Option<Instant>>>,
}

impl<'a, 'c> Closures<'a, 'c> {
    pub(super) fn new(
        context: &'a NativeCallContext<'c>,
        frame: &'a Frame,
        wanted: &'a Wanted,
        hosts: &'a [HostValue],
        steps: &StepIds,
    ) -> Self {
        Self {
            context,
            frame,
            wanted,
            hosts,
            progress: None,
            marks: hosts.iter().map(|_| Mutex::default()).collect(),
            steps: hosts
                .iter()
                .map(|host| steps.of_host(host.0.name()))
                .collect(),
            polled: hosts.iter().map(|_| Arc::default()).collect(),
            asked: hosts.iter().map(|_| Mutex::default()).collect(),
        }
    }

    /// The same, which records what happens to the hosts. Where the rollout goes on, what earlier attempts of
    /// the run did with a host counts as its update.
    pub(super) fn recorded(
        mut self,
        progress: &'a Progress<'a>,
        earlier: Option<&Earlier>,
    ) -> Self {
        self.progress = Some(progress);
        for (at, host) in self.hosts.iter().enumerate() {
            // What was put back is not what is done now.
            for _ in 0..progress.tries(host.0.name()) {
                let _ = self.steps[at].call("update", None);
                let _ = self.steps[at].call("rollback", None);
            }
            let Some(known) = earlier.and_then(|earlier| earlier.host(host.0.name())) else {
                continue;
            };
            *self.mark(at) = known.mark.map(|earlier| Mark {
                earlier,
                ..host.0.mark()
            });
        }
        self
    }

    pub(super) fn cancel(&self) -> &CancellationToken {
        self.frame.cancel()
    }

    /// Checks a host's health once, before anything is done with it.
    pub(super) fn is_well(&self, host: usize) -> bool {
        let cancel = self.frame.cancel();
        matches!(
            self.act(host, Step::RollbackHealthy, false, cancel),
            StepResult::Done
        )
    }

    /// Asks the balancer whether a host is in service.
    ///
    /// # Errors
    /// The balancer cannot be asked. `None`: the run was interrupted.
    pub(super) fn is_in_service(&self, host: usize) -> Result<bool, Option<Box<Failure>>> {
        match self.act(host, Step::InService, false, self.frame.cancel()) {
            StepResult::Done => Ok(true),
            StepResult::Failed { failure, .. } if failure.message == OUT_OF_SERVICE => Ok(false),
            StepResult::Failed { failure, .. } => Err(Some(failure)),
            StepResult::Cancelled => Err(None),
        }
    }

    /// Whether a host that is back in service can be detected and drained again.
    pub(super) const fn watches(&self) -> bool {
        self.wanted.spec.present.in_service && self.wanted.spec.present.drain
    }

    pub(super) fn run(&self) -> &Run {
        self.frame.run()
    }

    pub(super) fn name(&self, host: usize) -> String {
        self.hosts[host].0.name().to_owned()
    }

    fn names(&self, hosts: &[usize]) -> Vec<String> {
        let name = |host: &usize| self.hosts[*host].0.name().to_owned();
        hosts.iter().map(name).collect()
    }

    /// Numbers the steps of a closure that is called now. How often a rollout drains, readmits and checks
    /// differs from one execution to the next.
    fn steps_of(&self, host: usize, step: Step) -> StepIds {
        let steps = &self.steps[host];
        match step {
            Step::Update => steps.call("update", None),
            Step::Rollback => steps.call("rollback", None),
            _ => steps.polling(),
        }
    }

    fn mark(&self, host: usize) -> MutexGuard<'_, Option<Mark>> {
        let mark = self.marks[host].lock();
        mark.unwrap_or_else(PoisonError::into_inner)
    }

    /// Undoes what this run changed on the host since its update began.
    fn put_back(&self, host: usize, cancel: &CancellationToken) -> StepResult {
        let handle = &self.hosts[host].0;
        let mark = self.mark(host).unwrap_or_else(|| handle.mark());
        let undone = match undo_since(handle, mark, cancel) {
            // Perhaps no command was sent, so a dead host would be put back into service.
            Ok(0) => command::answers(handle, cancel),
            undone => undone.map(drop),
        };
        undone.map_or_else(|failure| failed(failure, handle), |()| StepResult::Done)
    }
}

/// The failure for a host that gets no requests from the balancer.
fn out_of_service() -> Failure {
    Failure::new(FailureKind::Failed, OUT_OF_SERVICE)
}

fn failed(mut failure: Failure, host: &HostHandle) -> StepResult {
    if failure.kind == FailureKind::Interrupted {
        return StepResult::Cancelled;
    }
    failure.host.get_or_insert_with(|| host.name().to_owned());
    let lost =
        failure.kind == FailureKind::Unreachable && failure.host.as_deref() == Some(host.name());
    StepResult::Failed {
        failure: Box::new(failure),
        lost,
    }
}

impl Actions for Closures<'_, '_> {
    fn act(
        &self,
        host: usize,
        step: Step,
        shielded: bool,
        cancel: &CancellationToken,
    ) -> StepResult {
        let value = &self.hosts[host];
        let world = self.frame.world();
        let _shield = shielded.then(|| world.shield());
        if step == Step::Readmit {
            *self.asked(host) = None;
        }
        if let Some(progress) = self.progress
            && let Err(failure) = progress.begins(value, step, shielded)
        {
            return failed(failure, &value.0);
        }
        if step == Step::Update {
            self.mark(host).get_or_insert_with(|| value.0.mark());
        }
        if step == Step::Reach {
            let answered = command::answers(&value.0, cancel);
            return answered
                .map_or_else(|failure| failed(failure, &value.0), |()| StepResult::Done);
        }
        let Some(closure) = self.wanted.closure(step) else {
            return self.put_back(host, cancel);
        };
        let polls = matches!(step, Step::Healthy | Step::RollbackHealthy);
        let polled = polls.then(|| HostValue(value.0.polled(&self.polled[host])));
        let value = polled.as_ref().unwrap_or(value);
        let frame = self
            .frame
            .of_host(value.0.clone())
            .with_cancel(cancel.clone())
            .with_steps(self.steps_of(host, step));
        let result = if polls {
            // Nothing watches the balancer between two polls.
            self.take_out_again(host, cancel, cancel);
            call(self.context, &frame, value, closure)
        } else if matches!(step, Step::Update | Step::Rollback) {
            self.while_watched(host, cancel, || call(self.context, &frame, value, closure))
        } else {
            call(self.context, &frame, value, closure)
        };
        match result {
            Ok(given) => match (step, given.as_bool().map_err(|_| described(&given))) {
                (Step::Healthy | Step::RollbackHealthy, Ok(false)) => {
                    let failure =
                        Failure::new(FailureKind::Failed, "the health check returned false");
                    failed(failure, &value.0)
                }
                (Step::InService, Ok(false)) => failed(out_of_service(), &value.0),
                (Step::InService, Err(kind)) => {
                    let message = format!("`in_service` must return true or false, not {kind}");
                    failed(Failure::new(FailureKind::Failed, message), &value.0)
                }
                (Step::Drain, _) => {
                    *self.asked(host) = Some(Instant::now());
                    StepResult::Done
                }
                _ => StepResult::Done,
            },
            Err(Stop::Failed(failure)) => failed(*failure, &value.0),
            Err(Stop::Halted(_)) => StepResult::Cancelled,
        }
    }

    fn ask(&self, asked: &Question, cancel: &CancellationToken) -> Result<bool, Failure> {
        let next = self.names(&asked.next).join(", ");
        let text = format!(
            "batch {} of {} is done; continue with {next}?",
            asked.batch, asked.batches
        );
        question::ask(self.frame.run(), &text, cancel)
    }

    fn tell(&self, news: News) {
        if let Some(progress) = self.progress {
            progress.tell(&news, self.hosts);
        }
        let name = |host: usize| self.hosts[host].0.name().to_owned();
        let emission = match news {
            News::BatchStarted {
                batch,
                batches,
                hosts,
                course,
            } => Emission::new(Kind::RolloutBatchStarted {
                batch,
                batches,
                hosts: self.names(&hosts),
                rollback: course == Course::Back,
            }),
            News::BatchFinished {
                batch,
                batches,
                failed,
                course,
                took,
            } => Emission::new(Kind::RolloutBatchFinished {
                batch,
                batches,
                failed,
                rollback: course == Course::Back,
            })
            .duration(took),
            News::HostStarted(host) => Emission::new(Kind::HostStarted).host(name(host)),
            News::Host {
                host,
                phase,
                batch,
                took,
                failure,
            } => {
                let kind = Kind::RolloutHost {
                    phase,
                    batch,
                    failure,
                };
                let emission = Emission::new(kind).host(name(host));
                match took {
                    Some(took) => emission.duration(took),
                    None => emission,
                }
            }
            News::HostFinished {
                host,
                failure,
                took,
                ..
            } => Emission::new(Kind::HostFinished { failure })
                .host(name(host))
                .duration(took),
            // The reason that the host waits has already been reported.
            News::Still {
                host, reason: None, ..
            } if self.run().waits.is_told_of(self.hosts[host].0.name()) => return,
            News::Still {
                host,
                phase,
                batch,
                so_far,
                reason,
            } => Emission::new(Kind::RolloutWaiting {
                phase,
                batch,
                reason,
            })
            .host(name(host))
            .duration(so_far),
            News::Waiting { batch, on, time } => {
                let emission = Emission::new(Kind::RolloutPaused { batch, on });
                match time {
                    Some(time) => emission.duration(time),
                    None => emission,
                }
            }
            News::Aborted { reason } => Emission::new(Kind::RolloutAborted {
                reason,
                on_abort: self.wanted.spec.on_abort,
            }),
        };
        self.frame.run().bus.emit(emission);
    }
}
