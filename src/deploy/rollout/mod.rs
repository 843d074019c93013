//! Rolls a change out over hosts, some at a time, with a way back.
//!
//! [`Rollout`] decides: it is a state machine with no I/O and no clock. It receives events with their times
//! ([`Input`]), and returns [`Order`]s. [`drive`] is the loop between it and a [`World`], which carries out
//! orders and has the clock. [`Threads`] is the world of a real run: each step of a host has its own
//! thread. What the steps do (drain, update, ...) is up to the [`Actions`]: those of `script` call the
//! closures of a playbook. docs/rollout.md is the contract with the user.
//!
//! There are never more hosts out of service than allowed, whatever fails: every step that takes a host out
//! of service passes one point, `Rollout::next_with_room`. The tests verify this in a simulated world with
//! its own clock.

mod drive;
mod earlier;
mod entries;
mod gate;
mod host;
mod machine;
mod order;
mod reason;
mod resume;
mod rollback;
mod spec;
mod steps;
mod threads;
mod waits;

pub use drive::{World, drive};
pub use earlier::{Before, Earlier, EarlierHost};
pub use entries::{news_entry, step_entry};
pub use machine::{Others, Rollout};
pub use order::{Course, Input, News, Order, Question, Report, Start, Step, StepResult, Time};
pub use resume::Resumed;
pub use spec::{Batches, Gates, Present, Size, Spec, Times};
pub use threads::{Actions, Threads};

#[cfg(test)]
mod tests;
