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
use crate::transport::settings::SshSettings;
use crate::transport::{TransportError, TransportErrorKind};

use super::algorithms;
use super::channel;
use super::diagnosis;
use super::dial::{self, Listened, Preamble};
use super::handler::{Handler, News};
use super::host_key::HostKeys;
use super::inbox::{Exit, Inboxes};
use super::login::Login;
use super::shared::Shared;

/// Streams on one connection. Servers grant ten (`MaxSessions`) by default.
const CHANNELS: usize = 8;

/// For a login, beyond the time for connecting: somebody may have to touch a key.
const LOGIN: Duration = Duration::from_secs(20);

/// A connection that is logged in. It ends when nothing holds it any more.
pub(super) struct Link {
    handle: Handle<Handler>,
    news: Arc<News>,
    channels: Arc<Semaphore>,
}

impl Link {
    /// Connects and logs in.
    pub fn connect<'a>(
        settings: &'a SshSettings,
        shared: &'a Shared,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Arc<Self>, TransportError>> {
        // Boxed: a connection to a host behind jump hosts makes theirs the same way.
        Box::pin(async move {
            dial::check(settings)?;
            let preamble = Preamble::default();
            if settings.jumps.is_empty() {
                let addresses = dial::resolve(settings, limit).await?;
                let address = addresses[0].to_string();
                let _place = shared.startups.at(&address).await;
                let started = Instant::now();
                let (stream, peer) = dial::connect(settings, &addresses, limit).await?;
                // A host that is up and says nothing keeps no other from its key exchange.
                let left = limit.saturating_sub(started.elapsed());
                let _ = timeout(left, stream.readable()).await;
                let left = limit.saturating_sub(started.elapsed());
                let stream = Listened::new(stream, preamble.clone());
                Self::over(
                    stream,
                    Some(peer),
                    &preamble,
                    settings,
                    shared,
                    left.max(limit / 4),
                )
                .await
            } else {
                let tunnel = shared.jumps.tunnel(settings, shared, limit).await?;
                let key = format!("{} {}:{}", tunnel.through(), settings.host, settings.port);
                let _place = shared.startups.at(&key).await;
                let stream = Listened::new(tunnel, preamble.clone());
                Self::over(stream, None, &preamble, settings, shared, limit).await
            }
        })
    }

    async fn over<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        stream: S,
        peer: Option<SocketAddr>,
        preamble: &Preamble,
        settings: &SshSettings,
        shared: &Shared,
        limit: Duration,
    ) -> Result<Arc<Self>, TransportError> {
        let host_keys = HostKeys::new(settings, Arc::clone(&shared.known_hosts));
        let config = algorithms::config(settings, host_keys.algorithms())?;
        let signatures = host_keys.clone();
        let news = Arc::new(News::default());
        let handler = Handler {
            news: Arc::clone(&news),
            host_keys,
            peer,
        };
        let place = shared.startups.exchange().await;
        let mut handle = timeout(limit, client::connect_stream(config, stream, handler))
            .await
            .map_err(|_| diagnosis::too_slow("the host did not answer as an SSH server", limit))?
            .map_err(|ended| diagnosis::key_exchange(settings, ended, &news, &preamble.words()))?;
        drop(place);
        if let Some(binding) = handle.agent_session_binding() {
            signatures.check_signature(binding.signature())?;
        }
        let login = Login {
            settings,
            keys: &shared.keys,
            agents: &shared.agents,
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
            None => Err(self.refused(&russh::Error::Disconnect)),
        }
    }

    async fn start(
        self: &Arc<Self>,
        place: OwnedSemaphorePermit,
    ) -> Result<Stream, TransportError> {
        let opened = self.handle.channel_open_session().await;
        let (_, opened) = opened.map_err(|error| self.refused(&error))?.split();
        // Nobody waits for the answer: what is written next is on its way at once.
        opened
            .exec(false, REMOTE_COMMAND)
            .await
            .map_err(|error| self.refused(&error))?;
        Ok(channel::stream(Arc::clone(self), opened, place))
    }

    /// Why there is no channel.
    fn refused(&self, error: &russh::Error) -> TransportError {
        tracing::debug!(%error, "no further channel");
        let said = self.news.refusal();
        let (kind, message) = match error {
            russh::Error::ChannelOpenFailure(_) => (
                TransportErrorKind::Other,
                format!("the host grants no session: {}", said.unwrap_or_default()),
            ),
            _ => (
                TransportErrorKind::Network,
                self.news
                    .end()
                    .unwrap_or_else(|| "Connection closed by the host".to_owned()),
            ),
        };
        TransportError {
            kind,
            message,
            hint: Some("Does this user have a login shell on the host?".into()),
        }
    }

    pub fn handle(&self) -> &Handle<Handler> {
        &self.handle
    }

    pub fn inboxes(&self) -> &Inboxes {
        &self.news.inboxes
    }

    /// Why the server granted no channel.
    pub fn refusal(&self) -> Option<String> {
        self.news.refusal()
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
