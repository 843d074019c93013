//! A lock that is held on this machine, as a file lock. The kernel releases it when the process ends, for
//! any reason.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::failure::lost;
use super::name::file_name;
use super::record::json;
use super::wanted::Waiting;
use crate::model::{Emission, Failure, FailureKind, Kind, LockHolder};
use crate::run::{Bus, Fence, Guard};
use crate::store::{HeldFile, Locks, Store, StoreError, TakeResult};

/// A lock that this run holds on this machine.
pub struct LocalLock {
    holder: LockHolder,
    bus: Bus,
    /// `None` once it is released.
    file: Mutex<Option<HeldFile>>,
    lost: Mutex<Option<Failure>>,
}

impl LocalLock {
    pub(super) fn acquire(
        holder: &LockHolder,
        waiting: &mut Waiting<'_>,
        cancel: &CancellationToken,
    ) -> Result<Arc<Self>, Failure> {
        let locks = locks()?;
        let (file, words) = (file_name(&holder.lock), json(holder));
        loop {
            match locks.take(&file, &words).map_err(|error| failed(&error))? {
                TakeResult::Acquired(file) => {
                    return Ok(Arc::new(Self {
                        holder: holder.clone(),
                        bus: waiting.run().bus.clone(),
                        file: Mutex::new(Some(file)),
                        lost: Mutex::default(),
                    }));
                }
                TakeResult::Held(words) => {
                    let other: Option<LockHolder> = serde_json::from_str(&words).ok();
                    let id = other.as_ref().map_or("", |other| &other.id);
                    waiting.goes_on_for(id, other.as_ref(), Vec::new())?;
                    let run = waiting.run();
                    run.runtime.block_on(waiting.pause(cancel))?;
                }
                // Another process has the file open only for a moment.
                TakeResult::Busy => {
                    let run = waiting.run();
                    run.wait(cancel, async {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    })?;
                }
            }
        }
    }

    #[must_use]
    pub const fn holder(&self) -> &LockHolder {
        &self.holder
    }

    /// Whether it was ours to the end.
    pub(super) fn release(&self) -> bool {
        let ours = self.check().is_ok();
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        ours
    }

    /// # Errors
    /// Fails if the lock was broken.
    fn check(&self) -> Result<(), Failure> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &*lost {
            return Err(failure.clone());
        }
        let Some(taken) = file.as_ref().filter(|file| !file.is_ours()) else {
            return Ok(());
        };
        let holder: Option<LockHolder> = serde_json::from_str(&taken.words_there()).ok();
        let reason = holder.as_ref().map_or_else(
            || "it was broken with `ops lock break`".to_owned(),
            |other| format!("it was broken with `ops lock break`, and is now held by {other}"),
        );
        let failure = self::lost(&self.holder, &reason);
        self.bus.emit(Emission::new(Kind::LockLost {
            lock: self.holder.lock.clone(),
            id: self.holder.id.clone(),
            reason,
            holder: holder.map(Box::new),
        }));
        *lost = Some(failure.clone());
        Err(failure)
    }
}

/// No host knows about it, so no host can be asked: the file is checked here, before anything is sent.
impl Fence for LocalLock {
    fn lock(&self) -> &str {
        &self.holder.lock
    }

    fn guard(&self, host: &str) -> Result<Option<Guard>, Failure> {
        self.check().map_err(|failure| failure.on(host))?;
        Ok(None)
    }

    fn refused(&self, host: &str, _: &str) -> Failure {
        lost(&self.holder, "it was broken").on(host)
    }
}

/// The locks of this machine.
pub(super) fn locks() -> Result<Locks, Failure> {
    Store::locate(|name| std::env::var_os(name))
        .map(|store| store.locks())
        .map_err(|error| failed(&error))
}

pub(super) fn failed(error: &StoreError) -> Failure {
    Failure::new(FailureKind::Failed, error.to_string())
        .with_hint(error.hint().map(ToOwned::to_owned))
}
