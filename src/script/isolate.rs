//! Copies of closures that share nothing.
//!
//! A closure's captured variables are shared and locked: two threads that use one at the same time get
//! Rhai's data race error. So every host gets a copy of its own, all the way down.

use rhai::{Dynamic, FnPtr};

/// A closure whose captured variables are nobody else's.
#[must_use]
pub fn isolate(closure: &FnPtr) -> FnPtr {
    let mut copy = closure.clone();
    for captured in copy.iter_curry_mut() {
        *captured = deep_copy(captured);
    }
    copy
}

fn deep_copy(value: &Dynamic) -> Dynamic {
    let mut copy = value.flatten_clone();
    if let Some(mut items) = copy.write_lock::<rhai::Array>() {
        for item in items.iter_mut() {
            *item = deep_copy(item);
        }
    } else if let Some(mut entries) = copy.write_lock::<rhai::Map>() {
        for value in entries.values_mut() {
            *value = deep_copy(value);
        }
    } else if let Some(mut closure) = copy.write_lock::<FnPtr>() {
        *closure = isolate(&closure);
    }
    copy
}
