//! Arguments of filters.

use minijinja::value::{ArgType, Kwargs};
use minijinja::{Error, ErrorKind, Value};

use crate::template::{python, undefined};

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The value as a string. An undefined value is an error.
pub(in crate::template) fn text(value: &Value) -> Result<String, Error> {
    undefined::check(value)?;
    Ok(python::str(value))
}

/// An option by its name.
pub(in crate::template) fn kwarg<T>(options: &Kwargs, name: &str) -> Result<Option<T>, Error>
where
    Option<T>: for<'a> ArgType<'a, Output = Option<T>>,
{
    options.get(name)
}
