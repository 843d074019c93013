//! The world of a real run: each step of a host has its own thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, Scope};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind};
use crate::run::STACK;

use super::drive::{World, drive};
use super::machine::Rollout;
use super::order::{Input, News, Question, Report, Step, StepResult, Time};

/// The operations on hosts. Called from many threads at once, but from only one at a time for each host.
pub trait Actions: Sync {
    /// Runs a step of a host to its end, or until it is cancelled. A shielded step is not affected by an
    /// interrupt of the run.
    fn act(
        &self,
        host: usize,
        step: Step,
        shielded: bool,
        cancel: &CancellationToken,
    ) -> StepResult;

    /// Asks the operator whether to go on.
    ///
    /// # Errors
    /// Why there is no answer.
    fn ask(&self, question: &Question, cancel: &CancellationToken) -> Result<bool, Failure>;

    fn tell(&self, news: News);
}

/// The settings for rollouts. `interrupt` ends one gracefully, `kill` at once.
pub struct Threads<'a> {
    pub runtime: &'a Handle,
    pub interrupt: &'a CancellationToken,
    pub kill: &'a CancellationToken,
}

impl Threads<'_> {
    /// Runs a rollout to its end.
    pub fn run(&self, rollout: Rollout, actions: &impl Actions) -> Report {
        let hosts: usize = rollout.sizes().iter().sum();
        let (sender, receiver) = channel();
        let watches = [
            self.watch(self.interrupt, Input::Interrupted, &sender),
            self.watch(self.kill, Input::Killed, &sender),
        ];
        let report = std::thread::scope(|scope| {
            let mut world = Here {
                scope,
                actions,
                began: Instant::now(),
                kill: self.kill,
                question: self.interrupt.child_token(),
                cancels: vec![CancellationToken::new(); hosts],
                sender,
                receiver,
            };
            drive(rollout, &mut world)
        });
        watches.iter().for_each(tokio::task::JoinHandle::abort);
        report
    }

    fn watch(
        &self,
        token: &CancellationToken,
        input: Input,
        sender: &Sender<Input>,
    ) -> tokio::task::JoinHandle<()> {
        let (token, sender) = (token.clone(), sender.clone());
        self.runtime.spawn(async move {
            token.cancelled().await;
            // The rollout may have ended.
            let _ = sender.send(input);
        })
    }
}

struct Here<'scope, 'env, H> {
    scope: &'scope Scope<'scope, 'env>,
    actions: &'env H,
    began: Instant,
    kill: &'env CancellationToken,
    question: CancellationToken,
    /// Interrupts the current step of each host.
    cancels: Vec<CancellationToken>,
    sender: Sender<Input>,
    receiver: Receiver<Input>,
}

impl<'scope, H: Actions> Here<'scope, '_, H> {
    /// Calls `work` on its own thread, and sends its result.
    fn spawn(
        &self,
        what: &str,
        work: impl FnOnce() -> Input + Send + 'scope,
        failed: impl FnOnce(Failure) -> Input + Send + Copy + 'scope,
    ) {
        let sender = self.sender.clone();
        let spawned = Builder::new()
            .name(what.to_owned())
            .stack_size(STACK)
            .spawn_scoped(self.scope, move || {
                let input = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                    failed(Failure::new(
                        FailureKind::Internal,
                        "the thread of the host panicked",
                    ))
                });
                let _ = sender.send(input);
            });
        if let Err(error) = spawned {
            let failure = Failure::new(
                FailureKind::Failed,
                format!("cannot start a thread: {error}"),
            );
            let _ = self.sender.send(failed(failure));
        }
    }
}

impl<H: Actions> World for Here<'_, '_, H> {
    fn now(&self) -> Time {
        self.began.elapsed()
    }

    fn begin(&mut self, host: usize, step: Step, shielded: bool) {
        let cancel = self.kill.child_token();
        self.cancels[host] = cancel.clone();
        let actions = self.actions;
        let work = move || Input::Ended(host, actions.act(host, step, shielded, &cancel));
        let failed = move |failure: Failure| {
            let (failure, lost) = (Box::new(failure), false);
            Input::Ended(host, StepResult::Failed { failure, lost })
        };
        self.spawn("host", work, failed);
    }

    fn cancel(&mut self, host: usize) {
        self.cancels[host].cancel();
    }

    fn ask(&mut self, question: Question) {
        let actions = self.actions;
        let cancel = self.question.clone();
        let work = move || Input::Answered(actions.ask(&question, &cancel).map_err(Box::new));
        self.spawn("question", work, |failure| {
            Input::Answered(Err(Box::new(failure)))
        });
    }

    fn tell(&mut self, news: News) {
        self.actions.tell(news);
    }

    fn wait(&mut self, until: Option<Time>) -> Input {
        let received = match until {
            None => self
                .receiver
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
            Some(until) => self.receiver.recv_timeout(until.saturating_sub(self.now())),
        };
        // Never disconnected: this holds a sender itself.
        received.unwrap_or(Input::Tick)
    }
}
