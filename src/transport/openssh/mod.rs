//! Hosts reached by the user's own `ssh`.
//!
//! One `ssh` process for each host is both the connection's master and its first stream: the bootstrap is
//! sent with the handshake, and when ops dies, even by `kill -9`, `ssh` sees the end of its input and
//! exits. More streams (for other users) are channels of that master, opened with the mux client of the
//! `openssh` crate. If a server allows no more channels, another connection is opened. With `--persist`,
//! `ssh` keeps the connection open in the background: see `persist`.

mod arguments;
mod control;
mod diagnosis;
mod master;
mod persist;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::destination;
use super::error::{TransportError, TransportErrorKind};
use super::retry;
use super::transport::{FailedAttempt, Transport};
use crate::model::Connection;
use crate::shell::Stream;
use crate::ssh::{Client, Queued, check_destination};
use master::Master;
use persist::kept;

pub use persist::listing::{Persisted, persisted};

/// A host behind `ssh`.
#[derive(Debug)]
pub struct OpensshTransport {
    connection: Connection,
    client: Arc<Client>,
    masters: Mutex<Vec<Arc<Master>>>,
}

impl OpensshTransport {
    #[must_use]
    pub fn new(connection: Connection, client: Arc<Client>) -> Self {
        Self {
            connection,
            client,
            masters: Mutex::default(),
        }
    }

    async fn open_stream(&self, failed: &FailedAttempt<'_>) -> Result<Stream, TransportError> {
        check_destination(&self.connection.address, self.connection.user.as_deref())?;
        // Held while connecting, so that the next caller finds the connection instead of opening another.
        let mut masters = self.masters.lock().await;
        for master in masters.iter() {
            if let Some(stream) = master.channel().await {
                return Ok(stream);
            }
        }
        masters.retain(|master| master.is_alive());
        // If a kept connection allows no more channels, this run opens a separate one.
        let may_keep = !masters.iter().any(|master| master.is_kept());
        let queued = Queued::default();
        let attempt = |time| self.attempt(may_keep, &queued, time);
        let (master, stream) = retry::connect(&self.connection, failed, &queued, attempt).await?;
        masters.push(master);
        Ok(stream)
    }

    async fn attempt(
        &self,
        may_keep: bool,
        queued: &Queued,
        connect_timeout: Duration,
    ) -> Result<(Arc<Master>, Stream), TransportError> {
        let port = self.connection.port.unwrap_or_default();
        let address = format!("{}:{port}", self.connection.address);
        let place = queued.wait(self.client.startups().at(&address)).await;
        let connected = self.connect(may_keep, connect_timeout).await;
        if let Err(error) = &connected
            && error.kind == TransportErrorKind::Network
        {
            place.dropped_by_server();
        }
        connected
    }

    async fn connect(
        &self,
        may_keep: bool,
        connect_timeout: Duration,
    ) -> Result<(Arc<Master>, Stream), TransportError> {
        if let Some(persist) = self.connection.persist.filter(|_| may_keep) {
            let leads_to = self.describe();
            let kept = kept::open(&self.connection, &leads_to, persist, connect_timeout).await?;
            if let Some(opened) = kept {
                return Ok(opened);
            }
        }
        match Master::connect(&self.connection, connect_timeout).await {
            Err(error) if self.key_was_crowded_out(&error) => {
                // `ssh` offers all keys of an agent before a key file that is set.
                let mut alone = self.connection.clone();
                alone.ssh_args.push("-oIdentitiesOnly=yes".into());
                Master::connect(&alone, connect_timeout).await
            }
            connected => connected,
        }
    }

    /// Whether other keys used up the host's limit of attempts, and the configured one may not have been
    /// among them.
    fn key_was_crowded_out(&self, error: &TransportError) -> bool {
        error.kind == TransportErrorKind::Authentication
            && error.message.contains("Too many authentication failures")
            && self
                .connection
                .key_file
                .as_ref()
                .is_some_and(|key| key.exists())
    }
}

impl Transport for OpensshTransport {
    fn open_watched<'a>(
        &'a self,
        failed: &'a FailedAttempt<'a>,
    ) -> BoxFuture<'a, Result<Stream, TransportError>> {
        Box::pin(self.open_stream(failed))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            for master in self.masters.lock().await.drain(..) {
                master.close().await;
            }
        })
    }

    fn describe(&self) -> String {
        destination::describe(&self.connection)
    }
}
