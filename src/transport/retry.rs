//! Connecting again, where that can help.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::Connection;

use super::{FailedAttempt, TransportError};

/// How long an attempt stood in a queue of this side. That is no fault of the host, and not taken from its time.
#[derive(Debug, Default)]
pub(super) struct Queued(AtomicU64);

impl Queued {
    /// Waits for a turn.
    pub async fn wait<T>(&self, turn: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let turn = turn.await;
        let waited = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.fetch_add(waited, Ordering::Relaxed);
        turn
    }

    fn take(&self) -> Duration {
        Duration::from_micros(self.0.swap(0, Ordering::Relaxed))
    }
}

/// The most between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Between half of it and all of it, at random.
fn spread(pause: Duration) -> Duration {
    let mut byte = [0_u8];
    // Without randomness all wait the same.
    let _ = getrandom::fill(&mut byte);
    pause.mul_f64(1.0 - f64::from(byte[0]) / 512.0)
}

/// Connects, again and again where that can help, for as long as the connection's settings say. An attempt is given the
/// time that it has.
pub(super) async fn connect<T, A>(
    connection: &Connection,
    failed: &FailedAttempt<'_>,
    queued: &Queued,
    attempt: impl Fn(Duration) -> A,
) -> Result<T, TransportError>
where
    A: Future<Output = Result<T, TransportError>>,
{
    let mut until = Instant::now() + connection.retry_for;
    let mut pause = Duration::from_millis(250);
    let mut number = 0;
    loop {
        number += 1;
        // The first attempt has its whole time, whatever there is for all.
        let left = until
            .saturating_duration_since(Instant::now())
            .max(Duration::from_secs(1));
        let error = match attempt(connection.connect_timeout.min(left)).await {
            Ok(connected) => return Ok(connected),
            Err(error) => error,
        };
        until += queued.take();
        if !error.is_retryable() || Instant::now() + pause >= until {
            return Err(error);
        }
        tracing::debug!(host = connection.address, %error, "connecting again");
        failed(number, &error);
        // Those who were turned away together do not come back together.
        tokio::time::sleep(spread(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
