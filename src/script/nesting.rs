//! How deep a value may be nested where it leaves the script.
//!
//! What reads a value (a task's arguments, a message) goes into it level by level, on the stack. A list of
//! lists that a loop built has as many levels as the loop had rounds.

use rhai::{Array, Dynamic, Map};

/// Lists and maps within one another. JSON is read to the same depth.
pub const MAX_NESTING: usize = 128;

/// What is wrong with a value that is nested too deep; `Ok` for all others.
///
/// # Errors
/// A lower-case fragment.
pub fn check(value: &Dynamic) -> Result<(), String> {
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
    fn the_depth_of_a_value_is_bounded() {
        assert_eq!(check(&nested(MAX_NESTING)), Ok(()));
        let error = check(&nested(MAX_NESTING + 1)).expect_err("too deep");
        assert_eq!(error, "the value is nested more than 128 levels deep");
    }
}
