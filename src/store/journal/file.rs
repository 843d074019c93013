//! The file of a journal.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::die::DieAt;
use crate::store::private::new_file;

/// Returns the new text of a line, or `None` to keep it.
pub(in crate::store) type Rewrite<'r> = dyn Fn(&[u8]) -> io::Result<Option<Vec<u8>>> + 'r;

/// A file, or a substitute in tests. A write and a sync may run at the same time.
pub(in crate::store) trait Sink: Send + Sync {
    /// Hands all bytes to the kernel.
    fn write(&self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until everything that was written before is on disk.
    fn sync(&self) -> io::Result<()>;

    /// Replaces lines. Never called during a write.
    fn rewrite(&self, _line: &Rewrite<'_>) -> io::Result<()> {
        Ok(())
    }
}

/// The file of a journal, and the directories that must be durable so that it can be found.
pub(super) struct JournalFile {
    path: PathBuf,
    file: Mutex<Arc<File>>,
    /// Synced with the first change: a run that changes nothing does not wait for the disk.
    fresh: Mutex<Vec<PathBuf>>,
    die_at: DieAt,
}

impl JournalFile {
    /// A new file.
    pub(super) fn create(path: &Path, die_at: DieAt) -> io::Result<Self> {
        let file = new_file(path)?;
        // The directory of the run, and that of all runs.
        let fresh = path.ancestors().skip(1).take(2).map(Path::to_owned);
        Ok(Self::new(path, file, fresh.collect(), die_at))
    }

    /// A file that is there, without what follows after `len` bytes.
    pub(super) fn reopen(path: &Path, len: u64, die_at: DieAt) -> io::Result<Self> {
        let file = append(path)?;
        file.set_len(len)?;
        Ok(Self::new(path, file, Vec::new(), die_at))
    }

    fn new(path: &Path, file: File, fresh: Vec<PathBuf>, die_at: DieAt) -> Self {
        Self {
            path: path.to_owned(),
            file: Mutex::new(Arc::new(file)),
            fresh: Mutex::new(fresh),
            die_at,
        }
    }

    fn file(&self) -> Arc<File> {
        Arc::clone(&lock(&self.file))
    }

    /// Writes the replacement of the file.
    fn replace(&self, line: &Rewrite<'_>) -> io::Result<()> {
        let new = self.path.with_added_extension("new");
        let mut out = io::BufWriter::new(new_file(&new)?);
        self.each_line(|old| {
            let changed = line(old)?;
            out.write_all(changed.as_deref().unwrap_or(old))?;
            Ok(true)
        })?;
        out.into_inner()?.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        *lock(&self.file) = Arc::new(append(&self.path)?);
        Ok(())
    }

    /// Reads lines, with their newlines, while `then` returns true.
    fn each_line(&self, mut then: impl FnMut(&[u8]) -> io::Result<bool>) -> io::Result<()> {
        let mut file = BufReader::new(File::open(&self.path)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            if file.read_until(b'\n', &mut line)? == 0 || !then(&line)? {
                return Ok(());
            }
        }
    }
}

impl Sink for JournalFile {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.die_at
            .around_write(|| (&*self.file()).write_all(bytes))
    }

    fn sync(&self) -> io::Result<()> {
        self.file().sync_data()?;
        let mut fresh = lock(&self.fresh);
        while let Some(dir) = fresh.last() {
            File::open(dir)?.sync_all()?;
            fresh.pop();
        }
        Ok(())
    }

    fn rewrite(&self, line: &Rewrite<'_>) -> io::Result<()> {
        let mut changes = false;
        self.each_line(|old| {
            changes = line(old)?.is_some();
            Ok(!changes)
        })?;
        if changes { self.replace(line) } else { Ok(()) }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).mode(0o600).open(path)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
