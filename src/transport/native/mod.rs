//! Hosts reached by an SSH client in this process.

#[expect(
    dead_code,
    reason = "the client that asks it comes with the next change"
)]
mod host_key;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::model::Connection;
use crate::shell::Stream;

use super::connector::Connector;
use super::settings::SshSettings;
use super::{FailedAttempt, Transport, TransportError};

#[allow(
    unused_imports,
    reason = "the reader of the configuration asks it in the next change"
)]
pub(super) use host_key::takes_ssh;
pub use host_key::{HostKeys, KnownHosts, Offer};

/// A host behind this process's own SSH client.
pub struct NativeTransport {
    connection: Connection,
    settings: SshSettings,
    shared: Arc<Connector>,
}

impl NativeTransport {
    #[must_use]
    pub(super) fn new(
        connection: Connection,
        settings: SshSettings,
        shared: Arc<Connector>,
    ) -> Self {
        Self {
            connection,
            settings,
            shared,
        }
    }
}

impl Transport for NativeTransport {
    fn open(&self) -> BoxFuture<'_, Result<Stream, TransportError>> {
        let _ = (&self.settings, &self.shared);
        todo!()
    }

    fn open_watched<'a>(
        &'a self,
        failed: &'a FailedAttempt<'a>,
    ) -> BoxFuture<'a, Result<Stream, TransportError>> {
        let _ = failed;
        self.open()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn describe(&self) -> String {
        format!("native {}", self.connection.address)
    }
}
