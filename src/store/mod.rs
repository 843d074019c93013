//! Where runs are kept on the controller.
//!
//! One directory per run, `$XDG_STATE_HOME/ops/runs/<id>/` (else `~/.local/state/ops/runs/<id>/`):
//!
//! | file | what |
//! |---|---|
//! | `meta.json` | what was run, when, and how it ended ([`Meta`]) |
//! | `events.jsonl` | every event, one per line, written by the [`Recorder`] |
//! | `journal.jsonl` | intents, durable before the effect, and results ([`Journal`]) |
//! | `results/<step>.<attempt>.<n>.*` | outputs too long for the journal ([`RecordedOutput`]) |
//! | `output/<step>.stdout`, `.stderr` | outputs too long for an event, up to a limit ([`OutputFile`]) |
//! | `lock` | held with `File::lock` while the run lives |
//!
//! Beside `runs/` is `locks/`: the locks of this machine ([`Locks`]).
//!
//! Directories have mode 0700 and files 0600; what is found open to others is closed. A directory of another
//! user is refused, and what another user put there is ignored. Every text is scrubbed of secrets before it
//! is written. The lock is the standard library's `flock`: the kernel frees it however the process ends, so a
//! run without an end whose lock is free was killed.
//!
//! `cli` begins a run ([`Store::begin`]) and shows old ones ([`Store::list`], [`Store::open`]); `run` writes
//! the journal. A run that cannot be kept gets [`Journal::unavailable`], which refuses every intent: hosts
//! are not changed without a journal.

mod controller;
mod error;
mod id;
mod journal;
mod locks;
mod meta;
mod output;
mod private;
mod recorder;
mod run_directory;
mod runs;
mod stored_run;

pub use controller::Controller;
pub use error::StoreError;
pub use id::RunId;
pub use journal::{
    CommandResult, EffectKind, Entry, FORMAT, Header, Intent, Journal, JournalEntry, JournalError,
    OutputError, RESULT_IN_ENTRY, RESULTS_KEPT, RecordedOutput, RecordedResult, RolloutEntry,
    RolloutStep, RunInputs, RunRecord, Source, SourceKind,
};
pub use locks::{Break, HeldFile, Locks, TakeResult};
pub use meta::{Finished, Meta};
pub use output::{OUTPUT_IN_EVENT, OUTPUT_KEPT, OUTPUTS_KEPT, OutputFile};
pub use recorder::Recorder;
pub use run_directory::RunDirectory;
pub use runs::{KEEP, Store};
pub use stored_run::{Events, RunState, RunSummary, StoredRun};

#[cfg(test)]
mod tests;
