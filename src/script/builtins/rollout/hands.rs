//! What the rollout can do with hosts: call the closures of the playbook, undo, ask, tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rhai::NativeCallContext;
use tokio_util::sync::CancellationToken;

use super::options::Wanted;
use crate::deploy::rollout::{Course, Hands, News, Outcome, Question, Step};
use crate::model::{Emission, Failure, FailureKind, Kind};
use crate::run::{HostHandle, Looks, command, undo};
use crate::script::builtins::HostValue;
use crate::script::frame::Frame;
use crate::script::on_host::{Stop, call};
use crate::script::question;

/// The closures of a playbook, and the hosts that they are called with.
pub(super) struct Playbook<'a, 'c> {
    context: &'a NativeCallContext<'c>,
    frame: &'a Frame,
    wanted: &'a Wanted,
    hosts: &'a [HostValue],
    /// How many changes this run had made on each host when its update began.
    marks: Vec<AtomicUsize>,
    looks: Vec<Arc<Looks>>,
}

impl<'a, 'c> Playbook<'a, 'c> {
    pub(super) fn new(
        context: &'a NativeCallContext<'c>,
        frame: &'a Frame,
        wanted: &'a Wanted,
        hosts: &'a [HostValue],
    ) -> Self {
        Self {
            context,
            frame,
            wanted,
            hosts,
            marks: hosts.iter().map(|_| AtomicUsize::new(0)).collect(),
            looks: hosts.iter().map(|_| Arc::default()).collect(),
        }
    }

    /// One look at a host's health before anything is done with it.
    pub(super) fn is_well(&self, host: usize) -> bool {
        let cancel = self.frame.cancel();
        matches!(
            self.act(host, Step::RollbackHealthy, false, cancel),
            Outcome::Done
        )
    }

    fn names(&self, hosts: &[usize]) -> Vec<String> {
        let name = |host: &usize| self.hosts[*host].0.name().to_owned();
        hosts.iter().map(name).collect()
    }

    /// Undoes what this run changed on the host since its update began.
    fn put_back(&self, host: usize, cancel: &CancellationToken) -> Outcome {
        let handle = &self.hosts[host].0;
        let mark = self.marks[host].load(Ordering::Relaxed);
        let made = handle.link.history.made_since(mark);
        let undone = if made.is_empty() {
            // Nothing would be sent, and a host that is gone would be put back into service.
            command::answers(handle, cancel)
        } else {
            undo(handle, &made, cancel).map(drop)
        };
        undone.map_or_else(|failure| failed(failure, handle), |()| Outcome::Done)
    }
}

fn failed(mut failure: Failure, host: &HostHandle) -> Outcome {
    if failure.kind == FailureKind::Interrupted {
        return Outcome::Cancelled;
    }
    failure.host.get_or_insert_with(|| host.name().to_owned());
    let lost =
        failure.kind == FailureKind::Unreachable && failure.host.as_deref() == Some(host.name());
    Outcome::Failed {
        failure: Box::new(failure),
        lost,
    }
}

impl Hands for Playbook<'_, '_> {
    fn act(&self, host: usize, step: Step, shielded: bool, cancel: &CancellationToken) -> Outcome {
        let value = &self.hosts[host];
        let world = self.frame.world();
        let _shield = shielded.then(|| world.shield());
        if step == Step::Update {
            self.marks[host].store(value.0.link.history.mark(), Ordering::Relaxed);
        }
        let Some(closure) = self.wanted.closure(step) else {
            return self.put_back(host, cancel);
        };
        let looks = matches!(step, Step::Healthy | Step::RollbackHealthy);
        let looked_at = looks.then(|| HostValue(value.0.looked_at(&self.looks[host])));
        let value = looked_at.as_ref().unwrap_or(value);
        let frame = self
            .frame
            .of_host(value.0.clone())
            .with_cancel(cancel.clone());
        match call(self.context, &frame, value, closure) {
            Ok(given) => {
                if looks && given.as_bool() == Ok(false) {
                    let failure = Failure::new(FailureKind::Failed, "the health check gave false");
                    failed(failure, &value.0)
                } else {
                    Outcome::Done
                }
            }
            Err(Stop::Failed(failure)) => failed(*failure, &value.0),
            Err(Stop::Ended(_)) => Outcome::Cancelled,
        }
    }

    fn ask(&self, asked: &Question, cancel: &CancellationToken) -> Result<bool, Failure> {
        let next = self.names(&asked.next).join(", ");
        let text = format!(
            "batch {} of {} is done; go on with {next}?",
            asked.batch, asked.batches
        );
        question::ask(self.frame.run(), &text, cancel)
    }

    fn tell(&self, news: News) {
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
            } => Emission::new(Kind::HostFinished { failure })
                .host(name(host))
                .duration(took),
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
