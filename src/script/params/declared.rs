//! A parameter as the playbook declares it.

use std::fmt::Write as _;

use serde_json::Value;

use crate::model::Position;

use super::kind::Kind;
use super::rule::{Rule, source};
use super::value::{Unfit, is, shown};

/// The keys of `param`'s options.
pub const OPTIONS: &[&str] = &[
    "fallback", "optional", "type", "one_of", "pattern", "secret", "min", "max",
];

/// One parameter.
#[derive(Debug, Clone)]
pub struct Param {
    pub name: String,
    /// Its help text.
    pub help: String,
    pub kind: Kind,
    /// Its value if none is given.
    pub fallback: Option<Value>,
    /// It is `()` if no value is given. A parameter with neither this nor a fallback is required.
    pub optional: bool,
    pub rule: Rule,
    pub secret: bool,
    /// Where it is declared.
    pub at: Option<Position>,
}

impl Param {
    /// Whether a value has the right type and is allowed by the rule.
    pub fn fits(&self, value: &Value) -> Result<(), Unfit> {
        is(self.kind, value, self.secret)?;
        self.rule.allows(value, self.secret)
    }

    /// The text after the help: `[default: 25%] [one of: a, b]`.
    #[must_use]
    pub fn notes(&self) -> String {
        let mut notes = String::new();
        match &self.fallback {
            None if self.optional => notes.push_str("[optional]"),
            None => notes.push_str("[required]"),
            Some(_) if self.secret => notes.push_str("[has a default]"),
            Some(fallback) => {
                let _ = write!(notes, "[default: {}]", shown(fallback));
            }
        }
        if !self.rule.one_of.is_empty() {
            let all: Vec<String> = self.rule.one_of.iter().map(shown).collect();
            let _ = write!(notes, " [one of: {}]", all.join(", "));
        }
        if let Some(pattern) = &self.rule.pattern {
            let _ = write!(notes, " [matches: {}]", source(pattern));
        }
        match (&self.rule.min, &self.rule.max) {
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
