//! What a run did on a host: what an undo goes through, and what check mode has found so far.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::task::Outlook;

use super::applied::Applied;

/// The history of one host.
#[derive(Default)]
pub struct History {
    /// The changes made, in order.
    made: Mutex<Vec<Applied>>,
    /// The steps whose changes were undone.
    undone: Mutex<HashSet<String>>,
    /// In check mode: the state in which the run would leave the host.
    outlook: Mutex<Outlook>,
    /// The host could not record a command.
    unrecorded: AtomicBool,
}

impl History {
    /// In check mode: the state in which the run would leave the host so far.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        lock(&self.outlook).clone()
    }

    pub(super) fn set_outlook(&self, outlook: Outlook) {
        *lock(&self.outlook) = outlook;
    }

    /// Stores changes for an undo of everything.
    pub fn remember(&self, applied: &[Applied]) {
        let changes = applied.iter().filter(|applied| applied.is_made()).cloned();
        lock(&self.made).extend(changes);
    }

    /// All changes that this run made on the host, in order.
    #[must_use]
    pub fn made(&self) -> Vec<Applied> {
        lock(&self.made).clone()
    }

    /// The number of changes that this run made on the host so far: see `made_since`.
    #[must_use]
    pub fn mark(&self) -> usize {
        lock(&self.made).len()
    }

    /// The changes that this run made on the host since a mark, in order.
    #[must_use]
    pub fn made_since(&self, mark: usize) -> Vec<Applied> {
        self.made().into_iter().skip(mark).collect()
    }

    /// Notes that the host could not record a command. Returns whether this is the first time.
    pub(super) fn set_unrecorded(&self) -> bool {
        !self.unrecorded.swap(true, Ordering::Relaxed)
    }

    /// Whether a change has been undone.
    pub(super) fn is_undone(&self, step: &str) -> bool {
        lock(&self.undone).contains(step)
    }

    /// Records that a change was undone: no later undo repeats it.
    pub(super) fn set_undone(&self, step: &str) {
        lock(&self.undone).insert(step.to_owned());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
