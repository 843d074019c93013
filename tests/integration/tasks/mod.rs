//! The laws of all tasks, checked with the cases in `tests/tasks/`, on real shells.
//!
//! A case of a task that works on files defines the files below `$root` (`tree`). They are created in a
//! temporary directory, and the case is executed on dash, bash and BusyBox. A case of another task defines
//! the answers of the host (`facts`), and its plan is checked.

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
