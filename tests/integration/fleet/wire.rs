//! A long wire before a server of this process, without a thread for it: see [`super::DelayProxy`] for real
//! ones.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

/// The far end of the stream. Every chunk is under way for half of the round trip, and none waits for
/// another. The kernel has accepted the connection at once, so the three packets of its handshake are waited
/// for here.
pub(crate) async fn distant(stream: TcpStream, round_trip: Duration) -> DuplexStream {
    let (accepted, delay) = (Instant::now(), round_trip / 2);
    sleep(delay * 3).await;
    let (near, far) = tokio::io::duplex(256 << 10);
    let (from, to) = stream.into_split();
    let (back, forth) = tokio::io::split(near);
    // A client may speak when the handshake has come back to it; this one spoke at once.
    pump(from, forth, delay, accepted + round_trip);
    pump(back, to, delay, accepted);
    far
}

/// Moves what comes from `from` to `to`, each chunk `delay` after it came (or after `earliest`).
fn pump(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin + Send + 'static,
    delay: Duration,
    earliest: Instant,
) {
    let (queue, mut waiting) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let read = from.read(&mut buffer).await.unwrap_or(0);
            let due = earliest.max(Instant::now()) + delay;
            if queue.send((due, buffer[..read].to_vec())).is_err() || read == 0 {
                break;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((due, chunk)) = waiting.recv().await {
            sleep_until(due).await;
            // An empty chunk is the end of the stream: it travels as long as the rest.
            if chunk.is_empty() || to.write_all(&chunk).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    });
}
