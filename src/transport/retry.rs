//! Retries connecting, if that can help.

use std::time::Duration;

use tokio::time::Instant;

use super::error::TransportError;
use super::transport::FailedAttempt;
use crate::model::Connection;
use crate::ssh::Queued;

/// The maximum pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// A random time between half the pause and all of it.
fn spread(pause: Duration) -> Duration {
    let mut byte = [0_u8];
    // Without randomness, all wait equally long.
    let _ = getrandom::fill(&mut byte);
    pause.mul_f64(1.0 - f64::from(byte[0]) / 512.0)
}

/// Connects, repeatedly if that can help, for as long as the connection's settings allow. An attempt is
/// passed its time limit.
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
        // The first attempt has its full time, even if that exceeds the limit for all.
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
        // Connections that were dropped at the same time do not all return at the same time.
        tokio::time::sleep(spread(pause)).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}
