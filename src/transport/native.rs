//! Hosts reached by the SSH client in this process ([`crate::ssh`]).
//!
//! A connection carries several channels: one for each user that commands run as. When ops dies, even by
//! `kill -9`, its connections end, and with them everything that was started over them. If a server allows
//! no more channels, another connection is opened.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::destination;
use super::error::{TransportError, TransportErrorKind};
use super::retry;
use super::transport::{FailedAttempt, Transport};
use crate::model::Connection;
use crate::shell::{Guard, REMOTE_COMMAND, Stream};
use crate::ssh::{ChannelGuard, Client, OpenChannel, Queued, SshConnection, SshSettings};

/// A host reached by the SSH client of this process.
pub struct NativeTransport {
    connection: Connection,
    settings: SshSettings,
    client: Arc<Client>,
    open: Mutex<Vec<Arc<SshConnection>>>,
}

impl NativeTransport {
    /// Creates the transport without connecting. Only the timeouts of `connection` are used: the rest is in
    /// the settings.
    #[must_use]
    pub fn new(connection: Connection, settings: SshSettings, client: Arc<Client>) -> Self {
        Self {
            connection,
            settings,
            client,
            open: Mutex::default(),
        }
    }

    async fn open_stream(&self, failed: &FailedAttempt<'_>) -> Result<Stream, TransportError> {
        // Held while connecting, so that the next caller finds the connection instead of opening another.
        let mut open = self.open.lock().await;
        open.retain(|connection| !connection.is_over());
        for connection in open.iter() {
            if let Some(Ok(channel)) = connection.run(REMOTE_COMMAND).await {
                return Ok(stream(channel));
            }
        }
        let queued = Queued::default();
        let attempt = async |limit| {
            let connection = self.client.connect(&self.settings, &queued, limit).await?;
            match connection.run(REMOTE_COMMAND).await {
                Some(channel) => Ok((connection, channel?)),
                None => Err(no_channel()),
            }
        };
        let (connection, channel) = retry::connect(&self.connection, failed, &queued, attempt)
            .await
            .map_err(|error| self.explain(error))?;
        open.push(connection);
        Ok(stream(channel))
    }

    /// Adds what the settings do not contain: they omit key files that do not exist.
    fn explain(&self, error: TransportError) -> TransportError {
        match &self.connection.key_file {
            Some(key) if error.kind == TransportErrorKind::Authentication && !key.exists() => {
                TransportError {
                    hint: Some(format!("The key file {} does not exist.", key.display())),
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
            for connection in self.open.lock().await.drain(..) {
                connection.close().await;
            }
        })
    }

    fn describe(&self) -> String {
        destination::describe(&self.connection)
    }
}

/// A connection is opened for a channel, so it has room for one.
fn no_channel() -> TransportError {
    TransportError {
        kind: TransportErrorKind::Network,
        message: "Connection closed by the host".into(),
        hint: None,
    }
}

fn stream(channel: OpenChannel) -> Stream {
    Stream {
        stdin: Box::new(channel.outgoing),
        stdout: Box::new(channel.stdout),
        stderr: Box::new(channel.stderr),
        guard: Box::new(channel.guard),
    }
}

impl Guard for ChannelGuard {
    fn epitaph(&self) -> Option<String> {
        Self::epitaph(self)
    }

    fn ends_with_transport(&self) -> bool {
        true
    }
}
