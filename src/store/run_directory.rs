//! The directory of the current run.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::journal::{DieAt, FILE, RunRecord};
use super::output::{Taken, step_hash};
use super::private::{new_dir, new_file, state_dir};
use super::{Journal, Meta, OutputFile, RunId, StoreError};
use crate::model::{OutputStream, Secrets};

/// The directory of the current run. A clone is the same directory; its lock is held until the last clone and
/// the recorder are dropped.
#[derive(Clone)]
pub struct RunDirectory(Arc<Inner>);

struct Inner {
    id: RunId,
    dir: PathBuf,
    journal: Journal,
    secrets: Secrets,
    outputs: Taken,
    /// Never read. It is open for its lock.
    _lock: File,
}

impl RunDirectory {
    /// Creates the directory of a new run in `runs`.
    pub(super) fn begin(
        runs: &Path,
        playbook: &str,
        check: bool,
        secrets: Secrets,
        die_at: DieAt,
    ) -> Result<Self, StoreError> {
        state_dir(runs)?;
        let (id, dir) = fresh_dir(runs)?;
        Self::fill(id, dir.clone(), playbook, check, secrets, die_at).inspect_err(|_| {
            // An incomplete directory is useless. If it cannot be removed, the run is listed as killed.
            let _ = std::fs::remove_dir_all(&dir);
        })
    }

    fn fill(
        id: RunId,
        dir: PathBuf,
        playbook: &str,
        check: bool,
        secrets: Secrets,
        die_at: DieAt,
    ) -> Result<Self, StoreError> {
        let lock_path = dir.join("lock");
        let lock = new_file(&lock_path).map_err(StoreError::io("create", &lock_path))?;
        lock.lock().map_err(StoreError::io("lock", &lock_path))?;
        let meta = Meta {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            playbook: secrets.scrub(playbook).into_owned(),
            check,
            started: Timestamp::now(),
            pid: std::process::id(),
            finished: None,
        };
        meta.write(&dir)?;
        let journal = Journal::create(&dir.join(FILE), die_at, &secrets)?;
        Ok(Self(Arc::new(Inner {
            id,
            dir,
            journal,
            secrets,
            outputs: Taken::default(),
            _lock: lock,
        })))
    }

    /// Opens the directory of a run that has ended, for another attempt of the run. Returns what its journal
    /// says. The lock is taken: no other process can do the same.
    pub(super) fn reopen(
        id: RunId,
        dir: PathBuf,
        secrets: Secrets,
        die_at: DieAt,
    ) -> Result<(Self, RunRecord), StoreError> {
        let lock_path = dir.join("lock");
        let failed = || StoreError::io("lock", &lock_path);
        let lock = OpenOptions::new().write(true).open(&lock_path);
        let lock = lock.map_err(failed())?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Running(id.to_string())),
            Err(TryLockError::Error(error)) => return Err(failed()(error)),
        }
        if let Some(meta) = Meta::read(&dir) {
            let meta = Meta {
                pid: std::process::id(),
                finished: None,
                ..meta
            };
            meta.write(&dir)?;
        }
        let (journal, record) = Journal::reopen(&dir.join(FILE), die_at, &secrets)?;
        let outputs = Taken::default();
        outputs.store(size(&dir.join("output")), Ordering::Relaxed);
        let run = Self(Arc::new(Inner {
            id,
            dir,
            journal,
            secrets,
            outputs,
            _lock: lock,
        }));
        Ok((run, record))
    }

    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.0.id
    }

    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    #[must_use]
    pub fn journal(&self) -> Journal {
        self.0.journal.clone()
    }

    /// The file for the output of a step, if it is too long for an event. The output must be scrubbed first.
    #[must_use]
    pub fn output(&self, step: &str, stream: OutputStream) -> OutputFile {
        let step = self.0.secrets.scrub(step);
        OutputFile::new(
            output_path(&self.0.dir, &step, stream),
            self.0.outputs.clone(),
        )
    }
}

/// The path for one output of a step.
pub(super) fn output_path(dir: &Path, step: &str, stream: OutputStream) -> PathBuf {
    let hash = step_hash(step);
    let end = match stream {
        OutputStream::Stdout => "stdout",
        OutputStream::Stderr => "stderr",
    };
    dir.join("output").join(format!("{hash}.{end}"))
}

/// The bytes of all files in a directory.
fn size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some(entry.metadata().ok()?.len()))
        .sum()
}

/// A new directory with an id that no other run has.
fn fresh_dir(runs: &Path) -> Result<(RunId, PathBuf), StoreError> {
    loop {
        let id = RunId::new();
        let dir = runs.join(id.as_str());
        match new_dir(&dir, false) {
            Ok(()) => return Ok((id, dir)),
            // Two runs in the same second with the same four letters: try again.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StoreError::io("create", &dir)(error)),
        }
    }
}
