//! Fences: the locks of a run, seen by requests that change a host and must prove that the locks are still
//! held.
//!
//! A run that has lost a lock must not change anything that the lock covers. So while a run holds a lock,
//! every request that may change a host begins with a guard, which the host itself checks.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Failure;

/// A held lock, as the run sees it.
pub trait Fence: Send + Sync {
    /// The name of the lock.
    fn lock(&self) -> &str;

    /// Returns the guard for requests to this host. `None`: the lock does not cover the host.
    ///
    /// # Errors
    /// The lock is known to be lost: nothing may be sent.
    fn guard(&self, host: &str) -> Result<Option<Guard>, Failure>;

    /// The failure to report after the guard failed on the host with this output.
    fn refused(&self, host: &str, printed: &str) -> Failure;
}

/// A script that fails if the run no longer holds the lock. It uses only builtins of `sh`, so it costs
/// almost nothing.
#[derive(Debug, Clone)]
pub struct Guard {
    pub script: String,
    /// The owner of the files that the script reads: only this user and root can read them.
    pub user: Option<String>,
}

/// The fences of a run.
#[derive(Default)]
pub struct Fences(Mutex<Vec<Arc<dyn Fence>>>);

impl Fences {
    /// Adds the fence of a lock that was taken: from now on, changes have to pass it.
    pub fn raise(&self, fence: Arc<dyn Fence>) {
        self.list().push(fence);
    }

    /// Removes the fence of a lock that was released.
    pub fn lower(&self, fence: &Arc<dyn Fence>) {
        self.list().retain(|other| !Arc::ptr_eq(other, fence));
    }

    /// Whether the run holds a lock with this name.
    #[must_use]
    pub fn holds(&self, lock: &str) -> bool {
        self.list().iter().any(|fence| fence.lock() == lock)
    }

    pub(super) fn list(&self) -> std::sync::MutexGuard<'_, Vec<Arc<dyn Fence>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
