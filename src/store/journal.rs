//! The journal: what a run is about to do, on disk before it does it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::private::new_file;
use crate::model::{Outcome, Secrets};

/// One line of `journal.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum JournalEntry {
    /// From now on the step may take effect.
    Intend { ts: Timestamp, step: String },
    /// The host has made the change of the step; it is not verified yet.
    Applied { ts: Timestamp, step: String },
    /// The step has ended with this outcome. `unknown`: it was interrupted, and may have taken effect in
    /// full, in part or not at all. `skipped`: it was not started.
    Done {
        ts: Timestamp,
        step: String,
        outcome: Outcome,
    },
}

/// The journal cannot be written, so nothing may be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to write the journal of this run: {0}")]
pub struct JournalError(String);

impl JournalError {
    /// What to try, as a sentence.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        "Hosts are not changed without a journal. \
         Set XDG_STATE_HOME to a writable directory with free space."
    }
}

/// The journal of a run. A clone is the same one.
///
/// Callers on many threads share one `fdatasync`: a caller that arrives during one waits for the next, which
/// covers all callers that have arrived by then.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// Notified when a commit has ended.
    ended: Condvar,
    sink: Mutex<Box<dyn Sink>>,
    secrets: Secrets,
}

#[derive(Default)]
struct State {
    /// Lines that are not written yet.
    waiting: Vec<u8>,
    /// The number of lines, and how many of them are durable.
    appended: u64,
    durable: u64,
    committing: bool,
    /// The first error. It stays: after an incomplete line no further one can be trusted.
    failed: Option<JournalError>,
}

/// A file, or what a test uses instead.
pub(super) trait Sink: Write + Send {
    fn sync(&mut self) -> io::Result<()>;
}

/// The file of a journal, and the directories that must be durable so that it can be found.
struct JournalFile {
    file: File,
    /// Synced with the first change: a run that changes nothing does not wait for the disk.
    fresh: Vec<PathBuf>,
}

impl Write for JournalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for JournalFile {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        while let Some(dir) = self.fresh.last() {
            File::open(dir)?.sync_all()?;
            self.fresh.pop();
        }
        Ok(())
    }
}

/// Replaces a file that could not be created.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Nowhere {
    fn sync(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Journal {
    pub(super) fn create(path: &Path, secrets: Secrets) -> Result<Self, StoreError> {
        let file = new_file(path).map_err(StoreError::io("create", path))?;
        // The directory of the run, and that of all runs.
        let fresh = path
            .ancestors()
            .skip(1)
            .take(2)
            .map(Path::to_owned)
            .collect();
        Ok(Self::on(
            Box::new(JournalFile { file, fresh }),
            secrets,
            None,
        ))
    }

    pub(super) fn on(sink: Box<dyn Sink>, secrets: Secrets, failed: Option<JournalError>) -> Self {
        let state = Mutex::new(State {
            failed,
            ..State::default()
        });
        Self(Arc::new(Inner {
            state,
            ended: Condvar::new(),
            sink: Mutex::new(sink),
            secrets,
        }))
    }

    /// A journal for a run that cannot be kept. It refuses every intent with this reason.
    #[must_use]
    pub fn unavailable(reason: &StoreError) -> Self {
        Self::on(
            Box::new(Nowhere),
            Secrets::new(),
            Some(JournalError(reason.to_string())),
        )
    }

    /// Records that a step is about to take effect. When this returns, the record is durable.
    ///
    /// # Errors
    /// It could not be written: the effect must not happen.
    pub fn intend(&self, step: &str) -> Result<(), JournalError> {
        self.intend_all([step])
    }

    /// The same for all steps of a request, with a single sync.
    ///
    /// # Errors
    /// They could not be written: none of the effects must happen.
    pub fn intend_all<'s>(
        &self,
        steps: impl IntoIterator<Item = &'s str>,
    ) -> Result<(), JournalError> {
        let mut state = self.state();
        for step in steps {
            let step = self.0.secrets.scrub(step).into_owned();
            state.append(&JournalEntry::Intend {
                ts: Timestamp::now(),
                step,
            });
        }
        let last = state.appended;
        self.commit(state, last)
    }

    /// Records that the change of a step was made. Does not wait for the disk, as [`done`](Self::done).
    pub fn applied(&self, step: &str) {
        let step = self.0.secrets.scrub(step).into_owned();
        let ts = Timestamp::now();
        self.note(&JournalEntry::Applied { ts, step });
    }

    /// Records how a step ended. Does not wait for the disk: if the record is lost, the step counts as in
    /// doubt, and its probe finds the state. A write error is returned by the next intent.
    pub fn done(&self, step: &str, outcome: Outcome) {
        let step = self.0.secrets.scrub(step).into_owned();
        let ts = Timestamp::now();
        self.note(&JournalEntry::Done { ts, step, outcome });
    }

    fn note(&self, entry: &JournalEntry) {
        let mut state = self.state();
        state.append(entry);
        if !state.committing && state.failed.is_none() {
            drop(self.write(state, false));
        }
    }

    /// Makes everything durable, at the end of a run.
    ///
    /// # Errors
    /// It could not be written.
    pub fn sync(&self) -> Result<(), JournalError> {
        let state = self.state();
        let last = state.appended;
        self.commit(state, last)
    }

    /// Waits until the first `count` lines are durable, and syncs them unless another thread does.
    fn commit<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
        count: u64,
    ) -> Result<(), JournalError> {
        loop {
            if let Some(error) = &state.failed {
                return Err(error.clone());
            }
            if state.durable >= count {
                return Ok(());
            }
            state = if state.committing {
                self.0
                    .ended
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner)
            } else {
                self.write(state, true)
            };
        }
    }

    /// Writes the waiting lines, with the state unlocked so that others can append in the meantime.
    fn write<'s>(&'s self, mut state: MutexGuard<'s, State>, sync: bool) -> MutexGuard<'s, State> {
        state.committing = true;
        let lines = std::mem::take(&mut state.waiting);
        let count = state.appended;
        drop(state);
        let mut sink = self.0.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let written = sink
            .write_all(&lines)
            .and_then(|()| if sync { sink.sync() } else { Ok(()) });
        drop(sink);
        let mut state = self.state();
        state.committing = false;
        match written {
            Ok(()) if sync => state.durable = count,
            Ok(()) => {}
            Err(error) => state.failed = Some(JournalError(error.to_string())),
        }
        self.0.ended.notify_all();
        state
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, entry: &JournalEntry) {
        match serde_json::to_writer(&mut self.waiting, entry) {
            Ok(()) => {
                self.waiting.push(b'\n');
                self.appended += 1;
            }
            // Writing strings into memory does not fail. If it did, no intent could be accepted.
            Err(error) => self.failed = Some(JournalError(error.to_string())),
        }
    }
}

#[cfg(test)]
impl Journal {
    pub(super) fn appended(&self) -> u64 {
        self.state().appended
    }
}
