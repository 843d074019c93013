//! One SSH connection that is logged in, and the channels that it carries.

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

/// Programs on one connection. Servers grant ten (`MaxSessions`) by default.
const CHANNELS: usize = 8;

/// A connection that is logged in. It ends when nothing holds it any more.
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
            channels: Arc::new(Semaphore::new(CHANNELS)),
            environment: settings.environment.clone(),
        }
    }

    /// Runs a command on the host; `None` if the connection has all the channels that it can carry.
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
            // The answer comes after data that its reader does not take, and that reader may wait for this
            // channel.
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
            // A server accepts what its `AcceptEnv` names and ignores the rest silently; so does ssh.
            let set = opened.set_env(false, name.as_str(), value.as_str()).await;
            if let Err(error) = set {
                return Err(self.refused(&error).await);
            }
        }
        // Without waiting for the answer: what is written next is sent at once.
        if let Err(error) = opened.exec(false, command).await {
            return Err(self.refused(&error).await);
        }
        let news = Arc::clone(&self.news);
        Ok(OpenChannel::new(self.clone(), news, opened, place))
    }

    /// Asks this host to connect to another host's port. `jump` is what this host is called. `place` is held
    /// with the connection.
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

    /// Why there is no channel.
    async fn refused(&self, error: &russh::Error) -> SshError {
        tracing::debug!(%error, "no further channel");
        if matches!(error, russh::Error::ChannelOpenFailure(_)) {
            let why = self.news.refusal().await.unwrap_or_default();
            return SshError {
                kind: SshErrorKind::Other,
                message: format!("the host grants no session: {why}"),
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

    /// Disconnects without waiting for an answer. All programs of the connection end with it.
    pub async fn close(&self) {
        let goodbye = self
            .handle
            .disconnect(russh::Disconnect::ByApplication, "", "");
        // It is over already, or its task waits for a slow reader: then it ends when nothing holds it.
        let _ = timeout(Duration::from_millis(100), goodbye).await;
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.news.is_over()
    }
}
