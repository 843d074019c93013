//! Converts Rhai's positions to positions of ops.

use crate::model::Position;

/// Rhai's position in the text with this name. `None` if Rhai does not know the position.
#[must_use]
pub fn position(file: &str, at: rhai::Position) -> Option<Position> {
    Some(Position {
        file: file.to_owned(),
        line: at.line()?,
        // Rhai counts from 1, and has no column for the start of an empty line.
        column: at.position().unwrap_or(1),
    })
}
