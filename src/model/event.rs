//! What happened, typed and serialisable. One event is one line of `--output json` and of a kept run.
//!
//! The schema is versioned by [`SCHEMA`]: fields and kinds are only ever added. docs/events.md describes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Diff, Failure, HealthState, HostEnds, HostFacts, LockHolder, LockScope, OnAbort, Outcome,
    Phase, Position, RolloutEnd, Waiting,
};

/// Version of the event schema, carried by `run.started`.
pub const SCHEMA: u32 = 1;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub ts: jiff::Timestamp,
    /// The id of the run.
    pub run: String,
    /// Counts from 1 within the run, in the order in which things were reported.
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

/// What happened, with what only this kind has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Kind {
    #[serde(rename = "run.started")]
    RunStarted {
        schema: u32,
        /// The version of ops.
        version: String,
        /// What the user ran: a playbook's path, or a subcommand such as `exec`.
        playbook: String,
        check: bool,
        /// The number of hosts after `--limit`; 0 if it is known only during the run.
        hosts: usize,
        /// Parameters by name; a secret one reads `[secret]`.
        params: BTreeMap<String, String>,
    },
    /// `each` began on this many hosts.
    #[serde(rename = "each.started")]
    EachStarted { hosts: usize, forks: usize },
    #[serde(rename = "each.finished")]
    EachFinished { hosts: usize, failed: usize },
    /// A host's closure began.
    #[serde(rename = "host.started")]
    HostStarted,
    /// A host's closure ended, well or not.
    #[serde(rename = "host.finished")]
    HostFinished {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Box<Failure>>,
    },
    #[serde(rename = "host.connecting")]
    HostConnecting {
        user: Option<String>,
        /// Counts from 1.
        attempt: u32,
        /// From the second attempt on: what became of the one before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    #[serde(rename = "host.connected")]
    HostConnected { facts: Box<HostFacts> },
    #[serde(rename = "host.unreachable")]
    HostUnreachable { failure: Box<Failure> },
    /// A task is about to be applied: its plan wants a change.
    #[serde(rename = "task.started")]
    TaskStarted,
    /// The change of a task was made; whether the host is now as the task wants it is not known yet.
    #[serde(rename = "task.applied")]
    TaskApplied,
    /// A line (or, at the end, what is left of one) that a task or a command printed.
    #[serde(rename = "task.output")]
    TaskOutput { stream: OutputStream, text: String },
    #[serde(rename = "task.finished")]
    TaskFinished {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        diff: Vec<Diff>,
        /// Why it is unknown or skipped, or what the task says of its change.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Box<Failure>>,
    },
    /// A health check has looked. In a wait: the first time, and when the state changed.
    #[serde(rename = "health.checked")]
    HealthChecked {
        state: HealthState,
        message: String,
        /// From where: `host`, `controller`, or the name of another host.
        vantage: String,
        /// It will be looked at again: it is waited for.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waiting: bool,
    },
    #[serde(rename = "rollout.started")]
    RolloutStarted {
        hosts: usize,
        /// How many hosts each batch has; empty in check mode.
        batches: Vec<usize>,
        /// Hosts out of service at once, where that is limited by more than the batches.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_unavailable: Option<usize>,
        max_failures: usize,
        on_abort: OnAbort,
    },
    #[serde(rename = "rollout.batch_started")]
    RolloutBatchStarted {
        /// Counts from 1.
        batch: usize,
        batches: usize,
        hosts: Vec<String>,
        /// Hosts that were changed are put back.
        rollback: bool,
    },
    #[serde(rename = "rollout.batch_finished")]
    RolloutBatchFinished {
        batch: usize,
        batches: usize,
        failed: usize,
        rollback: bool,
    },
    /// A host got to a phase of the rollout.
    #[serde(rename = "rollout.host")]
    RolloutHost {
        phase: Phase,
        /// The batch that the host is in.
        batch: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Box<Failure>>,
    },
    /// A host stays in a phase. Told after 10 s, and again for as long as it does.
    #[serde(rename = "rollout.waiting")]
    RolloutWaiting {
        phase: Phase,
        /// The batch that the host is in.
        batch: usize,
        /// What is in the way, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It waits between two batches.
    #[serde(rename = "rollout.paused")]
    RolloutPaused { batch: usize, on: Waiting },
    /// It goes no further.
    #[serde(rename = "rollout.aborted")]
    RolloutAborted { reason: String, on_abort: OnAbort },
    #[serde(rename = "rollout.finished")]
    RolloutFinished {
        end: RolloutEnd,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        hosts: HostEnds,
    },
    /// A lock is held by another run, and this one waits. Told once for each holder.
    #[serde(rename = "lock.waiting")]
    LockWaiting {
        lock: String,
        holder: Option<Box<LockHolder>>,
        /// Where it is held; empty for a local one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hosts: Vec<String>,
    },
    #[serde(rename = "lock.acquired")]
    LockAcquired {
        lock: String,
        id: String,
        scope: LockScope,
        /// The fencing token by host.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tokens: BTreeMap<String, u64>,
    },
    #[serde(rename = "lock.released")]
    LockReleased { lock: String, id: String },
    /// The lease of another run had run out, and this one took the lock.
    #[serde(rename = "lock.taken_over")]
    LockTakenOver {
        lock: String,
        id: String,
        former: Option<Box<LockHolder>>,
        hosts: Vec<String>,
    },
    /// `ops lock break` took a lock away.
    #[serde(rename = "lock.broken")]
    LockBroken {
        lock: String,
        id: String,
        holder: Option<Box<LockHolder>>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hosts: Vec<String>,
    },
    /// The run no longer holds the lock, or may lose it.
    #[serde(rename = "lock.lost")]
    LockLost {
        lock: String,
        id: String,
        reason: String,
        /// Who holds it now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<Box<LockHolder>>,
    },
    /// The run is waiting. Sent after 8 s, and again while it lasts. `duration_ms` is the time so far.
    #[serde(rename = "waiting")]
    Waiting {
        /// A fragment that fits after "waiting": `for a connection`, `to try again (attempt 2 of 5)`.
        what: String,
        /// The state of the wait: the last line that a step printed, or the result of a look.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The longest that it can still last, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_ms: Option<u64>,
        /// The hosts, if several wait for the same thing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hosts: Vec<String>,
        /// The operator is being asked, and sees the question.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        asks: bool,
    },
    #[serde(rename = "log")]
    Log { level: LogLevel, message: String },
    #[serde(rename = "run.finished")]
    RunFinished {
        totals: Totals,
        /// The same by host, for hosts that took part.
        hosts: BTreeMap<String, Totals>,
        exit_code: u8,
        /// What ended the run, if it did not end well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Box<Failure>>,
    },
    /// Written by a newer ops. Kept whole (the name of the kind included), so that a reader of today's
    /// lines reads tomorrow's and can pass them on.
    #[serde(untagged)]
    Other(serde_json::Map<String, serde_json::Value>),
}

impl Kind {
    /// The name of the kind, as the `kind` field has it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::RunStarted { .. } => "run.started",
            Self::EachStarted { .. } => "each.started",
            Self::EachFinished { .. } => "each.finished",
            Self::HostStarted => "host.started",
            Self::HostFinished { .. } => "host.finished",
            Self::HostConnecting { .. } => "host.connecting",
            Self::HostConnected { .. } => "host.connected",
            Self::HostUnreachable { .. } => "host.unreachable",
            Self::TaskStarted => "task.started",
            Self::TaskApplied => "task.applied",
            Self::TaskOutput { .. } => "task.output",
            Self::TaskFinished { .. } => "task.finished",
            Self::HealthChecked { .. } => "health.checked",
            Self::RolloutStarted { .. } => "rollout.started",
            Self::RolloutBatchStarted { .. } => "rollout.batch_started",
            Self::RolloutBatchFinished { .. } => "rollout.batch_finished",
            Self::RolloutHost { .. } => "rollout.host",
            Self::RolloutWaiting { .. } => "rollout.waiting",
            Self::RolloutPaused { .. } => "rollout.paused",
            Self::RolloutAborted { .. } => "rollout.aborted",
            Self::RolloutFinished { .. } => "rollout.finished",
            Self::LockWaiting { .. } => "lock.waiting",
            Self::LockAcquired { .. } => "lock.acquired",
            Self::LockReleased { .. } => "lock.released",
            Self::LockTakenOver { .. } => "lock.taken_over",
            Self::LockBroken { .. } => "lock.broken",
            Self::LockLost { .. } => "lock.lost",
            Self::Waiting { .. } => "waiting",
            Self::Log { .. } => "log",
            Self::RunFinished { .. } => "run.finished",
            Self::Other(fields) => fields
                .get("kind")
                .and_then(serde_json::Value::as_str)
                .unwrap_or("other"),
        }
    }
}

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

/// How many tasks ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub unchanged: u64,
    pub changed: u64,
    pub would_change: u64,
    pub unknown: u64,
    pub skipped: u64,
    pub failed: u64,
    /// 1 for a host that could not be reached or was lost; in a run's totals, how many.
    pub unreachable: u64,
    /// Of those in `changed`, how many were put back.
    #[serde(default)]
    pub undone: u64,
    /// 1 for a host that was interrupted; in a run's totals, how many.
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
