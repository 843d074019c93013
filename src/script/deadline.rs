//! Stops a script that only computes when its frame is cancelled.
//!
//! A built-in that waits selects on the token of its frame. A loop without such a built-in is seen only by
//! the engine's progress hook, which knows the thread but not the frame. So each thread has a stack of the
//! tokens that it entered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};
use std::thread::{self, ThreadId};

use tokio_util::sync::CancellationToken;

/// The number of operations between two checks: some microseconds of computing.
const EVERY: u64 = 64;

type Stacks = HashMap<ThreadId, Vec<CancellationToken>>;

/// The tokens by the thread that entered them, the innermost one last.
#[derive(Default)]
pub struct Deadlines {
    /// The number of entered tokens. With none, a check costs nothing.
    entered: AtomicUsize,
    stacks: RwLock<Stacks>,
}

/// While this exists, the thread is stopped by the token.
pub struct Obeys<'a>(&'a Deadlines);

impl Deadlines {
    pub fn obey(&self, token: CancellationToken) -> Obeys<'_> {
        self.stacks()
            .entry(thread::current().id())
            .or_default()
            .push(token);
        self.entered.fetch_add(1, Ordering::SeqCst);
        Obeys(self)
    }

    /// Whether the innermost token of this thread is cancelled. Checks only now and then, by the count of
    /// operations.
    pub fn passed(&self, operations: u64) -> bool {
        if !operations.is_multiple_of(EVERY) || self.entered.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let stacks = self.stacks.read().unwrap_or_else(PoisonError::into_inner);
        stacks
            .get(&thread::current().id())
            .and_then(|stack| stack.last())
            .is_some_and(CancellationToken::is_cancelled)
    }

    fn stacks(&self) -> RwLockWriteGuard<'_, Stacks> {
        self.stacks.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Obeys<'_> {
    fn drop(&mut self) {
        let id = thread::current().id();
        let mut stacks = self.0.stacks();
        if let Some(stack) = stacks.get_mut(&id) {
            stack.pop();
            if stack.is_empty() {
                stacks.remove(&id);
            }
        }
        self.0.entered.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_token_of_the_thread_counts() {
        let deadlines = Deadlines::default();
        let (outer, inner) = (CancellationToken::new(), CancellationToken::new());
        let obeys = deadlines.obey(outer.clone());
        outer.cancel();
        assert!(deadlines.passed(EVERY) && !deadlines.passed(EVERY + 1));
        {
            // A clean-up is shielded from the token that cancelled the work.
            let _obeys = deadlines.obey(inner);
            assert!(!deadlines.passed(EVERY));
        }
        assert!(deadlines.passed(EVERY));
        thread::scope(|scope| {
            scope.spawn(|| assert!(!deadlines.passed(EVERY)));
        });
        drop(obeys);
        assert!(!deadlines.passed(EVERY));
    }
}
