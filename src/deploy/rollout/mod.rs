//! Rolling a change over hosts, some at a time, with a way back.
//!
//! [`Rollout`] decides: a state machine with no I/O and no clock. It is told what happened and when
//! ([`Input`]), and gives [`Order`]s. [`drive`] is the loop between it and a [`World`], which carries orders out and
//! has the clock. [`Threads`] is the world of a real run: each step of a host on a thread of its own. What the
//! steps do (drain, update, ...) is up to the [`Actions`]: those of `script` call the closures of a playbook. docs/rollout.md is the contract with the user.
//!
//! Never more hosts out of service than allowed, whatever fails: every step that takes a host out goes through one
//! door, `Rollout::next_with_room`. The tests hold that against a made-up world with a clock of its own.

mod drive;
mod gate;
mod host;
mod machine;
mod order;
mod reason;
mod rollback;
mod spec;
mod steps;
mod threads;
mod waits;

pub use drive::{World, drive};
pub use machine::{Others, Rollout};
pub use order::{Course, Input, News, Order, Question, Report, Start, Step, StepResult, Time};
pub use spec::{Batches, Gates, Present, Size, Spec, Times};
pub use threads::{Actions, Threads};

#[cfg(test)]
mod tests;
