//! Keeps hosts out of service while they are updated: a balancer that is restarted meanwhile may forget that
//! they were drained.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::closures::Closures;
use crate::deploy::rollout::{Actions as _, Step, StepResult};
use crate::model::LogLevel;
use crate::run::STACK;

/// The time between two queries to the balancer about one host.
const EVERY: Duration = Duration::from_secs(2);

impl Closures<'_, '_> {
    /// Does something with a host that is out of service, and meanwhile checks that it stays out of service.
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
                while !self.is_over(&over, EVERY) {
                    self.take_out_again(host, &over, cancel);
                }
            };
            let watcher = std::thread::Builder::new()
                .name("watch".to_owned())
                .stack_size(STACK)
                .spawn_scoped(scope, watch);
            if let Err(error) = watcher {
                tracing::warn!("cannot watch the balancer: {error}");
            }
            let result = work();
            over.cancel();
            result
        })
    }

    /// Drains a host again if it was drained and is back in service although the rollout did not readmit it.
    /// Queries the balancer at most every two seconds. `asks` cancels the query. A drain that was started is
    /// completed, because a drain that is interrupted puts the host back into service.
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
        // If the balancer does not answer now, it is restarting, or its drain and readmission will report it.
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
        let message = "it is back in service although the rollout took it out: the balancer was restarted, \
                       or someone put it back; draining it again";
        run.log(LogLevel::Warn, Some(&name), message);
        if let StepResult::Failed { failure, .. } = self.act(host, Step::Drain, false, cancel) {
            let message = format!("failed to drain it again: {}", failure.message);
            run.log(LogLevel::Warn, Some(&name), message);
        }
    }

    /// Waits until the work is over, at most for this time. Whether it is over.
    pub(super) fn is_over(&self, over: &CancellationToken, time: Duration) -> bool {
        let wait = async {
            tokio::select! {
                () = over.cancelled() => true,
                () = tokio::time::sleep(time) => false,
            }
        };
        self.run().runtime.block_on(wait)
    }

    /// When the balancer was last queried about a drained host; `None` for a host that is not drained.
    pub(super) fn asked(&self, host: usize) -> MutexGuard<'_, Option<Instant>> {
        self.asked[host]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
