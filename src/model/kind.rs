//! The kinds of events. Each is declared here once: its name, its fields and its documentation. Its name in
//! JSON, the scrubbing of its texts and its section of docs/events.md follow from that.
//!
//! docs/adding-things.md says how to add one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Diff, Failure, HealthState, HostEnds, HostFacts, LockHolder, LockScope, LogLevel, OnAbort,
    OutputStream, Phase, RolloutEnd, Scrub, Scrubber, Totals, Waiting,
};

/// The text of doc comments.
#[cfg(test)]
macro_rules! doc_of {
    () => { "" };
    (#[doc = $text:tt] $($rest:tt)*) => { concat!($text, "\n", doc_of!($($rest)*)) };
    (#[$($other:tt)*] $($rest:tt)*) => { doc_of!($($rest)*) };
}

/// Declares the kinds: `"name" => Variant { field: Type, }`, with documentation in Markdown.
macro_rules! kinds {
    ($(
        $(#[$($meta:tt)*])*
        $name:literal => $variant:ident $({
            $($(#[$($field_meta:tt)*])* $field:ident: $type:ty,)*
        })?
    )*) => {
        /// What happened, with what only this kind has.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Kind {
            $(
                $(#[$($meta)*])*
                #[serde(rename = $name)]
                $variant $({ $($(#[$($field_meta)*])* $field: $type,)* })?,
            )*
            /// Written by a newer ops. Kept whole (the name of the kind included), so that a reader of
            /// today's lines reads tomorrow's and can pass them on.
            #[serde(untagged)]
            Other(Map<String, Value>),
        }

        impl Kind {
            /// The name of the kind, as the `kind` field has it.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                    Self::Other(fields) => {
                        fields.get("kind").and_then(Value::as_str).unwrap_or("other")
                    }
                }
            }
        }

        impl Scrub for Kind {
            fn scrub(&mut self, scrubber: &Scrubber) {
                match self {
                    $(Self::$variant { $($($field,)*)? } => { $($($field.scrub(scrubber);)*)? })*
                    Self::Other(fields) => {
                        let kind = fields.get("kind").cloned();
                        fields.scrub(scrubber);
                        if let (Some(kind), Some(scrubbed)) = (kind, fields.get_mut("kind")) {
                            *scrubbed = kind;
                        }
                    }
                }
            }
        }

        #[cfg(test)]
        impl Kind {
            /// One of each kind, with `text` in each text.
            #[must_use]
            pub fn samples(text: &str) -> Vec<Self> {
                vec![$(
                    Self::$variant { $($($field: super::scrub::Sample::sample(text),)*)? },
                )*]
            }

            /// The documentation of each kind: its name, its own and that of its fields.
            pub const DOCUMENTED: &[(&str, &str, &[(&str, &str)])] = &[$((
                $name,
                doc_of!($(#[$($meta)*])*),
                &[$($((stringify!($field), doc_of!($(#[$($field_meta)*])*)),)*)?],
            ),)*];
        }
    };
}

kinds! {
    /// The first event of a run.
    "run.started" => RunStarted {
        /// The version of this schema.
        schema: u32,
        /// The version of ops.
        version: String,
        /// What the user ran: a playbook's path, or a subcommand such as `exec`.
        playbook: String,
        /// True in check mode.
        check: bool,
        /// The number of hosts that the playbook works on, after `--limit`. 0 if there are none, or if the
        /// number is known only during the run: a pattern is computed, or the playbook selects some hosts of
        /// an array, as in `hosts("web")[0]` or `hosts("web").filter(...)`.
        hosts: usize,
        /// An object of parameters by name, each as text; the value of a secret one is `[secret]`.
        params: BTreeMap<String, String>,
    }

    /// Another attempt of a run began: `ops resume`. The run has the same id, and `seq` goes on.
    "run.resumed" => RunResumed {
        /// The number of the attempt: 2 for the first one that resumes the run.
        attempt: u32,
        /// The version of this schema.
        schema: u32,
        /// The version of ops.
        version: String,
        /// The playbook's path, as the user gave it.
        playbook: String,
        /// The number of hosts, as in `run.started`.
        hosts: usize,
        /// The parameters, as in `run.started`.
        params: BTreeMap<String, String>,
    }

    /// An `each` began.
    "each.started" => EachStarted {
        /// The number of hosts.
        hosts: usize,
        /// How many of them run at the same time.
        forks: usize,
    }

    /// An `each` ended.
    "each.finished" => EachFinished {
        /// The number of hosts.
        hosts: usize,
        /// How many of them failed or were lost.
        failed: usize,
    }

    /// The closure of a host began.
    "host.started" => HostStarted

    /// The closure of a host ended.
    "host.finished" => HostFinished {
        /// A [failure](#failures), if it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Box<Failure>>,
    }

    /// ops tries to connect to a host.
    "host.connecting" => HostConnecting {
        /// The user to log in as; null if the ssh configuration decides.
        user: Option<String>,
        /// Counts from 1. There is an event for each attempt.
        attempt: u32,
        /// Optional: why the previous attempt failed. The next one follows this event after a pause.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }

    /// A session is ready.
    "host.connected" => HostConnected {
        /// What the host reported about itself: `os`, `os_like`, `os_version`, `os_codename`, `os_name`,
        /// `architecture`, `kernel`, `kernel_version`, `init`, `virtualization`, `package_manager`, `user`,
        /// `uid`, `hostname`, `memory` (bytes), `cores`, `state_dir`. Empty or null if the host did not
        /// report it. `addresses` is always empty: only a playbook's `h.addresses` asks for them.
        facts: Box<HostFacts>,
    }

    /// The host could not be reached, or was lost.
    "host.unreachable" => HostUnreachable {
        /// A [failure](#failures) of kind `unreachable`.
        failure: Box<Failure>,
    }

    /// The change of a task has started on the host: the task's plan wants one.
    "task.started" => TaskStarted

    /// The change was made. Whether the host is now in the desired state is verified at the end of the
    /// request that the change is part of, and `task.finished` follows. Not emitted for a change that needs
    /// no verification (an unguarded command) or that failed.
    "task.applied" => TaskApplied

    /// Something that a task or a command printed: a line, or at the end what is left of one. If output
    /// arrives faster than it can be reported, lines are dropped, and a `log` event of level `warn` says how
    /// many. A step and a run have a [limit](limits.md): a line in brackets marks the place where the output
    /// was cut, and one at the end says how many bytes were left out before the last lines.
    "task.output" => TaskOutput {
        /// `stdout` or `stderr`.
        stream: OutputStream,
        /// What was printed. Bytes that are not UTF-8 are replaced.
        text: String,
    }

    /// A task ended; `outcome` says how. The undo of a change is reported as a task too: its `step` is that
    /// of the change followed by `/undo`.
    "task.finished" => TaskFinished {
        /// An array of [diffs](#diffs); missing if there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        diff: Vec<Diff>,
        /// Optional: why the outcome is unknown or skipped, that a change was made and could not be verified,
        /// or what the task says about its change.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// A [failure](#failures), if `outcome` is `failed`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Box<Failure>>,
    }

    /// A health check observed `host`; `task` is its label, and `duration_ms` the time that the observation
    /// took. In a wait there is one event for the first observation, one whenever the state has changed, and
    /// one every ten seconds while the check is not healthy. `outcome` is `failed` if the observation ends
    /// the closure, and `unknown` in check mode if what a run would do before it, or waiting, may fix what
    /// was observed; otherwise there is none.
    "health.checked" => HealthChecked {
        /// `passing`, `warning`, `critical` or `error` (the check itself did not work).
        state: HealthState,
        /// What was observed.
        message: String,
        /// Where the check ran: `host`, `controller`, or the name of another host.
        vantage: String,
        /// True in a wait; missing otherwise.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waiting: bool,
    }

    /// A [rollout](rollout.md) began.
    "rollout.started" => RolloutStarted {
        /// The number of hosts.
        hosts: usize,
        /// An array with the number of hosts of each batch; empty in check mode, which has no batches.
        batches: Vec<usize>,
        /// Optional: how many hosts may be out of service at once, if the playbook limits it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_unavailable: Option<usize>,
        /// How many hosts may fail.
        max_failures: usize,
        /// `rollback`, `stop` or `continue`.
        on_abort: OnAbort,
    }

    /// A batch of a rollout began.
    "rollout.batch_started" => RolloutBatchStarted {
        /// The number of the batch, counted from 1.
        batch: usize,
        /// The number of batches.
        batches: usize,
        /// An array of the names of its hosts.
        hosts: Vec<String>,
        /// True if hosts that were changed are put back. Such batches are counted from 1 again.
        rollback: bool,
    }

    /// A batch of a rollout ended. `duration_ms` is how long it took.
    "rollout.batch_finished" => RolloutBatchFinished {
        /// The number of the batch, counted from 1.
        batch: usize,
        /// The number of batches.
        batches: usize,
        /// How many of its hosts failed, or could not be put back.
        failed: usize,
        /// True if hosts that were changed were put back.
        rollback: bool,
    }

    /// A host entered a phase of the rollout. `duration_ms` is how long the phase took that this one ends.
    "rollout.host" => RolloutHost {
        /// `draining`, `drained`, `updating`, `updated`, `waiting_healthy`, `healthy`, `readmitting`,
        /// `readmitted`, `failed`, `rolling_back`, `rolled_back`, `rollback_failed` or `left_out`.
        phase: Phase,
        /// The batch that the host is in.
        batch: usize,
        /// A [failure](#failures), with `failed`, `rollback_failed` and `left_out`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Box<Failure>>,
    }

    /// A host stays in a phase. `duration_ms` is the time so far. The first event is sent after 10 s, further
    /// ones at least every 30 s. One without a `reason` is left out if a `waiting` event has just been sent
    /// for the host.
    "rollout.waiting" => RolloutWaiting {
        /// `draining`, `updating`, `waiting_healthy`, `readmitting` or `rolling_back`.
        phase: Phase,
        /// The batch that the host is in.
        batch: usize,
        /// Optional: what holds the host up, such as what its health check observed last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }

    /// The rollout waits between two batches. `duration_ms`, if present, is how long the wait lasts from now
    /// on. Sent again at least every 30 s.
    "rollout.paused" => RolloutPaused {
        /// The batch that has ended.
        batch: usize,
        /// `pause`, or `confirm` if the operator is asked.
        on: Waiting,
    }

    /// The rollout was aborted. An interrupt is reported by `rollout.finished` only.
    "rollout.aborted" => RolloutAborted {
        /// Why, as text.
        reason: String,
        /// What happens to hosts that are changed already.
        on_abort: OnAbort,
    }

    /// A rollout ended.
    "rollout.finished" => RolloutFinished {
        /// `done`, `with_failures`, `stopped`, `rolled_back`, `not_rolled_back` or `interrupted`.
        end: RolloutEnd,
        /// Optional: why it was aborted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// An object of hosts by name, each with `fate` (`updated`, `unchanged`, `untouched`, `rolled_back`,
        /// `left_out`, `checked`), `version` (`old`, `new`, `unknown`), and optionally `batch`, `failure`
        /// (the first thing that went wrong), `unrestored` (why the host was not put back, or into service)
        /// and `reason` (why the host is in this state, as text).
        hosts: HostEnds,
    }

    /// Another run holds the [lock](locks.md) that this one wants, and this one waits. Sent again when the
    /// holder changes, and at least every 30 s.
    "lock.waiting" => LockWaiting {
        /// The name of the lock.
        lock: String,
        /// A [holder](#holders); null if it is not known.
        holder: Option<Box<LockHolder>>,
        /// The hosts on which it is held; missing for a local lock.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hosts: Vec<String>,
    }

    /// The run holds a lock. `duration_ms` is how long it took to get it, with the wait.
    "lock.acquired" => LockAcquired {
        /// The name of the lock.
        lock: String,
        /// The lock id: one for each time that a lock is acquired.
        id: String,
        /// `hosts` or `local`.
        scope: LockScope,
        /// An object of fencing tokens by host; missing for a local lock.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tokens: BTreeMap<String, u64>,
    }

    /// The run released a lock.
    "lock.released" => LockReleased {
        /// The name of the lock.
        lock: String,
        /// The lock id.
        id: String,
    }

    /// The lease of another run had expired, and this one took the lock.
    "lock.taken_over" => LockTakenOver {
        /// The name of the lock.
        lock: String,
        /// The lock id.
        id: String,
        /// The previous [holder](#holders); null if it is not known.
        former: Option<Box<LockHolder>>,
        /// The hosts on which it was taken over.
        hosts: Vec<String>,
    }

    /// `ops lock break` broke a lock.
    "lock.broken" => LockBroken {
        /// The name of the lock.
        lock: String,
        /// The id of the lock that was broken.
        id: String,
        /// The previous [holder](#holders); null if it is not known.
        holder: Option<Box<LockHolder>>,
        /// The hosts on which it was broken; missing for a local lock.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hosts: Vec<String>,
    }

    /// The run no longer holds a lock, or its lease could not be renewed, so that another run may take it.
    /// `host` is where that was found.
    "lock.lost" => LockLost {
        /// The name of the lock.
        lock: String,
        /// The lock id.
        id: String,
        /// What happened.
        reason: String,
        /// Optional: the current [holder](#holders).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<Box<LockHolder>>,
    }

    /// The run is waiting. The first event is sent after 8 s, and another every 25 s; `duration_ms` is the
    /// time waited so far. `host` is the host that it waits for, if there is exactly one. Some waits have
    /// events of their own: `rollout.waiting`, `rollout.paused`, `lock.waiting`, and `health.checked` when a
    /// check is not healthy.
    "waiting" => Waiting {
        /// A fragment that fits after "waiting": `for a connection`, `for packages::installed nginx`, `to try
        /// again (attempt 2 of 5)`.
        what: String,
        /// Optional: the current state, such as the last line that a step printed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Optional: the longest that the wait can still take.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_ms: Option<u64>,
        /// An array of hosts, if several wait for the same thing; then there is no `host`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hosts: Vec<String>,
        /// True if the operator is being asked, with the question in `reason`. Sent once, immediately; only
        /// the terminal repeats the question, every 25 s. Missing otherwise.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        asks: bool,
    }

    /// A message of the playbook, or of ops itself.
    "log" => Log {
        /// `debug`, `info`, `warn` or `error`.
        level: LogLevel,
        /// The text.
        message: String,
    }

    /// The last event of a run. A run without it was killed.
    "run.finished" => RunFinished {
        /// The number of tasks by outcome: `unchanged`, `changed`, `would_change`, `unknown`, `skipped`,
        /// `failed`; `undone`, how many of those in `changed` were put back (a successful undo is counted
        /// nowhere else); `unreachable`, the number of hosts that could not be reached or were lost, and
        /// `interrupted`, the number of hosts that were interrupted. A host whose closure failed outside of
        /// any task counts 1 in `failed`. A task that failed because its host was lost or interrupted does
        /// not count in `failed`. `undone` and `interrupted` are 0 if an older ops wrote the run.
        totals: Totals,
        /// The same by host, for hosts that took part; `unreachable` and `interrupted` are 1 or 0.
        hosts: BTreeMap<String, Totals>,
        /// The exit code of ops.
        exit_code: u8,
        /// A [failure](#failures): what ended the run, if it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Box<Failure>>,
    }
}

#[cfg(test)]
mod page;
