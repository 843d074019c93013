//! What a run did on a host: what an undo goes through, and what a check has found so far.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::task::Outlook;

use super::applied::Applied;

/// Of one host.
#[derive(Default)]
pub struct History {
    /// The changes that were made, in their order.
    made: Mutex<Vec<Applied>>,
    /// The steps of those that are undone.
    undone: Mutex<HashSet<String>>,
    /// In check mode: what the run would leave here.
    outlook: Mutex<Outlook>,
}

impl History {
    /// In check mode: what the run would leave here so far.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        lock(&self.outlook).clone()
    }

    pub(super) fn set_outlook(&self, outlook: Outlook) {
        *lock(&self.outlook) = outlook;
    }

    /// Keeps what was made, for an undo of everything.
    pub fn remember(&self, applied: &[Applied]) {
        let changes = applied.iter().filter(|applied| applied.is_made()).cloned();
        lock(&self.made).extend(changes);
    }

    /// Everything that this run made here, in its order.
    #[must_use]
    pub fn made(&self) -> Vec<Applied> {
        lock(&self.made).clone()
    }

    /// How many changes this run made here so far: see `made_since`.
    #[must_use]
    pub fn mark(&self) -> usize {
        lock(&self.made).len()
    }

    /// What this run made here since a mark, in its order.
    #[must_use]
    pub fn made_since(&self, mark: usize) -> Vec<Applied> {
        self.made().into_iter().skip(mark).collect()
    }

    /// Whether a change is undone already.
    pub(super) fn is_undone(&self, step: &str) -> bool {
        lock(&self.undone).contains(step)
    }

    /// Notes that a change is undone: no later undo goes through it again.
    pub(super) fn set_undone(&self, step: &str) {
        lock(&self.undone).insert(step.to_owned());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
