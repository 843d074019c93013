//! Reading a kept run.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::journal::{DieAt, FILE, RunRecord};
use super::run_directory::output_path;
use super::{Meta, RunDirectory, RunId, StoreError};
use crate::model::{Event, Kind, OutputStream, Scrubbed, Scrubber, Secrets, Totals};

/// A kept run.
#[derive(Debug, Clone)]
pub struct StoredRun {
    id: RunId,
    dir: PathBuf,
    die_at: DieAt,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Running,
    Finished {
        exit_code: u8,
    },
    /// Its process ended without writing the end of the run: `kill -9`, a crash, a lost machine.
    Killed,
}

/// A line of `ops history`. What cannot be read is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    pub id: RunId,
    pub started: Option<Timestamp>,
    pub playbook: Option<String>,
    pub check: bool,
    pub state: RunState,
    /// Up to its last event, for a run without an end.
    pub totals: Totals,
    /// The number of hosts that took part.
    pub hosts: usize,
    /// Up to its end, or its last event.
    pub duration: Option<Duration>,
}

impl StoredRun {
    pub(super) const fn new(id: RunId, dir: PathBuf, die_at: DieAt) -> Self {
        Self { id, dir, die_at }
    }

    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.id
    }

    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The events in order.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn events(&self) -> Result<Events, StoreError> {
        Ok(Events {
            lines: Lines::open(&self.dir.join("events.jsonl"))?,
        })
    }

    /// What the journal says. An incomplete last line is left out.
    ///
    /// # Errors
    /// It cannot be read: another line of it is broken, or it is of another format.
    pub fn journal(&self) -> Result<RunRecord, StoreError> {
        RunRecord::read(&self.dir.join(FILE))
    }

    /// Opens the run for another attempt, whose journal continues this one. `secrets` are those of the new
    /// process. The caller writes the header: [`Journal::begin`](super::Journal::begin).
    ///
    /// # Errors
    /// The run is still going, or its journal cannot be read or written.
    pub fn reopen(&self, secrets: &Secrets) -> Result<(RunDirectory, RunRecord), StoreError> {
        let (id, dir) = (self.id.clone(), self.dir.clone());
        RunDirectory::reopen(id, dir, secrets.clone(), self.die_at.clone())
    }

    /// The file with the whole output of a step, if it was too long for an event.
    #[must_use]
    pub fn output(&self, step: &str, stream: OutputStream) -> Option<PathBuf> {
        Some(output_path(&self.dir, step, stream)).filter(|path| path.exists())
    }

    /// Its summary. Never fails: what cannot be read is left out.
    #[must_use]
    pub fn summary(&self) -> RunSummary {
        let meta = Meta::read(&self.dir);
        let finished = meta.as_ref().and_then(|meta| meta.finished);
        let mut summary = RunSummary {
            id: self.id.clone(),
            started: meta.as_ref().map(|meta| meta.started),
            check: meta.as_ref().is_some_and(|meta| meta.check),
            playbook: meta.map(|meta| meta.playbook),
            state: if self.is_locked() {
                RunState::Running
            } else {
                RunState::Killed
            },
            totals: Totals::default(),
            hosts: 0,
            duration: None,
        };
        if let Some(finished) = finished {
            summary.state = RunState::Finished {
                exit_code: finished.exit_code,
            };
            summary.totals = finished.totals;
            summary.hosts = finished.hosts;
            summary.duration = summary.started.map(|started| between(started, finished.at));
        } else if let Ok(events) = self.events() {
            summary.count(events);
        }
        summary
    }

    /// Whether the run goes on. The lock is shared, so that two readers do not take each other for the run.
    pub(super) fn is_locked(&self) -> bool {
        File::open(self.dir.join("lock"))
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

impl RunSummary {
    /// Fills in from events what `meta.json` lacks.
    fn count(&mut self, events: Events) {
        let state = self.state;
        let mut hosts = BTreeSet::new();
        let mut lost = BTreeSet::new();
        for event in events {
            let started = *self.started.get_or_insert(event.ts);
            self.duration = Some(between(started, event.ts));
            match &event.kind {
                Kind::RunStarted {
                    playbook, check, ..
                } => {
                    self.playbook.get_or_insert_with(|| playbook.clone());
                    self.check = *check;
                }
                // How an earlier attempt ended does not count.
                Kind::RunResumed { .. } => {
                    self.state = state;
                    self.totals = Totals::default();
                }
                Kind::TaskFinished { .. } => {
                    if let Some(outcome) = event.outcome {
                        self.totals.count(outcome);
                    }
                }
                Kind::HostUnreachable { .. } => lost.extend(event.host.clone()),
                // The end was written to the events, but not to meta.json.
                Kind::RunFinished {
                    totals,
                    hosts,
                    exit_code,
                    ..
                } => {
                    self.state = RunState::Finished {
                        exit_code: *exit_code,
                    };
                    self.totals = *totals;
                    self.hosts = hosts.len();
                    continue;
                }
                _ => {}
            }
            hosts.extend(event.host.clone());
        }
        if !matches!(self.state, RunState::Finished { .. }) {
            self.totals.unreachable = lost.len() as u64;
            self.hosts = hosts.len();
        }
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// The events of a kept run. Lines that cannot be read, such as the last one of a killed run, are left out
/// and counted.
pub struct Events {
    lines: Lines,
}

impl Events {
    /// The number of lines that could not be read so far.
    #[must_use]
    pub const fn broken(&self) -> usize {
        self.lines.broken
    }
}

impl Iterator for Events {
    type Item = Scrubbed<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        // It was scrubbed with the secrets of its run before it was written.
        let event = self.lines.next()?;
        Some(Scrubbed::new(event, &Scrubber::default()))
    }
}

/// A file of JSON, with one value per line.
struct Lines {
    file: BufReader<File>,
    broken: usize,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        Ok(Self {
            file: BufReader::new(file),
            broken: 0,
        })
    }

    fn next<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut line = Vec::new();
        loop {
            line.clear();
            // A read error counts as the end of the file: what came before is shown.
            if self.file.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
                return None;
            }
            match serde_json::from_slice(&line) {
                Ok(value) => return Some(value),
                Err(_) => self.broken += 1,
            }
        }
    }
}
