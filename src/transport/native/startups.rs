//! How many logins are under way at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Logins under way at one address. sshd begins to turn connections away at random when ten of them are not logged in
/// (`MaxStartups 10:30:100`), whoever they are from: this leaves room for others. Hosts that share an address are containers
/// behind one sshd, or one host under several names.
const AT_ONE_ADDRESS: usize = 8;

/// Key exchanges under way, for each processor. One takes about a millisecond of a processor here and several round trips: so
/// many keep the processors busy up to a round-trip time of about 20 ms, and so few that those under way are through long
/// before the connection's time is over, where all at once would be late together.
const FOR_A_PROCESSOR: usize = 128;

/// The limits of a run. Both queues are fair: first come, first served.
#[derive(Debug)]
pub(super) struct Startups {
    exchanges: Semaphore,
    addresses: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Default for Startups {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, Into::into);
        Self {
            exchanges: Semaphore::new(processors * FOR_A_PROCESSOR),
            addresses: Mutex::default(),
        }
    }
}

impl Startups {
    /// A place among the logins at an address.
    pub async fn at(&self, address: &str) -> Option<OwnedSemaphorePermit> {
        let places = {
            let mut addresses = self
                .addresses
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let places = addresses
                .entry(address.to_owned())
                .or_insert_with(|| Arc::new(Semaphore::new(AT_ONE_ADDRESS)));
            Arc::clone(places)
        };
        // Neither is ever closed.
        places.acquire_owned().await.ok()
    }

    /// A place among the key exchanges of the run.
    pub async fn exchange(&self) -> Option<SemaphorePermit<'_>> {
        self.exchanges.acquire().await.ok()
    }
}
