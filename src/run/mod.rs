//! Execution: a batch on a host, a command on a host, many hosts at once, and the state that all parts of a
//! run share.
//!
//! The work of each host is done on a separate thread (a playbook is synchronous); waiting for the network
//! is done in tokio. Each part depends only on those above it:
//!
//! | part | what it is |
//! |---|---|
//! | [`Bus`], `waits`, `fence`, `output/budget` | where events are sent, the current waits, the held locks,
//! the limits of output |
//! | [`Link`] | the connection to a host, and a session for each user on it |
//! | [`Run`] | the state that all parts of a run share: settings, inventory, sinks, links, what was done on
//! each host |
//! | [`HostHandle`] | a host as one user: sends requests |
//! | [`apply`], [`command::run`], [`undo`] | the three ways to change a host; [`ask`] reads |
//! | [`records`] | what a host recorded of the commands of a run whose process was killed |
//!
//! Called by `script`, `deploy` and `cli`.

mod applied;
mod apply;
mod ask;
mod batch;
mod cancel;
mod change_step;
pub mod command;
mod context;
pub mod dispatcher;
mod doubts;
mod entries;
mod fanout;
mod fence;
mod follow;
mod guarded;
mod history;
mod host;
mod host_queue;
mod job;
mod kept_undo;
mod kept_undos;
mod label;
mod link;
mod links;
mod output;
mod output_tail;
mod past;
mod past_changes;
mod pending_user;
pub mod question;
mod recall;
mod record;
mod recorded;
mod recording;
pub mod records;
mod script_messages;
mod step_failure;
mod step_ids;
mod undo;
mod waits;

pub use applied::Applied;
pub use apply::{Batch, apply};
pub use ask::ask;
pub use cancel::Cancel;
pub use context::{Run, Settings};
pub use dispatcher::Bus;
pub use doubts::{Decision, Doubts};
pub use fanout::{STACK, fan_out};
pub use fence::{Fence, Fences, Guard};
pub use history::Mark;
pub use host::{HostHandle, Polled};
pub use host_queue::HostQueue;
pub use job::Job;
pub use label::label;
pub use link::Link;
pub use past::{Past, Recalled};
pub use past_changes::{PastChange, PastMade, PastUndo};
pub use pending_user::pending_user;
pub use recall::{decide_doubts, settle_commands};
pub use step_ids::StepIds;
pub(crate) use undo::settle_undos;
pub use undo::{undo, undo_since};
pub use waits::{Pace, Rounds, Wait, Waited, Waits};
