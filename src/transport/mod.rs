//! Ways to reach a waiting `sh`.
//!
//! A [`Transport`] stands for one host and gives [`Stream`]s, one for each user that is become.
//! A run's [`Connector`] picks it by what the inventory says.

mod child;
mod connector;
mod destination;
mod error;
mod impossible;
mod native;
mod once;
mod openssh;
mod retry;
mod settings;
mod ssh_config;
mod startups;

use std::path::Path;

use futures_util::future::BoxFuture;

pub use child::ChildTransport;
pub use connector::{Choice, Connector};
pub use error::{TransportError, TransportErrorKind};
pub use native::{HostKeys, KnownHosts, NativeTransport, Offer};
pub use once::{TriedOnce, Turn};
pub use openssh::{OpensshTransport, Persisted, persisted};
pub use settings::{
    AddressFamily, Algorithms, HostKeyPolicy, KeepAlive, LoginMethod, LoginSettings, Password,
    SshSettings, StrictHostKeyChecking,
};

use crate::shell::{Session, SessionOptions, Stream};

/// Is told the number of an attempt, from 1, and why it failed.
pub type FailedAttempt<'a> = dyn Fn(u32, &TransportError) + Send + Sync + 'a;

/// Asks somebody for the passphrase of a key file; the number says how often that was asked before. `None`: nobody answers.
pub type AskPassphrase = dyn Fn(&Path, u32) -> Option<String> + Send + Sync;

/// A way to one host. Cheap to make: the first [`open`](Self::open) connects.
pub trait Transport: Send + Sync {
    /// A new `sh`, started with [`REMOTE_COMMAND`](crate::shell::REMOTE_COMMAND). `failed` is told of every attempt that
    /// failed and is followed by another.
    fn open_watched<'a>(
        &'a self,
        failed: &'a FailedAttempt<'a>,
    ) -> BoxFuture<'a, Result<Stream, TransportError>>;

    /// The same, where nobody watches.
    fn open(&self) -> BoxFuture<'_, Result<Stream, TransportError>> {
        Box::pin(async { self.open_watched(&|_, _| {}).await })
    }

    /// [`open`](Self::open), and a session on the stream.
    fn session(&self, options: SessionOptions) -> BoxFuture<'_, Result<Session, TransportError>> {
        Box::pin(async move { Ok(Session::start(self.open().await?, options)) })
    }

    /// Whether a stream that waits to be used costs this machine no process and no thread of its own. Then it may be opened
    /// before it is asked for.
    fn can_wait(&self) -> bool {
        false
    }

    /// Frees what is held: connections, files. Sessions should be closed before.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// For diagnostics: `ssh amy@web1`, `docker exec -i web1`.
    fn describe(&self) -> String;
}

/// The hint about keys that had not been tried when the host ended the login.
fn not_tried(keys: &[impl AsRef<str>]) -> String {
    let (more, were) = match keys.len() {
        0 => return String::new(),
        1 => ("1 more key".to_owned(), "was"),
        many => (format!("{many} more keys"), "were"),
    };
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    format!(
        " The host ended the login before {more} {were} tried: {}.",
        keys.join("; ")
    )
}
