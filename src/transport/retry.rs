//! Connecting again, if that can help.

use std::time::Duration;

use tokio::time::Instant;

use super::error::TransportError;
use super::transport::FailedAttempt;
use crate::model::Connection;
use crate::ssh::Queued;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Between half of it and all of it, at random.
fn spread(pause: Duration) -> Duration {
    let mut byte = [0_u8];
    // Without randomness all wait the same.
    let _ = getrandom::fill(&mut byte);
    pause.mul_f64(1.0 - f64::from(byte[0]) / 512.0)
}

/// Connects, again and again if that can help, for as long as the connection's settings say. An attempt is
/// given its time limit.
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
        // The first attempt has its full time, even if that is more than all may take together.
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
        // Connections that were dropped at the same time do not come back at the same time.
        tokio::time::sleep(spread(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
