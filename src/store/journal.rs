//! The journal: what a run is about to do, on disk before it does it, and the results.
//!
//! `journal.jsonl` is text in lines of JSON. Each attempt of the run begins with a [`Header`]; the other
//! lines are [`JournalEntry`]s. docs/runs.md describes the format.
//!
//! - An intent is durable when [`Journal::intend`] returns. Callers on many threads share one `fdatasync`: a
//!   caller that arrives during one waits for the next, which covers all that were written by then.
//! - A result is handed to the kernel before the call returns, also while another thread syncs. So it
//!   outlives the process, though not necessarily the machine: then the step counts as in doubt.
//! - Texts are searched for secrets when they are written, and again whenever a secret becomes known
//!   ([`Secrets::on_new`]): if the journal holds it, it is written anew before the script has the secret.

mod die;
mod entry;
mod file;
mod header;
mod hide;
mod lines;
mod output;
mod pending;
mod read;
mod rollout;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use super::StoreError;
use super::output::step_hash;
use crate::model::{NewSecret, Outcome, Position, Secrets};
use file::JournalFile;
use lines::Lines;
use output::Results;
use pending::Pending;

pub(super) use die::DieAt;
pub use entry::{EffectKind, Entry, JournalEntry, Source, SourceKind};
pub(super) use file::Sink;
pub use header::{FORMAT, Header, RunInputs};
pub use output::{
    CommandResult, OutputError, RESULT_IN_ENTRY, RESULTS_KEPT, RecordedOutput, RecordedResult,
};
pub use read::RunRecord;
pub use rollout::{RolloutEntry, RolloutStep};

/// The name of the file.
pub(super) const FILE: &str = "journal.jsonl";

/// A step that is about to take effect.
#[derive(Debug, Clone)]
pub struct Intent<'i> {
    /// The identity of the step.
    pub step: &'i str,
    /// Its place in its frame, counted whatever is sent; `None` if its identity does not last.
    pub slot: Option<&'i str>,
    pub kind: EffectKind,
    pub host: &'i str,
    /// The user to become; `None` is the login user.
    pub user: Option<&'i str>,
    /// As the user sees it.
    pub label: &'i str,
    /// It may run twice.
    pub repeatable: bool,
    /// Equal for equal steps, and without secrets.
    pub fingerprint: String,
    pub at: Option<&'i Position>,
    /// The name of a change on its host. For an undo: of the change that it undoes.
    pub change: Option<&'i str>,
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
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    writer: Mutex<Writer>,
    /// How many lines were written.
    written: AtomicU64,
    syncs: Mutex<Syncs>,
    /// Notified when a sync has ended.
    ended: Condvar,
    sink: Box<dyn Sink>,
    secrets: Secrets,
    /// The first error. It stays: after an incomplete line no further one can be trusted.
    failed: OnceLock<JournalError>,
}

/// Locked while lines are made and written, so that they are searched for all secrets that are known when
/// they are written.
#[derive(Default)]
struct Writer {
    /// The number of this attempt, once its header is written.
    attempt: Option<u32>,
    /// That of the attempt before it; 0 for a new run.
    before: u32,
    /// Whether there are other lines of this attempt.
    has_entries: bool,
    pending: Pending,
    results: Results,
}

#[derive(Default)]
struct Syncs {
    /// How many lines are on disk.
    durable: u64,
    syncing: bool,
}

/// Replaces a file that could not be created.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Journal {
    pub(super) fn create(
        path: &Path,
        die_at: DieAt,
        secrets: &Secrets,
    ) -> Result<Self, StoreError> {
        let file = JournalFile::create(path, die_at).map_err(StoreError::io("create", path))?;
        let mut writer = Writer::default();
        writer.results.dir = path.parent().map(Path::to_owned);
        Ok(Self::with(Box::new(file), secrets, writer))
    }

    /// Opens the journal of a run that has ended, for another attempt. A torn last line is removed from it.
    ///
    /// # Errors
    /// It cannot be read or written, or it is of another format.
    pub(super) fn reopen(
        path: &Path,
        die_at: DieAt,
        secrets: &Secrets,
    ) -> Result<(Self, RunRecord), StoreError> {
        let record = RunRecord::read(path)?;
        let file = JournalFile::reopen(path, record.len(), die_at);
        let file = file.map_err(StoreError::io("write", path))?;
        let mut writer = Writer {
            before: record.attempts.last().map_or(0, |header| header.attempt),
            ..Writer::default()
        };
        writer.results.dir = path.parent().map(Path::to_owned);
        for entry in &record.entries {
            writer.take_over(&entry.entry);
        }
        let journal = Self::with(Box::new(file), secrets, writer);
        Ok((journal, record))
    }

    #[cfg(test)]
    pub(super) fn on(sink: Box<dyn Sink>, secrets: &Secrets) -> Self {
        Self::with(sink, secrets, Writer::default())
    }

    fn with(sink: Box<dyn Sink>, secrets: &Secrets, writer: Writer) -> Self {
        let inner = Arc::new(Inner {
            writer: Mutex::new(writer),
            written: AtomicU64::new(0),
            syncs: Mutex::default(),
            ended: Condvar::new(),
            sink,
            secrets: secrets.clone(),
            failed: OnceLock::new(),
        });
        let watching = Arc::downgrade(&inner);
        secrets.on_new(move |secret| {
            if let Some(inner) = watching.upgrade() {
                Self(inner).hide(secret);
            }
        });
        Self(inner)
    }

    /// A journal for a run that cannot be kept. It refuses every intent with this reason.
    #[must_use]
    pub fn unavailable(reason: &StoreError) -> Self {
        let journal = Self::with(Box::new(Nowhere), &Secrets::new(), Writer::default());
        journal.fail(JournalError(reason.to_string()));
        journal
    }

    /// Writes the header of this attempt. Called once, by whoever starts the run. Does not wait for the disk:
    /// the first intent does.
    pub fn begin(&self, inputs: &RunInputs) {
        let mut writer = self.writer();
        let mut lines = Lines::default();
        writer.begin(inputs, &mut lines, &self.0.secrets);
        for source in &inputs.sources {
            writer.pending.is_written(source);
        }
        self.write(&lines);
    }

    /// The number of this attempt: 1, unless the run was resumed.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        let writer = self.writer();
        writer.attempt.unwrap_or(writer.before + 1)
    }

    /// Records that a step is about to take effect. When this returns, the record is durable.
    ///
    /// # Errors
    /// It could not be written: the effect must not happen.
    pub fn intend(&self, intent: Intent<'_>) -> Result<(), JournalError> {
        self.intend_all([intent])
    }

    /// The same for all steps of a request, with a single sync.
    ///
    /// # Errors
    /// They could not be written: none of the effects must happen.
    pub fn intend_all<'i>(
        &self,
        intents: impl IntoIterator<Item = Intent<'i>>,
    ) -> Result<(), JournalError> {
        self.promise(intents.into_iter().map(|intent| Entry::Intend {
            step: intent.step.to_owned(),
            slot: intent.slot.map(ToOwned::to_owned),
            kind: intent.kind,
            host: intent.host.to_owned(),
            user: intent.user.map(ToOwned::to_owned),
            label: intent.label.to_owned(),
            repeatable: intent.repeatable,
            fingerprint: intent.fingerprint,
            at: intent.at.cloned(),
            change: intent.change.map(ToOwned::to_owned),
        }))
    }

    /// Records that the change of a step was made. Does not wait for the disk, as [`done`](Self::done).
    pub fn applied(&self, step: &str) {
        self.note(Entry::Applied {
            step: step.to_owned(),
        });
    }

    /// Records how a step ended, and what its command came back with. Does not wait for the disk: if the
    /// record is lost with the machine, the step counts as in doubt. A write error is returned by the next
    /// intent.
    pub fn done(&self, step: &str, outcome: Outcome, result: Option<&CommandResult<'_>>) {
        let mut writer = self.writer();
        let secrets = &self.0.secrets;
        // A step may end more than once: an undo, a step of an earlier attempt.
        let name = format!(
            "{}.{}.{}",
            step_hash(&secrets.scrub(step)),
            writer.before + 1,
            self.0.written.load(Ordering::SeqCst)
        );
        let result = result.map(|result| writer.results.record(&name, result, secrets));
        let step = step.to_owned();
        self.append(
            &mut writer,
            [Entry::Done {
                step,
                outcome,
                result,
                change: None,
            }],
        );
    }

    /// Records how an undo of a change ended, like [`done`](Self::done).
    pub fn undone(&self, step: &str, change: &str, outcome: Outcome) {
        self.note(Entry::Done {
            step: step.to_owned(),
            outcome,
            result: None,
            change: Some(change.to_owned()),
        });
    }

    /// Records that the run has read a source. It is in the journal before the next intent.
    pub fn source(&self, source: Source) {
        self.writer().pending.add(source);
    }

    /// The same for one whose digest is still being computed. `sha256` returns it once it is known, which
    /// must be before a step that uses the source is intended.
    pub fn source_later(
        &self,
        kind: SourceKind,
        path: &str,
        sha256: impl Fn() -> Option<String> + Send + 'static,
    ) {
        self.writer()
            .pending
            .add_later(kind, path, Box::new(sha256));
    }

    /// Records that something is about to happen. When this returns, the records are durable.
    ///
    /// # Errors
    /// They could not be written: it must not happen.
    pub fn promise(&self, entries: impl IntoIterator<Item = Entry>) -> Result<(), JournalError> {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let last = {
            let mut writer = self.writer();
            self.append(&mut writer, entries);
            self.0.written.load(Ordering::SeqCst)
        };
        self.commit(last)
    }

    /// Records that something has happened. Does not wait for the disk.
    pub fn note(&self, entry: Entry) {
        self.append(&mut self.writer(), [entry]);
    }

    /// Makes everything durable, at the end of a run.
    ///
    /// # Errors
    /// It could not be written.
    pub fn sync(&self) -> Result<(), JournalError> {
        let has_entries = self.writer().has_entries;
        // A run that has changed nothing does not wait for the disk because of its header.
        let last = if has_entries {
            self.0.written.load(Ordering::SeqCst)
        } else {
            0
        };
        self.commit(last)
    }

    /// Writes entries, after the sources that were read before them, in one write.
    fn append(&self, writer: &mut Writer, entries: impl IntoIterator<Item = Entry>) {
        let secrets = &self.0.secrets;
        let mut lines = Lines::default();
        for entry in entries {
            if lines.count == 0 {
                writer.begin(&RunInputs::default(), &mut lines, secrets);
                for source in writer.pending.take() {
                    lines.entry(Entry::Source { source }, secrets);
                }
            }
            lines.entry(entry, secrets);
            writer.has_entries = true;
        }
        self.write(&lines);
    }

    /// Hands lines to the kernel. The writer is locked.
    fn write(&self, lines: &Lines) {
        if lines.count == 0 || self.0.failed.get().is_some() {
            return;
        }
        let written = lines.failed.as_ref().map_or_else(
            || {
                self.0
                    .sink
                    .write(&lines.bytes)
                    .map_err(|error| error.to_string())
            },
            |error| Err(error.clone()),
        );
        match written {
            Ok(()) => drop(self.0.written.fetch_add(lines.count, Ordering::SeqCst)),
            Err(error) => self.fail(JournalError(error)),
        }
    }

    /// Waits until the first `count` lines are durable, and syncs them unless another thread does.
    fn commit(&self, count: u64) -> Result<(), JournalError> {
        let mut syncs = lock(&self.0.syncs);
        loop {
            if let Some(error) = self.0.failed.get() {
                return Err(error.clone());
            }
            if syncs.durable >= count {
                return Ok(());
            }
            if syncs.syncing {
                let waited = self.0.ended.wait(syncs);
                syncs = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            syncs.syncing = true;
            drop(syncs);
            let covered = self.0.written.load(Ordering::SeqCst);
            let synced = self.0.sink.sync();
            syncs = lock(&self.0.syncs);
            syncs.syncing = false;
            match synced {
                Ok(()) => syncs.durable = covered,
                Err(error) => self.fail(JournalError(error.to_string())),
            }
            self.0.ended.notify_all();
        }
    }

    /// Replaces a secret that has just become known in what was written before.
    fn hide(&self, secret: &NewSecret<'_>) {
        let writer = self.writer();
        if self.0.written.load(Ordering::SeqCst) == 0 && writer.before == 0 {
            return;
        }
        let finder = secret.in_records();
        let holds = |line: &[u8]| finder.finds_in_bytes(line);
        let secrets = &self.0.secrets;
        let hidden = self.0.sink.rewrite(&|line| {
            if holds(line) {
                read::without_secrets(line, secrets)
            } else {
                Ok(None)
            }
        });
        if let Err(error) = hidden.and_then(|()| writer.results.hide(holds, secrets)) {
            // Nothing is changed any more: what follows could not be recorded without this secret either.
            let reason = format!("a secret that it holds could not be removed: {error}");
            tracing::warn!("{}", JournalError(reason.clone()));
            self.fail(JournalError(reason));
        }
    }

    fn fail(&self, error: JournalError) {
        // Only the first one counts.
        let _ = self.0.failed.set(error);
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        lock(&self.0.writer)
    }
}

impl Writer {
    /// Writes the header, unless it is written.
    fn begin(&mut self, inputs: &RunInputs, lines: &mut Lines, secrets: &Secrets) {
        if self.attempt.is_none() {
            let attempt = self.before + 1;
            self.attempt = Some(attempt);
            lines.add(&Header::new(attempt, inputs, secrets));
        }
    }

    /// Takes an entry of an earlier attempt into account.
    fn take_over(&mut self, entry: &Entry) {
        let Entry::Done {
            result: Some(result),
            ..
        } = entry
        else {
            return;
        };
        for output in [&result.stdout, &result.stderr] {
            self.results.take_over(&result.host, output);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
impl Journal {
    pub(super) fn written(&self) -> u64 {
        self.0.written.load(Ordering::SeqCst)
    }
}
