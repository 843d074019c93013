//! Plain data that every other layer may use. No I/O here.

mod connection;
mod emission;
mod event;
mod facts;
mod failure;
mod health;
mod host;
mod kind;
mod lock;
mod log_level;
mod old_secrets;
mod outcome;
mod output_stream;
mod position;
mod reporter;
pub mod rollout;
mod run_start;
mod scrub;
mod secret;
pub mod suggest;
mod totals;
mod utf8;

pub use connection::{Connection, Elevation, HostKeys, SshClient, Via};
pub use emission::{Emission, undo_of, undone_by};
pub use event::{Event, SCHEMA};
pub use facts::HostFacts;
pub use failure::{Failure, FailureKind};
pub use health::HealthState;
pub use host::{Host, Origin, Var, Vars};
pub use kind::Kind;
pub use lock::{LockHolder, LockScope};
pub use log_level::LogLevel;
pub use outcome::{Diff, Outcome};
pub use output_stream::OutputStream;
pub use position::Position;
pub use reporter::Reporter;
pub use rollout::{Fate, HostEnd, HostEnds, OnAbort, Phase, RolloutEnd, Version, Waiting};
pub use run_start::RunStart;
pub use scrub::{Scrub, Scrubbed};
#[cfg(test)]
pub(crate) use secret::forms_of;
pub use secret::{
    MAX_SECRET, MIN_SECRET, NewSecret, REPLACEMENT, Recorded, Scrubber, Secrets, StreamScrubber,
    UnknownSecret, Unscrubbable,
};
pub use totals::Totals;
pub use utf8::{NotUtf8, as_text, decode};
