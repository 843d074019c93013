//! The interface of all transports.

use futures_util::future::BoxFuture;

use super::error::TransportError;
use crate::shell::{Session, SessionOptions, Stream};

/// Called with the number of a failed attempt, from 1, and why it failed.
pub type FailedAttempt<'a> = dyn Fn(u32, &TransportError) + Send + Sync + 'a;

/// A way to reach one host. Cheap to create: the first [`open`](Self::open) connects.
pub trait Transport: Send + Sync {
    /// Opens a new `sh`, started with [`REMOTE_COMMAND`](crate::shell::REMOTE_COMMAND). `failed` is called
    /// for every failed attempt that is followed by another.
    fn open_watched<'a>(
        &'a self,
        failed: &'a FailedAttempt<'a>,
    ) -> BoxFuture<'a, Result<Stream, TransportError>>;

    /// Like [`open_watched`](Self::open_watched), without reports of failed attempts.
    fn open(&self) -> BoxFuture<'_, Result<Stream, TransportError>> {
        Box::pin(async { self.open_watched(&|_, _| {}).await })
    }

    /// Calls [`open`](Self::open), and starts a session on the stream.
    fn session(&self, options: SessionOptions) -> BoxFuture<'_, Result<Session, TransportError>> {
        Box::pin(async move { Ok(Session::start(self.open().await?, options)) })
    }

    /// Whether an unused stream needs no process and no thread on this machine. If so, it may be opened
    /// before it is needed.
    fn can_wait(&self) -> bool {
        false
    }

    /// Frees connections and files. Sessions should be closed before.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// For diagnostics: `ssh amy@web1`, `docker exec -i web1`.
    fn describe(&self) -> String;
}
