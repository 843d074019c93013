//! One closure for many hosts, `forks` at a time.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Stack size of a host's thread: a playbook may nest calls as deep as the engine allows (see
/// `script::engine`). Only touched pages use memory.
pub const STACK: usize = 16 << 20;

/// Calls `work` for each item on at most `forks` threads, and returns the results in the order of the
/// items. The result is `None` for an item whose thread could not be started or panicked.
pub fn fan_out<T: Sync, R: Send>(
    items: &[T],
    forks: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let next = || {
        let index = next.fetch_add(1, Ordering::Relaxed);
        (index < items.len()).then_some(index)
    };
    fan_out_by(items, forks, next, |_, item| work(item))
}

/// Like `fan_out`, but `next` returns the index of the next item, each once. It may block.
pub(super) fn fan_out_by<T: Sync, R: Send>(
    items: &[T],
    forks: usize,
    next: impl Fn() -> Option<usize> + Sync,
    work: impl Fn(usize, &T) -> R + Sync,
) -> Vec<Option<R>> {
    let results: Mutex<Vec<Option<R>>> = Mutex::new(items.iter().map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..forks.clamp(1, items.len().max(1)) {
            let worker = std::thread::Builder::new()
                .name("host".into())
                .stack_size(STACK);
            let spawned = worker.spawn_scoped(scope, || {
                while let Some(index) = next() {
                    let Some(item) = items.get(index) else { break };
                    let call = std::panic::AssertUnwindSafe(|| work(index, item));
                    let result = std::panic::catch_unwind(call).ok();
                    if let Some(place) = results
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .get_mut(index)
                    {
                        *place = result;
                    }
                }
            });
            if let Err(error) = spawned {
                tracing::warn!("fewer threads than forks: {error}");
                break;
            }
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_results_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        let results = fan_out(&items, 7, |item| item * 2);
        assert!(results.iter().enumerate().all(|(i, r)| *r == Some(i * 2)));
        assert!(fan_out(&[] as &[u8], 5, |_| ()).is_empty());
    }

    #[test]
    fn a_panic_affects_only_its_item() {
        let results = fan_out(&[1, 2, 3], 1, |item| {
            assert!(*item != 2, "two");
            *item
        });
        assert_eq!(results, [Some(1), None, Some(3)]);
    }
}
