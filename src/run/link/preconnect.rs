//! A connection that is opened before it is needed.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::shell::Stream;
use crate::transport::{Transport, TransportError};

/// An attempt that failed and is followed by another: its number and the reason.
type Failed = (u32, String);

/// A stream to a host that is opening, open or failed. Dropping it closes the stream.
pub(in crate::run) struct Preconnection {
    connecting: JoinHandle<Result<Stream, TransportError>>,
    /// For the user of the stream, who reports these attempts as its own.
    failed: mpsc::UnboundedReceiver<Failed>,
}

impl Preconnection {
    /// Begins to connect in the background. `settled` is called when the connection is open or has failed.
    pub(crate) fn start(
        runtime: &tokio::runtime::Handle,
        transport: Arc<dyn Transport>,
        settled: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (tell, failed) = mpsc::unbounded_channel();
        let connecting = runtime.spawn(async move {
            let tell = move |attempt: u32, error: &TransportError| {
                // An error means that nobody listens any more.
                let _ = tell.send((attempt, error.to_string()));
            };
            let stream = transport.open_watched(&tell).await;
            settled();
            stream
        });
        Self { connecting, failed }
    }

    /// Returns the stream or the failure, once it is known. `None`: the stream has ended since, so try
    /// again.
    pub(crate) async fn stream(
        mut self,
        failed: impl Fn(u32, String),
    ) -> Option<Result<Stream, TransportError>> {
        // Ends when connecting does.
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

impl Drop for Preconnection {
    fn drop(&mut self) {
        self.connecting.abort();
    }
}

/// Returns the stream, unless it has ended while it waited. Output that arrived meanwhile is kept.
fn still_open(mut stream: Stream) -> Option<Stream> {
    let mut printed = vec![0; 1024];
    match stream.stdout.read(&mut printed).now_or_never() {
        None => {}
        Some(Ok(count @ 1..)) => {
            printed.truncate(count);
            stream.stdout = Box::new(std::io::Cursor::new(printed).chain(stream.stdout));
        }
        Some(_) => return None,
    }
    Some(stream)
}
