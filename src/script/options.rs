//! Reads the options map of a built-in into a struct with serde. Errors are reported at the key that they
//! concern.

use std::ops::Deref;

use rhai::{EvalAltResult, FnPtr, Map, NativeCallContext};
use serde::de::DeserializeOwned;

use crate::declare::{Arguments, Closure, Function, HasOptions, Place, Value};
use crate::model::suggest::{did_you_mean, listed};
use crate::model::{Failure, FailureKind};

use super::call_part::part;
use super::check::Part;
use super::convert::to_value;
use super::error::throw;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// The options of one call.
pub struct Options<'a, T> {
    of: &'static str,
    context: &'a NativeCallContext<'a>,
    read: T,
    closures: Vec<FnPtr>,
}

impl<T> Deref for Options<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.read
    }
}

impl<'a, T: DeserializeOwned + HasOptions> Options<'a, T> {
    /// # Errors
    /// An unknown option, or a value that the option does not accept.
    pub fn read(
        function: &'static Function,
        given: Map,
        context: &'a NativeCallContext<'a>,
    ) -> Result<Self> {
        let of = function.name;
        let mut closures = Vec::new();
        let mut values = Vec::new();
        for (key, value) in given {
            let key = key.to_string();
            if value.is_unit() {
                unknown(of, &key, T::FIELDS.iter().map(|field| field.name))
                    .map_or(Ok(()), |failure| refused(failure, &key, context))?;
                continue;
            }
            let value = match value.flatten().try_cast_result::<FnPtr>() {
                Ok(closure) => {
                    closures.push(closure);
                    Value::Closure(Closure(closures.len() - 1))
                }
                Err(value) => match to_value(value) {
                    Ok(value) => value,
                    Err(message) => return wrong(of, &key, &message, context),
                },
            };
            values.push((key, value));
        }
        for (key, _) in &values {
            if let Some(failure) = unknown(of, key, T::FIELDS.iter().map(|field| field.name)) {
                return refused(failure, key, context);
            }
        }
        match Arguments::new(vec![Value::Map(values)]).options::<T>() {
            Ok(read) => Ok(Self {
                of,
                context,
                read,
                closures,
            }),
            Err(error) => {
                let key = match &error.place {
                    Place::Option(path) => path.clone(),
                    Place::Parameter(_) | Place::Call => String::new(),
                };
                let failure = super::refusal::failure(of, &error);
                refused(failure, &key, context)
            }
        }
    }
}

impl<T> Options<'_, T> {
    /// An error about an option.
    #[must_use]
    pub fn wrong(&self, key: &str, message: &str) -> Box<EvalAltResult> {
        failure_at(about(self.of, key, message), key, self.context)
    }

    /// The closure in an option.
    #[must_use]
    pub fn closure(&self, closure: Option<Closure>) -> Option<&FnPtr> {
        self.closures.get(closure?.0)
    }
}

/// The failure for an unknown option.
pub fn unknown<'a>(
    of: &str,
    key: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<Failure> {
    if known.clone().any(|name| name == key) {
        return None;
    }
    let hint = did_you_mean(key, known.clone())
        .unwrap_or_else(|| format!("The options are {}.", listed(known)));
    let message = format!("`{of}` has no option `{key}`");
    Some(Failure::new(FailureKind::Failed, message).hint(hint))
}

fn about(of: &str, key: &str, message: &str) -> Failure {
    let message = format!("option `{key}` of `{of}`: {message}");
    Failure::new(FailureKind::Failed, message)
}

fn wrong<T>(of: &str, key: &str, message: &str, context: &NativeCallContext<'_>) -> Result<T> {
    refused(about(of, key, message), key, context)
}

fn refused<T>(failure: Failure, key: &str, context: &NativeCallContext<'_>) -> Result<T> {
    Err(failure_at(failure, key, context))
}

fn failure_at(failure: Failure, key: &str, context: &NativeCallContext<'_>) -> Box<EvalAltResult> {
    let key = key.split(['.', '[']).next().unwrap_or(key);
    throw(failure.at(part(context, Part::Key(key))), context)
}
