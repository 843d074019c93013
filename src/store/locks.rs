//! Locks of this machine: a file each in `$XDG_STATE_HOME/ops/locks/`, held with `File::lock`.
//!
//! The kernel frees such a lock however its process ends. The file says who holds it; if the lock is free,
//! that means nothing. Locks are taken and broken behind a gate, a lock that is held only for that moment, so
//! that the text and the lock always belong to the same holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::private::state_dir;

/// Not the name of a lock: those do not begin with a dot.
const GATE: &str = ".gate";

/// The directory of locks.
#[derive(Debug, Clone)]
pub struct Locks {
    dir: PathBuf,
}

/// The result of asking for a lock.
#[derive(Debug)]
pub enum TakeResult {
    Acquired(HeldFile),
    /// Another process holds it, and wrote this about itself.
    Held(String),
    /// Another process is at the gate: ask again at once.
    Busy,
}

/// The result of breaking a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    Done,
    /// Nobody holds it, or another process than the one expected.
    NotHeld,
    Busy,
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct HeldFile {
    file: File,
    path: PathBuf,
}

impl Locks {
    pub(super) const fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Takes the lock with this file name, if it is free. `words` are about the holder.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn take(&self, name: &str, words: &str) -> Result<TakeResult, StoreError> {
        state_dir(&self.dir)?;
        let Some(_gate) = self.gate()? else {
            return Ok(TakeResult::Busy);
        };
        let path = self.dir.join(name);
        let failed = || StoreError::io("write", &path);
        let mut file = open(&path).map_err(failed())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(TakeResult::Held(read(&mut file))),
            Err(TryLockError::Error(error)) => return Err(failed()(error)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.write_all(words.as_bytes())
        };
        write(&mut file).map_err(failed())?;
        Ok(TakeResult::Acquired(HeldFile { file, path }))
    }

    /// What the holder of a lock wrote about itself. `None`: the lock is free.
    #[must_use]
    pub fn look(&self, name: &str) -> Option<String> {
        let mut file = File::open(self.dir.join(name)).ok()?;
        // Shared, so that two readers do not take each other for a holder.
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read(&mut file)),
            _ => None,
        }
    }

    /// What the holders of all locks wrote about themselves.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name != GATE)
            .collect();
        names.sort_unstable();
        names.iter().filter_map(|name| self.look(name)).collect()
    }

    /// Breaks a lock if `is` recognises the holder by its words: the file is removed, so the next holder
    /// creates another.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn break_one(&self, name: &str, is: impl Fn(&str) -> bool) -> Result<Break, StoreError> {
        if !self.dir.is_dir() {
            return Ok(Break::NotHeld);
        }
        let Some(_gate) = self.gate()? else {
            return Ok(Break::Busy);
        };
        if !self.look(name).is_some_and(|words| is(&words)) {
            return Ok(Break::NotHeld);
        }
        let path = self.dir.join(name);
        std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        Ok(Break::Done)
    }

    fn gate(&self) -> Result<Option<File>, StoreError> {
        let path = self.dir.join(GATE);
        let gate = open(&path).map_err(StoreError::io("write", &path))?;
        match gate.try_lock() {
            Ok(()) => Ok(Some(gate)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
        }
    }
}

impl HeldFile {
    /// Whether it was not broken: whether its file is still the one that others would lock.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        let same = |there: std::fs::Metadata, ours: std::fs::Metadata| {
            (there.dev(), there.ino()) == (ours.dev(), ours.ino())
        };
        match (std::fs::metadata(&self.path), self.file.metadata()) {
            (Ok(there), Ok(ours)) => same(there, ours),
            _ => false,
        }
    }

    /// The text of the file that is now at the path of this lock.
    #[must_use]
    pub fn words_there(&self) -> String {
        File::open(&self.path).map_or_else(|_| String::new(), |mut file| read(&mut file))
    }
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        // A child that is being started has the file open too for a moment, so closing it is not enough.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn read(file: &mut File) -> String {
    let mut words = String::new();
    // Text that cannot be read counts as empty.
    let _ = file
        .rewind()
        .and_then(|()| file.take(64 * 1024).read_to_string(&mut words));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks() -> (tempfile::TempDir, Locks) {
        let dir = tempfile::tempdir().expect("a directory");
        let locks = Locks::at(dir.path().join("ops/locks"));
        (dir, locks)
    }

    /// A process that another test starts may have the file open for a moment: then it is busy, and the
    /// callers try again too.
    fn take(locks: &Locks, name: &str, words: &str) -> HeldFile {
        loop {
            match locks.take(name, words).expect("it can be written") {
                TakeResult::Acquired(file) => return file,
                TakeResult::Busy => std::thread::yield_now(),
                held @ TakeResult::Held(_) => panic!("{held:?}"),
            }
        }
    }

    fn break_one(locks: &Locks, holder: &str) -> Break {
        loop {
            match locks.break_one("a", |words| words == holder) {
                Ok(Break::Busy) => std::thread::yield_now(),
                other => return other.expect("it can be read"),
            }
        }
    }

    #[test]
    fn a_second_process_reads_who_holds_the_lock() {
        let (_dir, locks) = locks();
        let held = take(&locks, "a", "ada");
        assert!(matches!(locks.take("a", "bob"), Ok(TakeResult::Held(who)) if who == "ada"));
        assert_eq!(locks.list(), ["ada"]);
        drop(held);
        assert_eq!(locks.look("a"), None);
        drop(take(&locks, "a", "bob"));
    }

    #[test]
    fn only_the_lock_of_the_expected_holder_is_broken() {
        let (_dir, locks) = locks();
        let held = take(&locks, "a", "ada");
        assert_eq!(break_one(&locks, "bob"), Break::NotHeld);
        assert!(held.is_ours());
        assert_eq!(break_one(&locks, "ada"), Break::Done);
        assert!(!held.is_ours());
        let next = take(&locks, "a", "bob");
        assert!(!held.is_ours());
        assert_eq!(held.words_there(), "bob");
        drop(held);
        assert!(next.is_ours());
        assert_eq!(locks.list(), ["bob"]);
    }
}
