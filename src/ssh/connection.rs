//! A logged-in SSH connection, and the channels that it carries.

use std::sync::Arc;
use std::time::Duration;

use russh::client::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::channel::OpenChannel;
use super::diagnosis;
use super::error::{Advice, SshError, SshErrorKind};
use super::handler::Handler;
use super::news::News;
use super::settings::SshSettings;

/// Maximum number of programs on one connection. By default, servers allow ten (`MaxSessions`).
const MAX_CHANNELS: usize = 8;

/// A logged-in connection. It ends when its last holder is dropped.
pub struct SshConnection {
    handle: Handle<Handler>,
    news: Arc<News>,
    channels: Arc<Semaphore>,
    /// `SendEnv` and `SetEnv`.
    environment: Vec<(String, String)>,
}

impl SshConnection {
    pub(super) fn new(handle: Handle<Handler>, news: Arc<News>, settings: &SshSettings) -> Self {
        Self {
            handle,
            news,
            channels: Arc::new(Semaphore::new(MAX_CHANNELS)),
            environment: settings.environment.clone(),
        }
    }

    /// Runs a command on the host. Returns `None` if the connection already carries its maximum of channels.
    pub async fn run(self: &Arc<Self>, command: &str) -> Option<Result<OpenChannel, SshError>> {
        let place = Arc::clone(&self.channels).try_acquire_owned().ok()?;
        Some(self.start(command, place).await)
    }

    async fn start(
        self: &Arc<Self>,
        command: &str,
        place: OwnedSemaphorePermit,
    ) -> Result<OpenChannel, SshError> {
        let connection = Arc::clone(self);
        let mut opening =
            tokio::spawn(async move { connection.handle.channel_open_session().await });
        let opened = tokio::select! {
            opened = &mut opening => opened.unwrap_or(Err(russh::Error::Disconnect)),
            // The answer is queued behind data that its reader does not read, and that reader may be waiting
            // for this channel.
            () = self.news.stalled() => {
                tokio::spawn(async move {
                    if let Ok(Ok(late)) = opening.await {
                        let _ = late.close().await;
                    }
                });
                return Err(self.refused(&russh::Error::ConnectionTimeout).await);
            }
        };
        let (_, opened) = match opened {
            Ok(opened) => opened.split(),
            Err(error) => return Err(self.refused(&error).await),
        };
        for (name, value) in &self.environment {
            // A server accepts the variables that its `AcceptEnv` names and silently ignores the others. ssh
            // does not report that either.
            let set = opened.set_env(false, name.as_str(), value.as_str()).await;
            if let Err(error) = set {
                return Err(self.refused(&error).await);
            }
        }
        // Does not wait for the answer, so that the next data is sent at once.
        if let Err(error) = opened.exec(false, command).await {
            return Err(self.refused(&error).await);
        }
        let news = Arc::clone(&self.news);
        Ok(OpenChannel::new(self.clone(), news, opened, place))
    }

    /// Asks this host to connect to another host's port. `jump` is the name of this host. `place` is held
    /// together with the connection.
    pub(super) async fn forward(
        self: &Arc<Self>,
        settings: &SshSettings,
        jump: &str,
        place: OwnedSemaphorePermit,
        limit: Duration,
    ) -> Result<OpenChannel, SshError> {
        let (host, port) = (&settings.host, settings.port);
        let opening =
            self.handle
                .channel_open_direct_tcpip(host.as_str(), u32::from(port), "127.0.0.1", 0);
        let opened = timeout(limit, opening).await.map_err(|_| {
            diagnosis::too_slow(&format!("jump host {jump} did not reach {host}"), limit)
        })?;
        match opened {
            Ok(opened) => {
                let news = Arc::clone(&self.news);
                Ok(OpenChannel::new(
                    self.clone(),
                    news,
                    opened.split().1,
                    place,
                ))
            }
            Err(error) => {
                let why = match error {
                    russh::Error::ChannelOpenFailure(_) => self.news.refusal().await,
                    _ => None,
                };
                let why = why.unwrap_or_else(|| diagnosis::words(&error));
                Err(SshError {
                    kind: SshErrorKind::Network,
                    message: format!("jump host {jump}: no connection to {host}:{port}: {why}"),
                    advice: Some(Advice::try_this(format!(
                        "Is {host} up and reachable from {jump}, and does its sshd allow forwarding?"
                    ))),
                })
            }
        }
    }

    /// The error for a channel that could not be opened.
    async fn refused(&self, error: &russh::Error) -> SshError {
        tracing::debug!(%error, "cannot open another channel");
        if matches!(error, russh::Error::ChannelOpenFailure(_)) {
            let why = self.news.refusal().await.unwrap_or_default();
            return SshError {
                kind: SshErrorKind::Other,
                message: format!("the host refuses to open a session: {why}"),
                advice: Some(Advice::try_this("Does its sshd set `MaxSessions 0`?")),
            };
        }
        SshError {
            kind: SshErrorKind::Network,
            message: self
                .news
                .end()
                .unwrap_or_else(|| "Connection closed by the host".to_owned()),
            advice: Some(Advice::try_this(
                "Does this user have a login shell on the host?",
            )),
        }
    }

    /// Disconnects without waiting for an answer. This ends all programs of the connection.
    pub async fn close(&self) {
        let goodbye = self
            .handle
            .disconnect(russh::Disconnect::ByApplication, "", "");
        // If this times out, the connection is already closed, or its task waits for a slow reader. In that
        // case it ends when its last holder is dropped.
        let _ = timeout(Duration::from_millis(100), goodbye).await;
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.news.is_over()
    }
}
