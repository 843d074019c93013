//! The laws that hold for every task, over the cases in `tests/tasks/`, on real shells.
//!
//! A case of a task that works on files says what stands below `$root` (`tree`); it is built in a temporary
//! directory and gone through on dash, bash and BusyBox. A case of another task says what the host answers
//! (`facts`); its plan is looked at.

mod batches;
mod bytes;
mod case;
mod contents;
mod facts;
mod laws;
mod plans;
mod processes;
mod registry;
mod round_trips;
mod shell_host;
mod tree;
