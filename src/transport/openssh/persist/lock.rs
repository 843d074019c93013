//! Determines who may open a kept connection: the holder of a lock on its log.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Result;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

/// How often to try to take it. The holder opens a connection, which takes at least some tens of
/// milliseconds.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// Held until dropped, or until the process is gone, for whatever reason.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "its lock ends with it")] File);

impl Lock {
    /// Waits for the lock.
    pub(crate) async fn on(path: &Path) -> Result<Self> {
        loop {
            if let Some(lock) = Self::attempt(path)? {
                return Ok(lock);
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }

    /// `None` if another process has it.
    pub(crate) fn attempt(path: &Path) -> Result<Option<Self>> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // The previous holder may have removed the file: then this lock is worthless.
        let there = std::fs::metadata(path)
            .ok()
            .map(|there| (there.dev(), there.ino()));
        let held = file.metadata()?;
        Ok((there == Some((held.dev(), held.ino()))).then_some(Self(file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_exclusive_and_a_lock_on_a_removed_file_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let first = Lock::attempt(&path).unwrap().unwrap();
        assert!(Lock::attempt(&path).unwrap().is_none());
        std::fs::remove_file(&path).unwrap();
        let second = Lock::attempt(&path).unwrap().unwrap();
        drop(first);
        assert!(Lock::attempt(&path).unwrap().is_none());
        drop(second);
        assert!(Lock::attempt(&path).unwrap().is_some());
    }
}
