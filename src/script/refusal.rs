//! Reports a refused argument: the message, and the part of the call that it concerns. The static checks
//! and the run report it in the same way.

use crate::declare::{ArgumentError, Place};
use crate::model::{Failure, FailureKind};

use super::check::Part;

#[must_use]
pub(crate) fn message(name: &str, error: &ArgumentError) -> String {
    match &error.place {
        Place::Option(path) => format!("option `{path}` of `{name}`: {}", error.message),
        // These messages name the parameter themselves.
        Place::Parameter(_) | Place::Call => format!("`{name}`: {}", error.message),
    }
}

/// The failure for it, without a position.
#[must_use]
pub(crate) fn failure(name: &str, error: &ArgumentError) -> Failure {
    let mut failure = Failure::new(FailureKind::Failed, message(name, error));
    failure.hint.clone_from(&error.hint);
    failure
}

/// The part of the call that the error concerns; `None` for the whole call.
#[must_use]
pub(crate) fn part(error: &ArgumentError) -> Option<Part<'_>> {
    match &error.place {
        Place::Option(path) => Some(Part::Key(path.split(['.', '[']).next().unwrap_or(path))),
        Place::Parameter(index) => Some(Part::Argument(*index)),
        Place::Call => None,
    }
}
