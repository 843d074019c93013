//! A parameter as the playbook declares it.

use std::fmt::Write as _;

use regex::Regex;
use serde_json::Value;

use crate::model::Position;

/// The keys of `param`'s options.
pub const OPTIONS: &[&str] = &[
    "fallback", "type", "one_of", "pattern", "secret", "min", "max",
];

/// What sort of value a parameter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    String,
    Int,
    Float,
    Bool,
    /// On the command line: `a,b,c`, or JSON.
    List,
    /// `90s`, `5m`, `1h 30m`. The playbook gets the text, which every built-in that waits takes.
    Duration,
    /// A file or a directory that the operator names, from where ops is called. The playbook gets its absolute path, and may read it
    /// wherever it lies. An address stays as it is.
    Path,
}

impl Kind {
    pub const ALL: [(&'static str, Self); 7] = [
        ("string", Self::String),
        ("int", Self::Int),
        ("float", Self::Float),
        ("bool", Self::Bool),
        ("list", Self::List),
        ("duration", Self::Duration),
        ("path", Self::Path),
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }

    /// With its article: `an int`.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Int => "an integer",
            Self::Float => "a float",
            Self::Bool => "true or false",
            Self::List => "a list",
            Self::Duration => "a duration such as 90s or 5m",
            Self::Path => "the path of a file or a directory",
        }
    }
}

/// One parameter.
#[derive(Debug, Clone)]
pub struct Param {
    pub name: String,
    /// What it is for.
    pub help: String,
    pub kind: Kind,
    /// Its value where none is given. Without it the parameter is required.
    pub fallback: Option<Value>,
    /// The values that it may have; of a list, its elements. Empty for any.
    pub one_of: Vec<Value>,
    /// What the text (of a list, each element) must match as a whole.
    pub pattern: Option<Regex>,
    pub secret: bool,
    pub min: Option<Value>,
    pub max: Option<Value>,
    /// Where it is declared.
    pub at: Option<Position>,
}

impl Param {
    /// What follows the help: `[default: 25%] [one of: a, b]`.
    #[must_use]
    pub fn notes(&self) -> String {
        let mut notes = String::new();
        match &self.fallback {
            None => notes.push_str("[required]"),
            Some(_) if self.secret => notes.push_str("[has a default]"),
            Some(fallback) => {
                let _ = write!(notes, "[default: {}]", shown(fallback));
            }
        }
        if !self.one_of.is_empty() {
            let all: Vec<String> = self.one_of.iter().map(shown).collect();
            let _ = write!(notes, " [one of: {}]", all.join(", "));
        }
        if let Some(pattern) = &self.pattern {
            let _ = write!(notes, " [matches: {}]", source(pattern));
        }
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => {
                let _ = write!(notes, " [{} to {}]", shown(min), shown(max));
            }
            (Some(min), None) => {
                let _ = write!(notes, " [at least {}]", shown(min));
            }
            (None, Some(max)) => {
                let _ = write!(notes, " [at most {}]", shown(max));
            }
            (None, None) => {}
        }
        if self.secret {
            notes.push_str(" [secret]");
        }
        notes
    }
}

/// A value as the command line would take it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items)
            if items
                .iter()
                .all(|item| !item.is_array() && !item.is_object()) =>
        {
            items.iter().map(shown).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

/// A pattern matches the whole value, as a user of `one_of` would expect of it too.
pub(super) fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

/// The pattern as the playbook wrote it.
pub(super) fn source(pattern: &Regex) -> &str {
    let text = pattern.as_str();
    text.strip_prefix("^(?:")
        .and_then(|text| text.strip_suffix(")$"))
        .unwrap_or(text)
}
