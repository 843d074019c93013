//! How a refused argument is reported: the message, and the part of the call that it is about. The static checks and the
//! run report it in the same way.

use crate::declare::{ArgumentError, Place};

use super::check::Part;

#[must_use]
pub fn message(name: &str, error: &ArgumentError) -> String {
    match &error.place {
        Place::Option(path) => format!("option `{path}` of `{name}`: {}", error.message),
        // These messages name the parameter themselves.
        Place::Parameter(_) | Place::Call => format!("`{name}`: {}", error.message),
    }
}

/// The part of the call, if it is not the call as a whole.
#[must_use]
pub fn part(error: &ArgumentError) -> Option<Part<'_>> {
    match &error.place {
        Place::Option(path) => Some(Part::Key(path.split(['.', '[']).next().unwrap_or(path))),
        Place::Parameter(index) => Some(Part::Argument(*index)),
        Place::Call => None,
    }
}
