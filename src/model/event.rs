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
