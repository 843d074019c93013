//! Rolling a change over hosts, some at a time, with a way back.
//!
//! [`Rollout`] decides: a state machine with no I/O and no clock. It is told what happened and when
//! ([`Input`]), and gives [`Order`]s. [`drive`] is the loop between it and a [`World`], which carries orders out and
//! has the clock. [`Threads`] is the world of a real run: each step of a host on a thread of its own. What the
//! steps are (drain, update, ...) it learns from whoever implements [`Hands`]: `script`, with the closures of a
//! playbook. docs/rollout.md is the contract with the user.
//!
//! Never more hosts out of service than allowed, whatever fails: every step that takes a host out goes through one
//! door, `Rollout::next_with_room`. The tests hold that against a made-up world with a clock of its own.

mod back;
mod drive;
mod gate;
mod host;
mod machine;
mod order;
mod reason;
mod say;
mod spec;
mod steps;
mod threads;

pub use drive::{World, drive};
pub use machine::{Others, Rollout};
pub use order::{Course, Input, News, Order, Outcome, Question, Report, Start, Step, Time};
pub use spec::{Batches, Gates, Present, Size, Spec, Times};
pub use threads::{Hands, Threads};

#[cfg(test)]
mod tests;
