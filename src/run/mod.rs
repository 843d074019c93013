//! Doing it: a batch on a host, a command on a host, many hosts at once, and what all parts of a run share.
//!
//! A host's work is done on a thread of its own (a playbook is synchronous); what waits for the network waits
//! in tokio. Each part knows those above it only:
//!
//! | part | what it is |
//! |---|---|
//! | [`Bus`], `waits`, `fence`, `output/budget` | where events go, the current waits, the locks that are held |
//! | [`Link`] | the connection to a host, and a session for each user on it |
//! | [`Run`] | what all parts of a run share: settings, inventory, sinks, links, what was done on each host |
//! | [`HostHandle`] | a host as one user: sends requests |
//! | [`apply`], [`command::run`], [`undo`] | the three ways to change a host; [`ask`] reads |
//!
//! Called by `script`, `deploy` and `cli`.

mod applied;
mod ask;
mod batch;
mod cancel;
mod change_step;
pub mod command;
mod context;
pub mod dispatcher;
mod fanout;
mod fence;
mod follow;
mod guarded;
mod history;
mod host;
mod host_queue;
mod label;
mod link;
mod links;
mod output;
mod output_tail;
mod pending_user;
mod record;
mod script_messages;
mod step_failure;
mod step_ids;
mod undo;
mod waits;

pub use applied::Applied;
pub use ask::ask;
pub use batch::{Batch, Job, apply};
pub use cancel::Cancel;
pub use context::{Run, Settings};
pub use dispatcher::Bus;
pub use fanout::{STACK, fan_out};
pub use fence::{Fence, Fences, Guard};
pub use host::{HostHandle, Polled};
pub use host_queue::HostQueue;
pub use label::label;
pub use link::Link;
pub use pending_user::pending_user;
pub use undo::undo;
pub use waits::{Pace, Rounds, Wait, Waited, Waits};
