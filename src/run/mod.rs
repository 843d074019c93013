//! Doing it: a batch on a host, a command on a host, many hosts at once, and what all parts of a run share.
//!
//! A host's work is done on a thread of its own (a playbook is synchronous); what waits for the
//! network waits in tokio. [`Run`] is what is shared, [`HostHandle`] is a host as one user, and [`apply`], [`command::run`] and
//! [`undo`] are the three ways to change one. Called by `script` and by `cli`.

mod applied;
mod ask;
mod awaited;
mod batch;
mod cancel;
pub mod command;
mod context;
pub mod dispatcher;
mod early;
mod ended;
mod fanout;
mod fence;
mod history;
mod host;
mod identity;
mod keep;
mod label;
mod link;
mod output;
mod record;
mod said;
mod sudo;
mod tail;
mod turns;
mod undo;
mod waits;
mod watch;

pub use applied::Applied;
pub use ask::ask;
pub use awaited::awaited;
pub use batch::{Batch, Job, apply};
pub use cancel::Cancel;
pub use context::{Run, Settings, interrupted};
pub use dispatcher::Bus;
pub use fanout::{STACK, fan_out};
pub use fence::{Fence, Fences, Guard};
pub use host::{HostHandle, Looks};
pub use label::label;
pub use link::Link;
pub use turns::Turns;
pub use undo::undo;
pub use waits::{Pace, Rounds, Wait, Waited, Waits, pause_again};
