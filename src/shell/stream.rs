//! The result of opening a transport: three byte streams of a waiting `sh`.

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite};

/// The streams of an `sh` that was started with [`REMOTE_COMMAND`](super::REMOTE_COMMAND).
pub struct Stream {
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Held as long as the streams are in use; dropping it frees the underlying resources.
    pub guard: Box<dyn Guard>,
}

/// The resources behind a stream: a child process, a connection.
pub trait Guard: Send + Sync {
    /// What the transport itself reports after the stream has ended: the last lines of `ssh`.
    fn epitaph(&self) -> Option<String> {
        None
    }

    /// Whether the host's `sh` is certain to see the end of its input when the transport is closed,
    /// whatever the stream still carries. Then there is no need to wait for it to finish, which takes a
    /// round trip over a network.
    fn ends_with_transport(&self) -> bool {
        false
    }
}

impl Guard for () {}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}
