//! A connection attempt until its key exchange is done: it keeps the first output of the server, and it can
//! be aborted.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes are kept of what a server sends before its version.
const MAX_PREAMBLE: usize = 512;

/// One attempt to connect. russh does not stop when its caller is dropped, so dropping the attempt ends the
/// connection, unless it [succeeded](Self::succeeded).
#[derive(Debug, Default)]
pub(super) struct Attempt(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    heard: Vec<u8>,
    /// Nothing more needs to be kept.
    heard_all: bool,
    succeeded: bool,
    given_up: bool,
    reader: Option<Waker>,
}

impl Attempt {
    /// Wraps the connection of this attempt.
    pub(crate) fn watch<S>(&self, stream: S) -> Watched<S> {
        Watched {
            stream,
            attempt: Some(Arc::clone(&self.0)),
        }
    }

    /// What the server sent before its version (RFC 4253, 4.2): for example why it accepts no logins now, or
    /// output that shows that it is not an SSH server.
    pub(crate) fn preamble(&self) -> String {
        String::from_utf8_lossy(&state(&self.0).heard)
            .lines()
            .take_while(|line| !line.starts_with("SSH-"))
            .map(|line| line.replace(|c: char| c.is_control(), ""))
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Marks the key exchange as done. From here on the connection ends when its last holder is dropped.
    pub(crate) fn succeeded(&self) {
        state(&self.0).succeeded = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut state = state(&self.0);
        if !state.succeeded {
            state.given_up = true;
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        }
    }
}

fn state(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn hear(&mut self, bytes: &[u8]) {
        if self.heard_all {
            return;
        }
        self.heard.extend_from_slice(bytes);
        let version =
            self.heard.starts_with(b"SSH-") || self.heard.windows(5).any(|at| at == b"\nSSH-");
        self.heard_all = version || self.heard.len() >= MAX_PREAMBLE;
        self.heard.truncate(MAX_PREAMBLE);
    }
}

/// The stream of an [`Attempt`].
pub(super) struct Watched<S> {
    stream: S,
    /// `None` once the attempt has succeeded.
    attempt: Option<Arc<Mutex<State>>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(attempt) = self.attempt.clone() else {
            return Pin::new(&mut self.stream).poll_read(context, into);
        };
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        let mut state = state(&attempt);
        if state.succeeded {
            self.attempt = None;
            return read;
        }
        if state.given_up {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        state.hear(&into.filled()[before..]);
        if read.is_pending() {
            state.reader = Some(context.waker().clone());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
