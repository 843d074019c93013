//! Decisions about commands that an earlier attempt of the run may have run.

use std::collections::HashMap;

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

/// What the operator decided beforehand.
#[derive(Debug, Clone, Default)]
pub struct Doubts {
    all: Decision,
    by_step: HashMap<String, Decision>,
}

impl Doubts {
    /// Decides about one step, or about all others.
    pub fn decide(&mut self, step: Option<String>, decision: Decision) {
        match step {
            Some(step) => {
                self.by_step.insert(step, decision);
            }
            None => self.all = decision,
        }
    }

    /// The decision about a step.
    #[must_use]
    pub(super) fn of(&self, step: &str) -> Decision {
        self.by_step.get(step).copied().unwrap_or(self.all)
    }
}
