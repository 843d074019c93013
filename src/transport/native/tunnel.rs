//! Connections through jump hosts.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::transport::retry::Queued;
use crate::transport::settings::SshSettings;
use crate::transport::{TransportError, TransportErrorKind};

use super::channel::{self, Held, Outgoing};
use super::diagnosis;
use super::inbox::{Incoming, Which};
use super::link::Link;
use super::shared::Shared;

/// Connections that one connection to a jump host carries. `MaxSessions` does not count them; but each is a socket of one sshd
/// process, which may have 1,024, and all share one processor there.
const TUNNELS: usize = 64;

/// The jump hosts of a run. Their connections are shared: they end with the last host behind them.
#[derive(Debug, Default)]
pub(super) struct Jumps {
    hosts: Mutex<HashMap<String, Vec<Arc<Jump>>>>,
}

/// A connection to a jump host that is there or being made. All who wait for it share what comes of it.
#[derive(Debug)]
struct Jump {
    places: Arc<Semaphore>,
    link: OnceCell<Result<Weak<Link>, TransportError>>,
}

impl Jumps {
    /// A connection to a host's port through the last of its jump hosts.
    pub async fn tunnel(
        &self,
        settings: &SshSettings,
        shared: &Shared,
        queued: &Queued,
        limit: Duration,
    ) -> Result<Tunnel, TransportError> {
        let Some((last, before)) = settings.jumps.split_last() else {
            return Err(diagnosis::not_resolved(settings, "no jump host"));
        };
        let through = SshSettings {
            jumps: before.to_vec(),
            ..last.clone()
        };
        // All that tells connections to a jump host apart.
        let key = format!("{through:?}");
        loop {
            let (jump, place) = self.place(&key);
            let mut made = None;
            let link = jump
                .link
                .get_or_init(|| async {
                    let link = Link::connect(&through, shared, queued, through.connect_timeout)
                        .await
                        .map_err(|error| at(&through, error))?;
                    made = Some(Arc::clone(&link));
                    Ok(Arc::downgrade(&link))
                })
                .await;
            match link {
                Ok(link) => {
                    if let Some(link) = link.upgrade().filter(|link| !link.is_over()) {
                        return open(link, place, settings, &through, limit).await;
                    }
                    // It ended; the next look makes another.
                    self.forget(&key, &jump);
                }
                Err(error) => {
                    self.forget(&key, &jump);
                    return Err(error.clone());
                }
            }
        }
    }

    /// A place on one of the connections to a jump host, or on one that is to be made.
    fn place(&self, key: &str) -> (Arc<Jump>, OwnedSemaphorePermit) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let jumps = hosts.entry(key.to_owned()).or_default();
        loop {
            for jump in jumps.iter() {
                if let Ok(place) = Arc::clone(&jump.places).try_acquire_owned() {
                    return (Arc::clone(jump), place);
                }
            }
            jumps.push(Arc::new(Jump {
                places: Arc::new(Semaphore::new(TUNNELS)),
                link: OnceCell::new(),
            }));
        }
    }

    fn forget(&self, key: &str, jump: &Arc<Jump>) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jumps) = hosts.get_mut(key) {
            jumps.retain(|known| !Arc::ptr_eq(known, jump));
        }
    }
}

/// Says at which host it happened.
fn at(jump: &SshSettings, error: TransportError) -> TransportError {
    TransportError {
        message: format!("jump host {}: {}", jump.original, error.message),
        ..error
    }
}

/// Asks a jump host to connect to a host's port.
async fn open(
    link: Arc<Link>,
    place: OwnedSemaphorePermit,
    settings: &SshSettings,
    through: &SshSettings,
    limit: Duration,
) -> Result<Tunnel, TransportError> {
    let opening = link.handle().channel_open_direct_tcpip(
        settings.host.as_str(),
        u32::from(settings.port),
        "127.0.0.1",
        0,
    );
    let opened = timeout(limit, opening).await.map_err(|_| {
        diagnosis::too_slow(
            &format!(
                "jump host {} did not reach {}",
                through.original, settings.host
            ),
            limit,
        )
    })?;
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let said = match error {
                russh::Error::ChannelOpenFailure(_) => link.refusal().await,
                _ => None,
            };
            let said = said.unwrap_or_else(|| diagnosis::words(&error));
            return Err(TransportError {
                kind: TransportErrorKind::Network,
                message: format!(
                    "jump host {}: no connection to {}:{}: {said}",
                    through.original, settings.host, settings.port
                ),
                hint: Some(format!(
                    "Is {} up and reachable from {}, and does its sshd allow forwarding?",
                    settings.host, through.original
                )),
            });
        }
    };
    let (_, opened) = opened.split();
    let (outgoing, held) = channel::halves(link, opened, place);
    held.inbox.is_tunnel();
    Ok(Tunnel {
        outgoing,
        incoming: Incoming::new(&held.inbox, Which::Stdout),
        _held: held,
    })
}

/// A connection that a jump host made for us. Holds the connection to the jump host.
pub(super) struct Tunnel {
    outgoing: Outgoing,
    incoming: Incoming,
    _held: Held,
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.incoming).poll_read(context, into)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.outgoing).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.outgoing).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.outgoing).poll_shutdown(context)
    }
}
