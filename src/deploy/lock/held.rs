//! A lock that is held, of either scope.

use std::sync::Arc;

use super::hosts::HostsLock;
use super::local::LocalLock;
use crate::model::{Emission, Failure, Kind};
use crate::run::{Fence, Run};

/// A lock that is held until it is released.
pub enum Lock {
    Hosts(Arc<HostsLock>),
    Local(Arc<LocalLock>),
}

impl Lock {
    /// Frees it, and reports that. Shielded from the first interrupt.
    ///
    /// # Errors
    /// A host answered that it could not release the lock.
    pub fn release(self, run: &Run) -> Result<(), Failure> {
        let (fence, holder, free): (Arc<dyn Fence>, _, Result<bool, Failure>) = match self {
            Self::Hosts(lock) => {
                let free = lock.release(run);
                let holder = lock.holder().clone();
                (lock, holder, free)
            }
            Self::Local(lock) => {
                let free = Ok(lock.release());
                let holder = lock.holder().clone();
                (lock, holder, free)
            }
        };
        run.fences.lower(&fence);
        if free? {
            run.bus.emit(Emission::new(Kind::LockReleased {
                lock: holder.lock,
                id: holder.id,
            }));
        }
        Ok(())
    }
}
