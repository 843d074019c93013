//! A connection until its key exchange is done: what the server says first is kept, and the attempt can be
//! given up.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is kept of what a server says before its version.
const HEARD: usize = 512;

/// One attempt to connect. russh does not stop when its caller goes away: dropping this ends the connection,
/// unless it [succeeded](Self::succeeded).
#[derive(Debug, Default)]
pub(super) struct Attempt(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    heard: Vec<u8>,
    /// Nothing more is kept.
    heard_all: bool,
    succeeded: bool,
    given_up: bool,
    reader: Option<Waker>,
}

impl Attempt {
    /// Wraps the connection of this attempt.
    pub fn watch<S>(&self, stream: S) -> Watched<S> {
        Watched {
            stream,
            attempt: Some(Arc::clone(&self.0)),
        }
    }

    /// What the server said before its version (RFC 4253, 4.2): why it accepts no logins now, or that it is
    /// not an SSH server.
    pub fn preamble(&self) -> String {
        String::from_utf8_lossy(&state(&self.0).heard)
            .lines()
            .take_while(|line| !line.starts_with("SSH-"))
            .map(|line| line.replace(|c: char| c.is_control(), ""))
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// The key exchange is done: from here on the connection ends with its last holder.
    pub fn succeeded(&self) {
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
        self.heard_all = version || self.heard.len() >= HEARD;
        self.heard.truncate(HEARD);
    }
}

/// The connection of an [`Attempt`].
pub(super) struct Watched<S> {
    stream: S,
    /// `None` once it has succeeded.
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
