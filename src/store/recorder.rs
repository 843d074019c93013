//! The reporter that writes the events of a run to disk.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::private::new_file;
use super::{Finished, Meta, RunDirectory, StoreError};
use crate::model::{Event, Kind, Outcome, Reporter, Scrubbed};

/// How long an event may stay in the buffer.
const FLUSH: Duration = Duration::from_secs(1);

/// Writes `events.jsonl`, and the end of the run to `meta.json`.
///
/// Lines are buffered. They are in the file within a second, and at once after a change or a failure and at
/// the end. They are not synced: what must survive a crash of the machine is in the journal. If the file can
/// no longer be written, a warning says so once and the run goes on.
pub struct Recorder {
    run: RunDirectory,
    file: Option<BufWriter<File>>,
    flushed: Instant,
    finished: Option<Finished>,
}

impl Recorder {
    /// The recorder of a run. Each run has one.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(run: RunDirectory) -> Result<Self, StoreError> {
        let path = run.dir().join("events.jsonl");
        let file = new_file(&path).map_err(StoreError::io("create", &path))?;
        let file = Some(BufWriter::with_capacity(256 * 1024, file));
        Ok(Self {
            run,
            file,
            flushed: Instant::now(),
            finished: None,
        })
    }

    /// The recorder of another attempt of a run, and the number of its last event. A last line without an end
    /// is cut off: the process was killed while it wrote it.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn reopen(run: RunDirectory) -> Result<(Self, u64), StoreError> {
        let path = run.dir().join("events.jsonl");
        let (file, last) = append(&path).map_err(StoreError::io("open", &path))?;
        let file = Some(BufWriter::with_capacity(256 * 1024, file));
        let recorder = Self {
            run,
            file,
            flushed: Instant::now(),
            finished: None,
        };
        Ok((recorder, last))
    }

    /// Uses the file. After the first error it is not used again.
    fn with(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = write(file) {
            tracing::warn!("failed to write the events of this run: {error}");
            // Without its buffer, which would be written again.
            self.file.take().map(BufWriter::into_parts);
        }
    }

    fn flush(&mut self) {
        self.flushed = Instant::now();
        self.with(BufWriter::flush);
    }
}

impl Reporter for Recorder {
    fn event(&mut self, event: &Scrubbed<Event>) {
        self.with(|file| {
            serde_json::to_writer(&mut *file, event)?;
            file.write_all(b"\n")
        });
        if let Kind::RunFinished {
            totals,
            hosts,
            exit_code,
            ..
        } = &event.kind
        {
            self.finished = Some(Finished {
                at: event.ts,
                exit_code: *exit_code,
                totals: *totals,
                hosts: hosts.len(),
            });
        }
        if is_important(event) || self.flushed.elapsed() >= FLUSH {
            self.flush();
        }
    }

    fn tick(&mut self) {
        if self.flushed.elapsed() >= FLUSH {
            self.flush();
        }
    }

    fn finish(&mut self) {
        self.with(BufWriter::flush);
        let Some(finished) = self.finished else {
            return;
        };
        let written = match Meta::read(self.run.dir()) {
            Some(meta) => Meta {
                finished: Some(finished),
                ..meta
            }
            .write(self.run.dir()),
            None => return,
        };
        if let Err(error) = written {
            tracing::warn!("failed to write the end of this run: {error}");
        }
    }
}

/// Opens a file of events behind its last whole line, and returns the `seq` of that.
fn append(path: &Path) -> io::Result<(File, u64)> {
    #[derive(serde::Deserialize)]
    struct Numbered {
        seq: u64,
    }
    let file = OpenOptions::new().read(true).append(true).open(path)?;
    let (mut len, mut last, mut line) = (0, 0, Vec::new());
    let mut lines = BufReader::new(&file);
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            break;
        }
        len += read as u64;
        if let Ok(Numbered { seq }) = serde_json::from_slice(&line) {
            last = seq;
        }
    }
    file.set_len(len)?;
    Ok((file, last))
}

/// Whether an event must be in the file even if this process dies right after.
fn is_important(event: &Event) -> bool {
    matches!(event.outcome, Some(Outcome::Failed | Outcome::Changed))
        || matches!(
            event.kind,
            Kind::RunStarted { .. }
                | Kind::RunResumed { .. }
                | Kind::TaskApplied
                | Kind::RunFinished { .. }
                | Kind::HostUnreachable { .. }
                | Kind::HostFinished { failure: Some(_) }
        )
}
