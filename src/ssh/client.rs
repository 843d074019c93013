//! The SSH client of a run: the caches and limits that its connections share, and the steps from settings to
//! a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use super::attempt::Attempt;
use super::connection::SshConnection;
use super::diagnosis;
use super::dial;
use super::error::{SshError, SshErrorKind};
use super::handler::Handler;
use super::host_keys::{HostVerifier, KnownHosts};
use super::jumps::Jumps;
use super::key_exchange;
use super::login::{self, Agents, KeyFiles, Login, Passwords};
use super::news::News;
use super::settings::{AskPassphrase, SshSettings};
use super::startups::{Place, Queued, Startups};

/// The time for a login, in addition to the time for connecting: the user may have to touch a security key.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(20);

/// The fraction of the connection timeout (1/4) for which a server may stay silent before this client speaks
/// first.
const SILENCE: u32 = 4;

/// The client; each run has one.
#[derive(Debug, Default)]
pub struct Client {
    known_hosts: Arc<KnownHosts>,
    keys: KeyFiles,
    agents: Agents,
    passwords: Passwords,
    startups: Startups,
    jumps: Jumps,
}

/// What is needed to set up one connection.
struct Route<'a> {
    settings: &'a SshSettings,
    /// `None` for a host behind a jump host.
    peer: Option<SocketAddr>,
    attempt: &'a Attempt,
    place: &'a Place,
}

impl Client {
    /// Creates a client that asks for the passphrases of key files.
    pub fn asking(ask: Arc<AskPassphrase>) -> Self {
        Self {
            keys: KeyFiles::asking(ask),
            ..Self::default()
        }
    }

    /// The limits on logins. Anything else that connects to the same hosts obeys them too.
    #[must_use]
    pub const fn startups(&self) -> &Startups {
        &self.startups
    }

    /// The reason why only `ssh` itself can log in to a host, if any, as a fragment for the user. `ssh` may
    /// use keys that this client cannot use.
    #[must_use]
    pub fn keys_need_ssh(&self, settings: &SshSettings) -> Option<String> {
        settings
            .jumps
            .iter()
            .chain([settings])
            .find_map(|host| login::keys_need_ssh(host, &self.keys))
    }

    /// Connects and logs in.
    #[must_use]
    pub fn connect<'a>(
        &'a self,
        settings: &'a SshSettings,
        queued: &'a Queued,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Arc<SshConnection>, SshError>> {
        // Boxed: a connection to a host behind jump hosts connects to them recursively.
        Box::pin(async move {
            diagnosis::check_destination(&settings.host, Some(&settings.user))?;
            let attempt = Attempt::default();
            if let Some(jump) = settings.jumps.last() {
                let key = format!("{} {}:{}", jump.host, settings.host, settings.port);
                let place = queued.wait(self.startups.at(&key)).await;
                let connect_jump = |jump: SshSettings| -> BoxFuture<'a, _> {
                    Box::pin(async move { self.connect(&jump, queued, jump.connect_timeout).await })
                };
                let tunnel = self.jumps.tunnel(settings, limit, connect_jump).await?;
                let stream = attempt.watch(tunnel);
                let route = Route {
                    settings,
                    peer: None,
                    attempt: &attempt,
                    place: &place,
                };
                return self.log_in(stream, &route, queued, limit).await;
            }
            let addresses = dial::resolve(settings, limit).await?;
            let address = addresses[0].to_string();
            let place = queued.wait(self.startups.at(&address)).await;
            let started = Instant::now();
            let (stream, peer) = dial::connect(settings, &addresses, limit).await?;
            // Nearly every server speaks first. A silent one must not keep other hosts from their key
            // exchange. After a while we assume that it waits for the client (RFC 4253 section 4.2 leaves the
            // order open).
            let left = limit.saturating_sub(started.elapsed());
            if let Ok(readable) = timeout(left / SILENCE, stream.readable()).await {
                readable.map_err(|error| diagnosis::unreachable(settings, peer, &error))?;
            }
            let left = limit.saturating_sub(started.elapsed());
            let stream = attempt.watch(stream);
            let route = Route {
                settings,
                peer: Some(peer),
                attempt: &attempt,
                place: &place,
            };
            self.log_in(stream, &route, queued, left).await
        })
    }

    /// Exchanges keys and logs in on a connection.
    async fn log_in<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
        route: &Route<'_>,
        queued: &Queued,
        limit: Duration,
    ) -> Result<Arc<SshConnection>, SshError> {
        let settings = route.settings;
        let host_keys = HostVerifier::new(settings, Arc::clone(&self.known_hosts));
        let config = key_exchange::config(settings, host_keys.algorithms())?;
        let news = Arc::new(News::default());
        let handler = Handler {
            news: Arc::clone(&news),
            host_keys: host_keys.clone(),
            peer: route.peer,
        };
        let exchange = queued.wait(self.startups.exchange()).await;
        let mut handle = timeout(
            limit,
            russh::client::connect_stream(config, stream, handler),
        )
        .await
        .map_err(|_| diagnosis::silent(settings))?
        .map_err(|error| diagnosis::key_exchange(settings, error, &news, &route.attempt.preamble()))
        .inspect_err(|error| {
            if error.kind == SshErrorKind::Network {
                route.place.dropped_by_server();
            }
        })?;
        route.attempt.succeeded();
        drop(exchange);
        if let Some(binding) = handle.agent_session_binding() {
            host_keys.check_signature(binding.signature())?;
        }
        let login = Login {
            settings,
            keys: &self.keys,
            agents: &self.agents,
            passwords: &self.passwords,
            news: &news,
        };
        tokio::select! {
            done = login::run(&login, &mut handle) => done?,
            () = self.login_timeout() => {
                return Err(diagnosis::too_slow("the login did not complete", LOGIN_TIMEOUT));
            }
        }
        Ok(Arc::new(SshConnection::new(handle, news, settings)))
    }

    /// Waits for the maximum duration of a login, and for as long as the user is asked for a passphrase.
    async fn login_timeout(&self) {
        loop {
            tokio::time::sleep(LOGIN_TIMEOUT).await;
            if !self.keys.is_asking() {
                return;
            }
        }
    }
}
