//! From the values of a playbook to the typed arguments of a task, with errors that name the place.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::value::Unfit;
use super::{Artifact, Content, Value};
use crate::model::suggest::did_you_mean;
use crate::template::Compiled;

/// What a constructor may ask of the playbook that calls it.
pub trait Surroundings {
    /// The bytes of a local file, found beside the playbook. `Err` is a lower-case fragment without
    /// the path.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String>;

    /// A local file, or a local directory as a tar file, that is put on hosts. Like [`read`](Self::read).
    fn artifact(&self, path: &str) -> Result<Arc<Artifact>, String> {
        self.read(path)
            .map(|bytes| Arc::new(Artifact::file(Content::new(bytes), false)))
    }

    /// The template of that text, under the name that errors show.
    fn template(&self, name: &str, text: &str) -> Result<Arc<Compiled>, minijinja::Error> {
        Compiled::new(name, text).map(Arc::new)
    }

    /// The names that a template sees beside its own: the variables of the host that the task is made for, and what an
    /// inventory adds to them (`inventory_hostname`, `groups`, `hostvars`).
    fn vars(&self) -> minijinja::Value;
}

/// Which of a task's arguments is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The positional argument at this index.
    Parameter(usize),
    /// An option by its key, or by a path below it: `vars.port`, `ports[1]`.
    Option(String),
    /// None in particular.
    Call,
}

/// Why a task cannot be made of its arguments. Found before any host is contacted.
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

    /// A reason that may end in a hint after a line break: `serde` carries one text only.
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
    options: Vec<(String, Value)>,
}

impl Arguments {
    /// Of the values of a call in their order. No positional argument of a task is a map, so a map at
    /// the end is the options.
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
            options,
        }
    }

    /// Takes an option out before the task sees it: for those that every task has.
    pub fn take_option(&mut self, key: &str) -> Option<Value> {
        let at = self.options.iter().position(|(name, _)| name == key)?;
        Some(self.options.remove(at).1)
    }

    /// The positional argument at `index`, called `name`.
    pub fn parameter<T: DeserializeOwned>(
        &mut self,
        index: usize,
        name: &str,
    ) -> Result<T, ArgumentError> {
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

    /// The options, of which `known` are the keys. All positional arguments have been taken: `count` of
    /// them.
    pub fn options<T: DeserializeOwned>(
        self,
        known: &[&str],
        count: usize,
    ) -> Result<T, ArgumentError> {
        if self.positional.len() > count {
            let message = format!(
                "{} values where {count} and a map of options are taken",
                self.positional.len()
            );
            return Err(ArgumentError::parameter(count, message));
        }
        for (key, _) in &self.options {
            if !known.contains(&key.as_str()) {
                return Err(unknown_option(key, known));
            }
        }
        serde_path_to_error::deserialize(Value::Map(self.options)).map_err(|error| {
            let path = error.path().to_string();
            let place = match path.as_str() {
                "." => Place::Call,
                _ => Place::Option(path),
            };
            ArgumentError::of(place, &error.into_inner())
        })
    }
}

/// The error for a key that a task does not have, with the nearest one that it has.
#[must_use]
pub fn unknown_option(key: &str, known: &[&str]) -> ArgumentError {
    let error = ArgumentError::option(key, "there is no such option");
    match did_you_mean(key, known.iter().copied()) {
        Some(hint) => error.hint(hint),
        None if known.is_empty() => error.hint("This task has no options."),
        None => error.hint(format!("The options are {}.", known.join(", "))),
    }
}
