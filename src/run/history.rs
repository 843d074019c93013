//! What a run did on a host: what an undo goes through, and what check mode has found so far.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::task::Outlook;

use super::applied::Applied;
use super::kept_undos::KeptUndos;

/// A point in a run: what it had changed on a host by then. The default is its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// How many changes earlier attempts had begun: see `Past::changes`.
    pub earlier: usize,
    /// How many changes this attempt had made.
    pub now: usize,
}

/// The history of one host.
#[derive(Default)]
pub struct History {
    /// The changes made, in order.
    made: Mutex<Vec<Applied>>,
    /// The number of changes that were begun.
    begun: AtomicUsize,
    /// The names of the changes that were undone.
    undone: Mutex<HashSet<String>>,
    /// The users in whose state directory there is a directory for what the run keeps.
    keeping: Mutex<HashSet<Option<String>>>,
    /// By user: how to undo the changes of earlier attempts.
    kept_undos: Mutex<HashMap<Option<String>, Arc<KeptUndos>>>,
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

    /// The number of changes that this attempt of the run made on the host so far: see `made_since`.
    pub(super) fn count(&self) -> usize {
        lock(&self.made).len()
    }

    /// The changes that this attempt made on the host after so many others, in order.
    pub(super) fn made_since(&self, count: usize) -> Vec<Applied> {
        lock(&self.made).iter().skip(count).cloned().collect()
    }

    /// Numbers the changes of this attempt in the order in which they are made.
    pub(super) fn next_number(&self) -> usize {
        self.begun.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether this attempt has made the directory for what the run keeps, as this user.
    pub(super) fn keeps_as(&self, user: Option<&str>) -> bool {
        lock(&self.keeping).contains(&user.map(ToOwned::to_owned))
    }

    pub(super) fn set_keeps_as(&self, user: Option<&str>) {
        lock(&self.keeping).insert(user.map(ToOwned::to_owned));
    }

    /// How to undo what earlier attempts changed as this user, if the host was asked.
    pub(super) fn kept_undos(&self, user: Option<&str>) -> Option<Arc<KeptUndos>> {
        let user = user.map(ToOwned::to_owned);
        lock(&self.kept_undos).get(&user).cloned()
    }

    pub(super) fn set_kept_undos(&self, user: Option<&str>, kept: Arc<KeptUndos>) {
        lock(&self.kept_undos).insert(user.map(ToOwned::to_owned), kept);
    }

    /// Notes that the host could not record a command. Returns whether this is the first time.
    pub(super) fn set_unrecorded(&self) -> bool {
        !self.unrecorded.swap(true, Ordering::Relaxed)
    }

    /// Whether a change has been undone.
    pub(super) fn is_undone(&self, change: &str) -> bool {
        lock(&self.undone).contains(change)
    }

    /// Records that a change was undone: no later undo repeats it.
    pub(super) fn set_undone(&self, change: &str) {
        lock(&self.undone).insert(change.to_owned());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
