//! A parsed document with line numbers, as returned by the parsers of YAML and TOML.

use serde_json::Value;

/// A value and the line on which it starts.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Anything that is neither a list nor a map, or a value that must not be split up (an encrypted value).
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: String,
    /// The line of the key.
    pub line: usize,
    pub value: Node,
}

impl Node {
    pub(crate) const fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Scalar(Value::Null))
    }

    /// For messages: `a list`, `a string`.
    pub(crate) const fn noun(&self) -> &'static str {
        match &self.kind {
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Scalar(value) => noun(value),
        }
    }

    /// Applies `!unsafe`: no text in the value is ever rendered.
    pub(crate) fn make_unsafe(&mut self) {
        match &mut self.kind {
            Kind::Scalar(value) => {
                if let Value::String(text) = value {
                    *value = tagged(UNSAFE_KEY, std::mem::take(text));
                }
            }
            Kind::List(items) => items.iter_mut().for_each(Self::make_unsafe),
            Kind::Map(entries) => entries
                .iter_mut()
                .for_each(|entry| entry.value.make_unsafe()),
        }
    }

    pub(crate) fn into_value(self) -> Value {
        match self.kind {
            Kind::Scalar(value) => value,
            Kind::List(items) => Value::Array(items.into_iter().map(Self::into_value).collect()),
            Kind::Map(entries) => Value::Object(
                entries
                    .into_iter()
                    .map(|entry| (entry.key, entry.value.into_value()))
                    .collect(),
            ),
        }
    }
}

/// The type of a value, for messages.
pub(super) const fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// The key of an encrypted value in Ansible's JSON.
pub(super) const VAULT_KEY: &str = "__ansible_vault";
/// The key of a value that is never rendered in Ansible's JSON.
pub(super) const UNSAFE_KEY: &str = "__ansible_unsafe";

/// The key of a text from an encrypted file, which is data unless it is a template of known names. Only ops
/// writes it.
pub(super) const SEALED_KEY: &str = "__ops_decrypted";

pub(super) fn tagged(key: &str, text: impl Into<String>) -> Value {
    Value::Object(std::iter::once((key.to_owned(), Value::String(text.into()))).collect())
}
