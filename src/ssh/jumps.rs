//! Connections through jump hosts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use super::channel::Tunnel;
use super::connection::SshConnection;
use super::diagnosis;
use super::error::SshError;
use super::settings::SshSettings;

/// Maximum number of connections through one connection to a jump host. `MaxSessions` does not count them,
/// but each is a socket of one sshd process, which may have 1,024, and they all share one processor there.
const MAX_TUNNELS: usize = 64;

/// The jump hosts of a run. Their connections are shared, and end with the last host behind them.
#[derive(Debug, Default)]
pub(super) struct Jumps {
    hosts: Mutex<HashMap<String, Vec<Arc<Jump>>>>,
}

/// A connection to a jump host, open or being opened. All hosts waiting for it share the result.
#[derive(Debug)]
struct Jump {
    places: Arc<Semaphore>,
    connection: OnceCell<Result<Weak<SshConnection>, SshError>>,
}

impl Jumps {
    /// Opens a connection to a host's port through the last of its jump hosts. `connect` connects to the jump
    /// host itself.
    pub(crate) async fn tunnel<'c>(
        &self,
        settings: &SshSettings,
        limit: Duration,
        connect: impl Fn(SshSettings) -> BoxFuture<'c, Result<Arc<SshConnection>, SshError>>,
    ) -> Result<Tunnel, SshError> {
        let Some((last, before)) = settings.jumps.split_last() else {
            return Err(diagnosis::not_resolved(settings, "no jump host"));
        };
        let jump_settings = SshSettings {
            jumps: before.to_vec(),
            ..last.clone()
        };
        let name = &jump_settings.original;
        // Everything that distinguishes connections to a jump host.
        let key = format!("{jump_settings:?}");
        loop {
            let (jump, place) = self.place(&key);
            // Held until the tunnel holds it.
            let mut made = None;
            let connection = jump
                .connection
                .get_or_init(|| async {
                    let connection = connect(jump_settings.clone())
                        .await
                        .map_err(|error| at(name, error))?;
                    made = Some(Arc::clone(&connection));
                    Ok(Arc::downgrade(&connection))
                })
                .await;
            match connection {
                Ok(connection) => {
                    let connection = connection.upgrade();
                    if let Some(connection) = connection.filter(|found| !found.is_over()) {
                        let channel = connection.forward(settings, name, place, limit).await?;
                        return Ok(channel.into_tunnel());
                    }
                    // The connection has ended. The next iteration opens another.
                    self.forget(&key, &jump);
                }
                Err(error) => {
                    self.forget(&key, &jump);
                    return Err(error.clone());
                }
            }
        }
    }

    /// A place on one of the connections to a jump host, or on a new connection.
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
                places: Arc::new(Semaphore::new(MAX_TUNNELS)),
                connection: OnceCell::new(),
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

/// Adds the name of the jump host to an error.
fn at(jump: &str, error: SshError) -> SshError {
    SshError {
        message: format!("jump host {jump}: {}", error.message),
        ..error
    }
}
