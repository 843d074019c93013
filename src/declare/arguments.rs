//! Converts the values of a call to typed arguments, with errors that name the argument.

use std::fmt;

use serde::de::DeserializeOwned;

use super::manual::HasOptions;
use super::value::{Unfit, Value};
use crate::model::suggest::{did_you_mean, listed};

/// Which argument of a call is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The positional argument at this index.
    Parameter(usize),
    /// An option by its key, or by a path below it: `vars.port`, `ports[1]`.
    Option(String),
    /// No argument in particular.
    Call,
}

/// Why arguments are invalid. Determined before any host is contacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentError {
    pub place: Place,
    /// A lower-case fragment.
    pub message: String,
    /// What to write instead, as a sentence.
    pub hint: Option<String>,
}

impl ArgumentError {
    #[must_use]
    pub fn call(message: impl Into<String>) -> Self {
        Self {
            place: Place::Call,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn option(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: Place::Option(key.into()),
            ..Self::call(message)
        }
    }

    #[must_use]
    pub fn parameter(index: usize, message: impl Into<String>) -> Self {
        Self {
            place: Place::Parameter(index),
            ..Self::call(message)
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A reason that may end in a line break and a hint: `serde` carries only one text.
    fn of(place: Place, reason: &Unfit) -> Self {
        let (message, hint) = match reason.0.split_once('\n') {
            Some((message, hint)) => (message, Some(hint.to_owned())),
            None => (reason.0.as_str(), None),
        };
        Self {
            place,
            message: message.to_owned(),
            hint,
        }
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Place::Option(key) = &self.place {
            write!(f, "`{key}`: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ArgumentError {}

/// The arguments of one call: positional ones, then at most one map of options.
#[derive(Debug, Clone, PartialEq)]
pub struct Arguments {
    positional: Vec<Value>,
    /// How many positional arguments have been taken.
    taken: usize,
    options: Vec<(String, Value)>,
}

impl Arguments {
    /// From the values of a call, in order. No positional argument is a map, so a map at the end is the
    /// options.
    #[must_use]
    pub fn new(mut values: Vec<Value>) -> Self {
        let options = match values.pop() {
            Some(Value::Map(options)) => options,
            Some(last) => {
                values.push(last);
                Vec::new()
            }
            None => Vec::new(),
        };
        Self {
            positional: values,
            taken: 0,
            options,
        }
    }

    /// Removes an option that every task, or every check, has.
    pub fn take_option(&mut self, key: &str) -> Option<Value> {
        let at = self.options.iter().position(|(name, _)| name == key)?;
        Some(self.options.remove(at).1)
    }

    /// Takes the next positional argument, called `name`.
    pub fn parameter<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, ArgumentError> {
        let index = self.taken;
        self.taken += 1;
        let value = self
            .positional
            .get_mut(index)
            .map_or(Value::Null, |value| std::mem::replace(value, Value::Null));
        let missing = value == Value::Null;
        serde_path_to_error::deserialize(value).map_err(|error| {
            let place = Place::Parameter(index);
            if missing {
                ArgumentError {
                    place,
                    ..ArgumentError::call(format!("`{name}` is missing"))
                }
            } else {
                let path = error.path().to_string();
                let reason = error.into_inner();
                let at = if path == "." {
                    name.to_owned()
                } else {
                    format!("{name}{path}")
                };
                ArgumentError::of(place, &Unfit(format!("`{at}`: {reason}")))
            }
        })
    }

    /// Checks that every option is one of these.
    pub fn check_keys(&self, known: &[&str]) -> Result<(), ArgumentError> {
        let mut keys = self.options.iter().map(|(key, _)| key.as_str());
        match keys.find(|key| !known.contains(key)) {
            Some(unknown) => Err(unknown_option(unknown, known)),
            None => Ok(()),
        }
    }

    /// Takes the options, after all positional arguments have been taken.
    pub fn options<T: DeserializeOwned + HasOptions>(&mut self) -> Result<T, ArgumentError> {
        let (given, taken) = (self.positional.len(), self.taken);
        if given > taken {
            let message =
                format!("too many arguments: got {given}, expected {taken} and a map of options");
            return Err(ArgumentError::parameter(taken, message));
        }
        let known: Vec<&str> = T::FIELDS.iter().map(|field| field.name).collect();
        self.check_keys(&known)?;
        let options = Value::Map(std::mem::take(&mut self.options));
        serde_path_to_error::deserialize(options).map_err(|error| {
            let path = error.path().to_string();
            let place = match path.as_str() {
                "." => Place::Call,
                _ => Place::Option(path),
            };
            ArgumentError::of(place, &error.into_inner())
        })
    }
}

/// The error for an unknown option, with the most similar known one.
#[must_use]
pub fn unknown_option(key: &str, known: &[&str]) -> ArgumentError {
    let error = ArgumentError::option(key, "unknown option");
    match did_you_mean(key, known.iter().copied()) {
        Some(hint) => error.hint(hint),
        None if known.is_empty() => error.hint("There are no options."),
        None => error.hint(format!(
            "The options are {}.",
            listed(known.iter().copied())
        )),
    }
}
