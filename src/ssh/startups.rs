//! Limits the number of logins in progress.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Maximum number of logins in progress at one address. sshd starts to drop connections at random once ten of
/// them are not logged in (`MaxStartups 10:30:100`), counting all clients: this limit leaves room for others.
/// Hosts that share an address are containers behind one sshd, or one host under several names.
const AT_ONE_ADDRESS: usize = 8;

/// Maximum number of key exchanges in progress per processor. Each takes about a millisecond of a local
/// processor and several round trips. This many keep the processors busy up to a round-trip time of about 20
/// ms, and each of them finishes long before its connection timeout. If all ran at once, all would be late.
const PER_PROCESSOR: usize = 128;

/// The limits of a run. Both queues are fair: first come, first served.
#[derive(Debug)]
pub struct Startups {
    exchanges: Semaphore,
    addresses: Mutex<HashMap<String, Arc<Address>>>,
}

/// The logins at one address.
#[derive(Debug)]
struct Address {
    places: Arc<Semaphore>,
    limit: Mutex<Limit>,
}

/// The maximum number of concurrent logins. It is halved when the server drops one.
#[derive(Debug)]
struct Limit {
    places: usize,
    /// Places in use that will not be given back.
    surplus: usize,
    /// How many times it was halved: connections that are dropped at the same time halve it only once.
    age: u64,
}

/// A place among the logins at an address.
#[derive(Debug)]
pub struct Place {
    address: Arc<Address>,
    permit: Option<OwnedSemaphorePermit>,
    age: u64,
}

impl Default for Startups {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, Into::into);
        Self {
            exchanges: Semaphore::new(processors * PER_PROCESSOR),
            addresses: Mutex::default(),
        }
    }
}

impl Startups {
    /// Waits for a place among the logins at an address.
    pub async fn at(&self, address: &str) -> Place {
        let address = {
            let mut addresses = self
                .addresses
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            Arc::clone(addresses.entry(address.to_owned()).or_default())
        };
        // The semaphore is never closed.
        let permit = Arc::clone(&address.places).acquire_owned().await.ok();
        let age = address.limit().age;
        Place {
            address,
            permit,
            age,
        }
    }

    /// Waits for a place among the key exchanges of the run.
    pub async fn exchange(&self) -> Option<SemaphorePermit<'_>> {
        self.exchanges.acquire().await.ok()
    }
}

impl Default for Address {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONE_ADDRESS)),
            limit: Mutex::new(Limit {
                places: AT_ONE_ADDRESS,
                surplus: 0,
                age: 0,
            }),
        }
    }
}

impl Address {
    fn limit(&self) -> MutexGuard<'_, Limit> {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Records that the server dropped this connection before the login, as it does if there are too many at
    /// a time (`MaxStartups`).
    pub fn dropped_by_server(&self) {
        let mut limit = self.address.limit();
        if limit.age != self.age || limit.places == 1 {
            return;
        }
        let fewer = limit.places / 2;
        let gone = limit.places - fewer;
        let free = self.address.places.forget_permits(gone);
        limit.surplus += gone - free;
        limit.places = fewer;
        limit.age += 1;
        tracing::debug!(fewer, "the server drops connections");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut limit = self.address.limit();
        if limit.surplus > 0
            && let Some(permit) = self.permit.take()
        {
            limit.surplus -= 1;
            permit.forget();
        }
    }
}

/// How long an attempt waited in queues of this process. This is not the host's fault, and is not subtracted
/// from its time.
#[derive(Debug, Default)]
pub struct Queued(AtomicU64);

impl Queued {
    /// Waits for a turn, and counts the time.
    pub async fn wait<T>(&self, turn: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let turn = turn.await;
        let waited = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.fetch_add(waited, Ordering::Relaxed);
        turn
    }

    /// Returns the time waited since the last call.
    pub fn take(&self) -> Duration {
        Duration::from_micros(self.0.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of places that an address has at a time.
    fn places(startups: &Startups) -> usize {
        let mut held = Vec::new();
        while let Some(place) = futures_util::FutureExt::now_or_never(startups.at("a")) {
            held.push(place);
        }
        held.len()
    }

    #[tokio::test]
    async fn fewer_log_in_at_once_after_the_server_drops_one() {
        let startups = Startups::default();
        assert_eq!(places(&startups), AT_ONE_ADDRESS);
        let mut held = Vec::new();
        for _ in 0..AT_ONE_ADDRESS {
            held.push(startups.at("a").await);
        }
        // Connections dropped at the same time count once.
        held[0].dropped_by_server();
        held[1].dropped_by_server();
        held.truncate(3);
        assert_eq!(places(&startups), 1);
        drop(held);
        assert_eq!(places(&startups), 4);
        for left in [2, 1, 1] {
            startups.at("a").await.dropped_by_server();
            assert_eq!(places(&startups), left);
        }
        let other = futures_util::FutureExt::now_or_never(startups.at("b"));
        assert!(other.is_some());
    }
}
