//! One SSH connection, and the channels that it carries.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use russh::client::{self, Handle};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::shell::{REMOTE_COMMAND, Stream};
use crate::transport::destination;
use crate::transport::retry::Queued;
use crate::transport::settings::SshSettings;
use crate::transport::startups::Place;
use crate::transport::{TransportError, TransportErrorKind};

use super::algorithms;
use super::channel;
use super::diagnosis;
use super::dial;
use super::handler::{Handler, News};
use super::host_key::HostKeys;
use super::inbox::{Exit, Inboxes};
use super::login::Login;
use super::preamble::Attempt;
use super::shared::Shared;

/// Streams on one connection. Servers grant ten (`MaxSessions`) by default.
const CHANNELS: usize = 8;

/// For a login, beyond the time for connecting: somebody may have to touch a key.
const LOGIN: Duration = Duration::from_secs(20);

/// What part of its time for connecting a server may say nothing before it is spoken to.
const SILENCE: u32 = 4;

/// How a connection was made.
struct Way<'a> {
    /// `None` behind a jump host.
    peer: Option<SocketAddr>,
    attempt: &'a Attempt,
    place: &'a Place,
}

/// A connection that is logged in. It ends when nothing holds it any more.
pub(super) struct Link {
    handle: Handle<Handler>,
    news: Arc<News>,
    channels: Arc<Semaphore>,
    /// What `SendEnv` and `SetEnv` say.
    environment: Vec<(String, String)>,
}

impl Link {
    /// Connects and logs in.
    pub fn connect<'a>(
        settings: &'a SshSettings,
        shared: &'a Shared,
        queued: &'a Queued,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Arc<Self>, TransportError>> {
        // Boxed: a connection to a host behind jump hosts makes theirs the same way.
        Box::pin(async move {
            destination::check(&settings.host, Some(&settings.user))?;
            let attempt = Attempt::default();
            if let Some(through) = settings.jumps.last() {
                let key = format!("{} {}:{}", through.host, settings.host, settings.port);
                let place = queued.wait(shared.startups.at(&key)).await;
                let tunnel = shared.jumps.tunnel(settings, shared, queued, limit).await?;
                let stream = attempt.watch(tunnel);
                let way = Way {
                    peer: None,
                    attempt: &attempt,
                    place: &place,
                };
                return Self::over(stream, &way, settings, shared, queued, limit).await;
            }
            let addresses = dial::resolve(settings, limit).await?;
            let address = addresses[0].to_string();
            let place = queued.wait(shared.startups.at(&address)).await;
            let started = Instant::now();
            let (stream, peer) = dial::connect(settings, &addresses, limit).await?;
            // Nearly every server speaks first. One that says nothing keeps no other host from its key exchange for so long;
            // then it may be one that waits to be spoken to (RFC 4253 section 4.2 leaves the order open).
            let left = limit.saturating_sub(started.elapsed());
            if let Ok(spoken) = timeout(left / SILENCE, stream.readable()).await {
                spoken.map_err(|error| diagnosis::unreachable(settings, peer, &error))?;
            }
            let left = limit.saturating_sub(started.elapsed());
            let stream = attempt.watch(stream);
            let way = Way {
                peer: Some(peer),
                attempt: &attempt,
                place: &place,
            };
            Self::over(stream, &way, settings, shared, queued, left).await
        })
    }

    /// Exchanges keys and logs in on a connection.
    async fn over<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        stream: S,
        way: &Way<'_>,
        settings: &SshSettings,
        shared: &Shared,
        queued: &Queued,
        limit: Duration,
    ) -> Result<Arc<Self>, TransportError> {
        let host_keys = HostKeys::new(settings, Arc::clone(&shared.known_hosts));
        let config = algorithms::config(settings, host_keys.algorithms())?;
        let news = Arc::new(News::default());
        let handler = Handler {
            news: Arc::clone(&news),
            host_keys: host_keys.clone(),
            peer: way.peer,
        };
        let exchange = queued.wait(shared.startups.exchange()).await;
        let mut handle = timeout(limit, client::connect_stream(config, stream, handler))
            .await
            .map_err(|_| diagnosis::silent(settings))?
            .map_err(|ended| diagnosis::key_exchange(settings, ended, &news, &way.attempt.words()))
            .inspect_err(|error| {
                if error.kind == TransportErrorKind::Network {
                    way.place.turned_away();
                }
            })?;
        way.attempt.through();
        drop(exchange);
        if let Some(binding) = handle.agent_session_binding() {
            host_keys.check_signature(binding.signature())?;
        }
        let login = Login {
            settings,
            keys: &shared.keys,
            agents: &shared.agents,
            passwords: &shared.passwords,
            news: &news,
        };
        tokio::select! {
            done = login.run(&mut handle) => done?,
            () = late(shared) => return Err(diagnosis::too_slow("the host did not let us in", LOGIN)),
        }
        Ok(Arc::new(Self {
            handle,
            news,
            channels: Arc::new(Semaphore::new(CHANNELS)),
            environment: settings.environment.clone(),
        }))
    }

    /// One more stream; `None` if there is no place for it here.
    pub async fn channel(self: &Arc<Self>) -> Option<Result<Stream, TransportError>> {
        let place = Arc::clone(&self.channels).try_acquire_owned().ok()?;
        Some(self.start(place).await)
    }

    /// The first stream of a new connection.
    pub async fn first_channel(self: &Arc<Self>) -> Result<Stream, TransportError> {
        match self.channel().await {
            Some(stream) => stream,
            None => Err(self.refused(&russh::Error::Disconnect).await),
        }
    }

    async fn start(
        self: &Arc<Self>,
        place: OwnedSemaphorePermit,
    ) -> Result<Stream, TransportError> {
        let link = Arc::clone(self);
        let mut opening = tokio::spawn(async move { link.handle.channel_open_session().await });
        let opened = tokio::select! {
            opened = &mut opening => opened.unwrap_or(Err(russh::Error::Disconnect)),
            // The answer stands behind what a reader does not take, and that reader may wait for what is opened here.
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
            // A server takes what its `AcceptEnv` names, and passes over the rest without a word, as ssh has it.
            let set = opened.set_env(false, name.as_str(), value.as_str()).await;
            if let Err(error) = set {
                return Err(self.refused(&error).await);
            }
        }
        // Nobody waits for the answer: what is written next is on its way at once.
        if let Err(error) = opened.exec(false, REMOTE_COMMAND).await {
            return Err(self.refused(&error).await);
        }
        Ok(channel::stream(Arc::clone(self), opened, place))
    }

    /// Why there is no channel.
    async fn refused(&self, error: &russh::Error) -> TransportError {
        tracing::debug!(%error, "no further channel");
        if matches!(error, russh::Error::ChannelOpenFailure(_)) {
            let said = self.news.refusal().await.unwrap_or_default();
            return TransportError {
                kind: TransportErrorKind::Other,
                message: format!("the host grants no session: {said}"),
                hint: Some("Does its sshd set `MaxSessions 0`?".into()),
            };
        }
        TransportError {
            kind: TransportErrorKind::Network,
            message: self
                .news
                .end()
                .unwrap_or_else(|| "Connection closed by the host".to_owned()),
            hint: Some("Does this user have a login shell on the host?".into()),
        }
    }

    /// Says goodbye, and waits for no answer. Everything that was started over the connection ends with it.
    pub async fn close(&self) {
        let goodbye = self
            .handle
            .disconnect(russh::Disconnect::ByApplication, "", "");
        // It is over already, or its task is busy with a reader that lags: then it ends when nobody holds it.
        let _ = timeout(Duration::from_millis(100), goodbye).await;
    }

    pub fn handle(&self) -> &Handle<Handler> {
        &self.handle
    }

    pub fn inboxes(&self) -> &Inboxes {
        &self.news.inboxes
    }

    /// Why the server granted no channel.
    pub async fn refusal(&self) -> Option<String> {
        self.news.refusal().await
    }

    pub fn is_over(&self) -> bool {
        self.news.is_over()
    }

    /// What to say of a stream that ended: why the connection did, or how the program at its other end did.
    pub fn epitaph(&self, exit: Option<&Exit>) -> Option<String> {
        if let Some(end) = self.news.end() {
            return Some(end);
        }
        match exit {
            Some(Exit::Signal(signal)) => Some(format!("the shell was ended by SIG{signal}")),
            _ => None,
        }
    }
}

/// Waits for as long as a login may take, and for whoever is asked for a passphrase.
async fn late(shared: &Shared) {
    loop {
        tokio::time::sleep(LOGIN).await;
        if !shared.keys.is_asking() {
            return;
        }
    }
}
