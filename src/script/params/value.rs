//! Parameter values: read from text, checked against their declaration, shown.

use std::time::Duration;

use serde_json::Value;

use super::kind::Kind;

/// Why a value does not fit: a lower-case fragment that follows the parameter's name.
pub type Unfit = String;

/// Reads the text after `--var NAME=`.
pub fn parse(kind: Kind, secret: bool, text: &str) -> Result<Value, Unfit> {
    let wrong = || not(kind, text, secret);
    match kind {
        Kind::String | Kind::Duration | Kind::Path => Ok(Value::from(text)),
        Kind::Int => text
            .trim()
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| wrong()),
        Kind::Float => {
            let number: f64 = text.trim().parse().map_err(|_| wrong())?;
            serde_json::Number::from_f64(number)
                .map(Value::from)
                .ok_or_else(wrong)
        }
        Kind::Bool => text
            .trim()
            .parse::<bool>()
            .map(Value::from)
            .map_err(|_| wrong()),
        Kind::List if text.trim_start().starts_with('[') => {
            serde_json::from_str::<Vec<Value>>(text)
                .map(Value::from)
                .map_err(|error| {
                    if secret {
                        "must be a list: invalid JSON".into()
                    } else {
                        format!("must be a list: invalid JSON: {error}")
                    }
                })
        }
        Kind::List if text.trim().is_empty() => Ok(Value::Array(Vec::new())),
        Kind::List => Ok(text
            .split(',')
            .map(|item| Value::from(item.trim()))
            .collect()),
    }
}

/// Checks the type of a value. The error does not show the value if it is `secret`.
pub fn is(kind: Kind, value: &Value, secret: bool) -> Result<(), Unfit> {
    let right = match (kind, value) {
        (Kind::String | Kind::Path, Value::String(_))
        | (Kind::Bool, Value::Bool(_))
        | (Kind::List, Value::Array(_))
        | (Kind::Float, Value::Number(_)) => true,
        (Kind::Int, Value::Number(number)) => number.is_i64(),
        (Kind::Duration, Value::String(text)) => duration(text).is_some(),
        (Kind::String, Value::Number(_) | Value::Bool(_)) => {
            return Err("must be a string: put it in quotes".into());
        }
        _ => false,
    };
    if right {
        Ok(())
    } else {
        Err(not(kind, &shown(value), secret))
    }
}

/// The absolute path of a file or directory that the operator names. `None` for a URL.
pub fn located(secret: bool, text: &str) -> Result<Option<std::path::PathBuf>, Unfit> {
    if text.contains("://") {
        return Ok(None);
    }
    std::fs::canonicalize(text).map(Some).map_err(|error| {
        if secret {
            format!("names a file that cannot be read: {error}")
        } else {
            format!("names `{text}`, which cannot be read: {error}")
        }
    })
}

/// `None` for values that have no order.
#[must_use]
pub fn compare(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::String(a), Value::String(b)) => Some(duration(a)?.cmp(&duration(b)?)),
        _ => None,
    }
}

#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// A value as it would be written on the command line.
pub fn shown(value: &Value) -> String {
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

fn not(kind: Kind, text: &str, secret: bool) -> Unfit {
    let wanted = kind.described();
    if secret {
        format!("must be {wanted}")
    } else {
        format!("must be {wanted}, not `{text}`")
    }
}
