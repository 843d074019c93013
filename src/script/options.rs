//! The map of options of a built-in: typed, with an error for what it does not know.

use std::time::Duration;

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, ImmutableString, Map, NativeCallContext};

use crate::model::{Failure, FailureKind};

use super::check::Part;
use super::convert;
use super::error::{part, throw};
use crate::model::suggest::did_you_mean;

/// The options that each built-in knows. The static checks read it too.
pub const KNOWN: &[(&str, &[&str])] = &[
    ("param", super::params::OPTIONS),
    ("hosts", &["limit"]),
    ("each", &["forks", "max_failures", "order"]),
    (
        "run",
        &[
            "ok",
            "reads",
            "timeout",
            "stdin",
            "env",
            "cwd",
            "name",
            "quiet",
            "unchanged",
            "pipefail",
        ],
    ),
    (
        "rollout",
        &[
            "batch",
            "max_unavailable",
            "max_failures",
            "order",
            "drain",
            "update",
            "healthy",
            "readmit",
            "rollback",
            "rollback_healthy",
            "in_service",
            "force",
            "rollback_deadline",
            "min_healthy",
            "healthy_deadline",
            "progress_deadline",
            "interval",
            "pause",
            "confirm",
            "on_abort",
        ],
    ),
    ("read", &["bytes"]),
    ("stat", &["hash"]),
    ("check", &["ok"]),
    (
        "wait_until",
        &[
            "what",
            "interval",
            "timeout",
            "rise",
            "fall",
            "deadline",
            "initial_delay",
        ],
    ),
    ("with_lock", &["wait", "scope", "hosts", "lease"]),
    ("retry", &["times", "delay", "backoff", "stop_when"]),
    ("secret", &["env", "file", "command", "prompt", "value"]),
    (
        "task",
        &["name", "reads", "writes", "probe", "plan", "foresees"],
    ),
];

/// The keys that a built-in knows.
#[must_use]
pub fn known(name: &str) -> &'static [&'static str] {
    KNOWN
        .iter()
        .find(|(of, _)| *of == name)
        .map_or(&[], |(_, keys)| keys)
}

/// The options of one call.
pub struct Options<'a> {
    of: &'static str,
    given: Map,
    context: &'a NativeCallContext<'a>,
}

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

impl<'a> Options<'a> {
    /// # Errors
    /// A key that the built-in does not know.
    pub fn new(of: &'static str, given: Map, context: &'a NativeCallContext<'a>) -> Result<Self> {
        let known = known(of);
        if let Some(unknown) = given.keys().find(|key| !known.contains(&key.as_str())) {
            let hint = did_you_mean(unknown, known.iter().copied())
                .unwrap_or_else(|| format!("The options are {}.", known.join(", ")));
            let message = format!("`{of}` has no option `{unknown}`");
            return Err(throw(
                Failure::new(FailureKind::Failed, message).hint(hint),
                context,
            ));
        }
        Ok(Self { of, given, context })
    }

    /// An error about an option.
    #[must_use]
    pub fn wrong(&self, key: &str, message: &str) -> Box<EvalAltResult> {
        let message = format!("option `{key}` of `{}`: {message}", self.of);
        let place = part(self.context, Part::Key(key));
        throw(
            Failure::new(FailureKind::Failed, message).at(place),
            self.context,
        )
    }

    /// The value of an option, if it was given.
    pub fn take(&mut self, key: &str) -> Option<Dynamic> {
        self.given.remove(key).filter(|value| !value.is_unit())
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>> {
        self.typed::<ImmutableString>(key, "a text")
            .map(|text| text.map(Into::into))
    }

    pub fn flag(&mut self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "true or false")
    }

    pub fn closure(&mut self, key: &str) -> Result<Option<FnPtr>> {
        self.typed(key, "a closure")
    }

    pub fn map(&mut self, key: &str) -> Result<Option<Map>> {
        self.typed(key, "a map")
    }

    pub fn count(&mut self, key: &str) -> Result<Option<usize>> {
        let Some(number) = self.typed::<i64>(key, "a whole number")? else {
            return Ok(None);
        };
        usize::try_from(number)
            .map(Some)
            .map_err(|_| self.wrong(key, "it is at least 0"))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "Rhai reads a whole number as a float in the same way"
    )]
    pub fn float(&mut self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let number = value
            .as_float()
            .or_else(|_| value.as_int().map(|int| int as f64));
        number
            .map(Some)
            .map_err(|_| self.wrong(key, "it is a number"))
    }

    /// A list; a single value is a list of one.
    pub fn one_or_many(&mut self, key: &str) -> Option<Array> {
        let given = self.take(key)?;
        Some(if given.is_array() {
            given.cast::<Array>()
        } else {
            vec![given]
        })
    }

    pub fn duration(&mut self, key: &str) -> Result<Option<Duration>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        convert::duration(&value)
            .map(Some)
            .map_err(|message| self.wrong(key, &message))
    }

    fn typed<T: rhai::Variant + Clone>(&mut self, key: &str, what: &str) -> Result<Option<T>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let kind = value.type_name();
        let typed = value.try_cast::<T>();
        typed
            .map(Some)
            .ok_or_else(|| self.wrong(key, &format!("it is {what}, not a {kind}")))
    }
}
