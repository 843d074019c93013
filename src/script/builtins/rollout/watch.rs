//! Hosts that are out of service stay out while they are worked on: a balancer that is restarted meanwhile
//! may forget that they were drained.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::closures::Closures;
use crate::deploy::rollout::{Actions as _, Step, StepResult};
use crate::model::LogLevel;
use crate::run::STACK;

/// Between two questions to the balancer about one host.
const EVERY: Duration = Duration::from_secs(2);

impl Closures<'_, '_> {
    /// Does something with a host that is out of service, and watches meanwhile that it stays so.
    pub(super) fn while_watched<T>(
        &self,
        host: usize,
        cancel: &CancellationToken,
        work: impl FnOnce() -> T,
    ) -> T {
        if !self.watches() {
            return work();
        }
        let over = cancel.child_token();
        std::thread::scope(|scope| {
            let watch = || {
                while !self.is_over(&over) {
                    self.take_out_again(host, &over, cancel);
                }
            };
            let watcher = std::thread::Builder::new()
                .name("watch".to_owned())
                .stack_size(STACK)
                .spawn_scoped(scope, watch);
            if let Err(error) = watcher {
                tracing::warn!("the balancer is not watched: {error}");
            }
            let result = work();
            over.cancel();
            result
        })
    }

    /// Drains a host again that was drained and is back in service, though nothing here put it there. Asks at
    /// most every two seconds. `asks` cancels the question; a drain that was begun goes on, for one that is
    /// cut short puts the host in.
    pub(super) fn take_out_again(
        &self,
        host: usize,
        asks: &CancellationToken,
        cancel: &CancellationToken,
    ) {
        let due = self
            .asked(host)
            .is_some_and(|asked| asked.elapsed() >= EVERY);
        if !self.watches() || !due {
            return;
        }
        // A balancer that does not answer now is restarting, or its drain and readmission say so.
        let is_back = matches!(
            self.act(host, Step::InService, false, asks),
            StepResult::Done
        );
        *self.asked(host) = Some(Instant::now());
        if !is_back || asks.is_cancelled() {
            return;
        }
        let run = self.run();
        let name = self.name(host);
        let message = "it is back in service though the rollout took it out: the balancer was restarted, or somebody put it in; it is drained again";
        run.log(LogLevel::Warn, Some(&name), message);
        if let StepResult::Failed { failure, .. } = self.act(host, Step::Drain, false, cancel) {
            let message = format!("it could not be drained again: {}", failure.message);
            run.log(LogLevel::Warn, Some(&name), message);
        }
    }

    /// Waits for the end of what is watched, or until the balancer is to be asked again.
    fn is_over(&self, over: &CancellationToken) -> bool {
        let wait = async {
            tokio::select! {
                () = over.cancelled() => true,
                () = tokio::time::sleep(EVERY) => false,
            }
        };
        self.run().runtime.block_on(wait)
    }

    /// When the balancer was last asked about a host that is drained; none for one that is not.
    pub(super) fn asked(&self, host: usize) -> MutexGuard<'_, Option<Instant>> {
        self.asked[host]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
