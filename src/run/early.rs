//! A connection that is made before anyone asks for it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::shell::Stream;
use crate::transport::{Transport, TransportError};

/// An attempt that failed and is followed by another: its number, and why.
type Failed = (u32, String);

/// A stream to a host that is on its way, is there, or could not be had. Dropping it lets go of all that.
pub(super) struct Early {
    connecting: JoinHandle<Result<Stream, TransportError>>,
    /// For whoever asks in the end: it tells of them as if it had connected itself.
    failed: mpsc::UnboundedReceiver<Failed>,
}

impl Early {
    /// Begins to connect, in the background. `settled` is called when it is known what comes of it.
    pub fn start(
        runtime: &tokio::runtime::Handle,
        transport: Arc<dyn Transport>,
        settled: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (tell, failed) = mpsc::unbounded_channel();
        let connecting = runtime.spawn(async move {
            let tell = move |attempt: u32, error: &TransportError| {
                // Whoever let go of it wants no news.
                let _ = tell.send((attempt, error.to_string()));
            };
            let stream = transport.open_watched(&tell).await;
            settled();
            stream
        });
        Self { connecting, failed }
    }

    /// What came of it, waited for if need be. `None` if it ended since, and is worth another try.
    pub async fn stream(
        mut self,
        failed: impl Fn(u32, String),
    ) -> Option<Result<Stream, TransportError>> {
        // Ends when the connecting does.
        while let Some((attempt, reason)) = self.failed.recv().await {
            failed(attempt, reason);
        }
        match (&mut self.connecting).await {
            Ok(Ok(stream)) => still_open(stream).map(Ok),
            Ok(Err(error)) => Some(Err(error)),
            Err(_) => None,
        }
    }
}

impl Drop for Early {
    fn drop(&mut self) {
        self.connecting.abort();
    }
}

/// The stream, unless it has ended while it waited. What it said meanwhile is not lost.
fn still_open(mut stream: Stream) -> Option<Stream> {
    let mut said = vec![0; 1024];
    match stream.stdout.read(&mut said).now_or_never() {
        None => {}
        Some(Ok(count @ 1..)) => {
            said.truncate(count);
            stream.stdout = Box::new(std::io::Cursor::new(said).chain(stream.stdout));
        }
        Some(_) => return None,
    }
    Some(stream)
}
