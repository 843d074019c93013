//! Decisions about commands that an earlier attempt of the run may have run.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What to do with a command that may have run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decision {
    /// Ask at the terminal; without one, stop.
    #[default]
    Ask,
    /// Run it again.
    Again,
    /// Take it as done.
    Done,
    /// Fail.
    Stop,
}

/// What the operator decided.
#[derive(Debug, Default)]
pub struct Doubts {
    all: Decision,
    by_step: Mutex<HashMap<String, Decision>>,
}

impl Doubts {
    /// Decides about one step, or about all others.
    pub fn decide(&mut self, step: Option<String>, decision: Decision) {
        match step {
            Some(step) => self.decided(step, decision),
            None => self.all = decision,
        }
    }

    /// Keeps an answer: the question is not asked again.
    pub(super) fn decided(&self, step: String, decision: Decision) {
        let by_step = self.by_step.lock();
        by_step
            .unwrap_or_else(PoisonError::into_inner)
            .insert(step, decision);
    }

    /// The decision about a step.
    #[must_use]
    pub(super) fn of(&self, step: &str) -> Decision {
        let by_step = self.by_step.lock();
        let by_step = by_step.unwrap_or_else(PoisonError::into_inner);
        by_step.get(step).copied().unwrap_or(self.all)
    }
}
