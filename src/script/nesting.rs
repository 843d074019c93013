//! The maximum nesting depth of a value that leaves the script.
//!
//! Code that reads a value (a task's arguments, a message) descends into it level by level, on the stack. A
//! loop can build a list of lists with as many levels as it has iterations.

use rhai::{Array, Dynamic, Map};

/// The maximum depth of nested lists and maps. JSON has the same limit.
pub(crate) const MAX_NESTING: usize = 128;

/// Checks that a value is not nested too deeply.
///
/// # Errors
/// A lower-case fragment.
pub(crate) fn check(value: &Dynamic) -> Result<(), String> {
    if fits(value, MAX_NESTING) {
        return Ok(());
    }
    Err(format!(
        "the value is nested more than {MAX_NESTING} levels deep"
    ))
}

fn fits(value: &Dynamic, levels: usize) -> bool {
    if let Some(items) = value.read_lock::<Array>() {
        return levels > 0 && items.iter().all(|item| fits(item, levels - 1));
    }
    if let Some(entries) = value.read_lock::<Map>() {
        return levels > 0 && entries.values().all(|item| fits(item, levels - 1));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Dynamic {
        (0..levels).fold(Dynamic::UNIT, |inner, level| {
            if level % 2 == 0 {
                Dynamic::from(vec![Dynamic::ONE, inner])
            } else {
                Map::from([("a".into(), inner)]).into()
            }
        })
    }

    #[test]
    fn limits_the_depth_of_a_value() {
        assert_eq!(check(&nested(MAX_NESTING)), Ok(()));
        let error = check(&nested(MAX_NESTING + 1)).expect_err("too deep");
        assert_eq!(error, "the value is nested more than 128 levels deep");
    }
}
