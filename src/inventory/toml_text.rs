//! Parses TOML text into a [`Node`] with line numbers.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::node::{Entry, Kind, Node, VAULT_KEY, tagged};
use super::vault;

/// A mistake in the text, with its line.
#[derive(Debug)]
pub(super) struct TomlError {
    pub line: usize,
    pub message: String,
}

/// Parses the document in `text`.
pub(super) fn parse(text: &str) -> Result<Node, TomlError> {
    let lines = Lines::new(text);
    let table = DeTable::parse(text).map_err(|error| TomlError {
        line: lines.of(error.span().map_or(0, |span| span.start)),
        message: error.message().replace('\n', ", "),
    })?;
    lines.table(table.into_inner(), 1)
}

/// The offsets at which lines start.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(
            std::iter::once(0)
                .chain(text.match_indices('\n').map(|(at, _)| at + 1))
                .collect(),
        )
    }

    fn of(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }

    fn table(&self, table: DeTable<'_>, line: usize) -> Result<Node, TomlError> {
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            let line = self.of(key.span().start);
            let value_line = self.of(value.span().start);
            let value = self.node(value.into_inner(), value_line)?;
            entries.push(Entry {
                key: key.into_inner().into_owned(),
                line,
                value,
            });
        }
        Ok(Node {
            line,
            kind: Kind::Map(entries),
        })
    }

    fn node(&self, value: DeValue<'_>, line: usize) -> Result<Node, TomlError> {
        let kind = match value {
            DeValue::String(text) if vault::is_vault(&text) => {
                vault::check(&text).map_err(|(_, error)| TomlError {
                    line,
                    message: error.to_string(),
                })?;
                Kind::Scalar(tagged(VAULT_KEY, text))
            }
            DeValue::String(text) => Kind::Scalar(Value::String(text.into_owned())),
            DeValue::Integer(number) => {
                let value = i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| {
                    TomlError {
                        line,
                        message: format!("`{number}` does not fit into 64 bits"),
                    }
                })?;
                Kind::Scalar(value.into())
            }
            DeValue::Float(number) => {
                let value = number
                    .as_str()
                    .parse()
                    .ok()
                    .and_then(serde_json::Number::from_f64);
                Kind::Scalar(Value::Number(value.ok_or_else(|| TomlError {
                    line,
                    message: format!("`{number}` is not a finite number"),
                })?))
            }
            DeValue::Boolean(value) => Kind::Scalar(Value::Bool(value)),
            DeValue::Datetime(value) => Kind::Scalar(Value::String(value.to_string())),
            DeValue::Array(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    let line = self.of(item.span().start);
                    list.push(self.node(item.into_inner(), line)?);
                }
                Kind::List(list)
            }
            DeValue::Table(table) => return self.table(table, line),
        };
        Ok(Node { line, kind })
    }
}
