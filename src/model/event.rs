//! What happened, typed and serialisable. One event is one line of `--output json` and of a kept run.
//!
//! The schema is versioned by [`SCHEMA`]: fields and kinds are only ever added. docs/events.md describes it.
//! The kinds are declared in `kind.rs`.

use serde::{Deserialize, Serialize};

use super::{Kind, Outcome, Position, Scrub, Scrubber};

/// Version of the event schema, carried by `run.started`.
pub const SCHEMA: u32 = 1;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub ts: jiff::Timestamp,
    /// The id of the run.
    pub run: String,
    /// Counts from 1 within the run, in the order in which events were reported.
    pub seq: u64,
    #[serde(flatten)]
    pub kind: Kind,
    /// The identity of the step: the same in every execution of the same playbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The label of the task: `files::file /etc/motd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Position>,
}

impl Scrub for Event {
    fn scrub(&mut self, scrubber: &Scrubber) {
        let Self {
            ts: _,
            // Made by ops. Every event of a run carries the same one.
            run: _,
            seq: _,
            kind,
            step,
            host,
            task,
            outcome: _,
            duration_ms: _,
            at,
        } = self;
        kind.scrub(scrubber);
        step.scrub(scrubber);
        host.scrub(scrubber);
        task.scrub(scrubber);
        at.scrub(scrubber);
    }
}

/// Where a task or a command printed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    Stdout,
    Stderr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// The number of tasks by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub unchanged: u64,
    pub changed: u64,
    pub would_change: u64,
    pub unknown: u64,
    pub skipped: u64,
    pub failed: u64,
    /// 1 for a host that could not be reached or was lost; in a run's totals, the number of such hosts.
    pub unreachable: u64,
    /// How many of those in `changed` were put back.
    #[serde(default)]
    pub undone: u64,
    /// 1 for a host that was interrupted; in a run's totals, the number of such hosts.
    #[serde(default)]
    pub interrupted: u64,
}

impl Totals {
    pub const fn count(&mut self, outcome: Outcome) {
        let field = match outcome {
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Changed => &mut self.changed,
            Outcome::WouldChange => &mut self.would_change,
            Outcome::Unknown => &mut self.unknown,
            Outcome::Skipped => &mut self.skipped,
            Outcome::Failed => &mut self.failed,
        };
        *field += 1;
    }
}
