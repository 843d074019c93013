//! Positions of Rhai as positions of ours.

use crate::model::Position;

/// A position of Rhai's in the text of that name. `None` for a position that Rhai does not know.
#[must_use]
pub fn position(file: &str, at: rhai::Position) -> Option<Position> {
    Some(Position {
        file: file.to_owned(),
        line: at.line()?,
        // Rhai counts from 1, and has no column for the start of an empty line.
        column: at.position().unwrap_or(1),
    })
}
