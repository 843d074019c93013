//! Hosts reached by an SSH client in this process.
//!
//! A connection is one task, without a process or a thread, and carries several channels: one for each user that is become. When
//! ops dies, by `kill -9` too, its connections end, and with them everything that was started over them. A server that grants
//! no more channels gets another connection.
//!
//! `link` is a connection, `login` proves who we are and `host_key` who the host is, `channel` and `inbox` are the streams,
//! `tunnel` leads through jump hosts.

mod algorithms;
mod channel;
mod diagnosis;
mod dial;
mod handler;
mod host_key;
mod inbox;
mod link;
mod login;
mod preamble;
mod shared;
mod tunnel;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use crate::model::Connection;
use crate::shell::Stream;

use super::connector::Connector;
use super::destination;
use super::retry::{self, Queued};
use super::settings::SshSettings;
use super::{FailedAttempt, Transport, TransportError, TransportErrorKind};
use link::Link;

pub(super) use host_key::{HOST_KEY_ALGORITHMS, takes_ssh};
pub use host_key::{HostKeys, KnownHosts, Offer};
pub(super) use shared::Shared;

/// Why it takes `ssh` itself to log in to a host, if it does: a fragment for the user. It may use keys that cannot be used here.
pub(super) fn keys_take_ssh(settings: &SshSettings, shared: &Shared) -> Option<String> {
    settings
        .jumps
        .iter()
        .chain([settings])
        .find_map(|host| login::takes_ssh(host, &shared.keys))
}

/// A host behind this process's own SSH client.
pub struct NativeTransport {
    connection: Connection,
    settings: SshSettings,
    shared: Arc<Connector>,
    links: Mutex<Vec<Arc<Link>>>,
}

impl NativeTransport {
    /// Nothing is connected yet. Of the connection count its times alone: the rest is in the settings.
    #[must_use]
    pub fn new(connection: Connection, settings: SshSettings, shared: Arc<Connector>) -> Self {
        Self {
            connection,
            settings,
            shared,
            links: Mutex::default(),
        }
    }

    async fn open_stream(&self, failed: &FailedAttempt<'_>) -> Result<Stream, TransportError> {
        // Held while connecting, so that the next one finds the connection instead of making another.
        let mut links = self.links.lock().await;
        links.retain(|link| !link.is_over());
        for link in links.iter() {
            if let Some(Ok(stream)) = link.channel().await {
                return Ok(stream);
            }
        }
        let queued = Queued::default();
        let shared = self.shared.native();
        let attempt = async |time| {
            let link = Link::connect(&self.settings, shared, &queued, time).await?;
            let stream = link.first_channel().await?;
            Ok((link, stream))
        };
        let (link, stream) = retry::connect(&self.connection, failed, &queued, attempt)
            .await
            .map_err(|error| self.explain(error))?;
        links.push(link);
        Ok(stream)
    }

    /// What the settings do not know: a key file that is not there is none of theirs.
    fn explain(&self, error: TransportError) -> TransportError {
        match &self.connection.key_file {
            Some(key) if error.kind == TransportErrorKind::Authentication && !key.exists() => {
                TransportError {
                    hint: Some(format!("The key file {} is not there.", key.display())),
                    ..error
                }
            }
            _ => error,
        }
    }
}

impl Transport for NativeTransport {
    fn open_watched<'a>(
        &'a self,
        failed: &'a FailedAttempt<'a>,
    ) -> BoxFuture<'a, Result<Stream, TransportError>> {
        Box::pin(self.open_stream(failed))
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            for link in self.links.lock().await.drain(..) {
                link.close().await;
            }
        })
    }

    fn describe(&self) -> String {
        destination::describe(&self.connection)
    }
}
