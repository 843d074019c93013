//! Values of parameters: read from text, and checked against their declaration.

use std::time::Duration;

use serde_json::Value;

use super::declared::{Kind, Param, shown, source};

/// Why a value does not do. A lower-case fragment that follows the parameter's name.
pub type Unfit = String;

/// Reads what stands behind `--var NAME=`.
pub fn parse(param: &Param, text: &str) -> Result<Value, Unfit> {
    let wrong = || not(param, text);
    match param.kind {
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
                    if param.secret {
                        "must be a list: what is given is no JSON".into()
                    } else {
                        format!("must be a list: this is no JSON: {error}")
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

/// Holds a value against the declaration.
pub fn fits(param: &Param, value: &Value) -> Result<(), Unfit> {
    let right = match (param.kind, value) {
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
    if !right {
        return Err(not(param, &shown(value)));
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| allowed(param, item)),
        single => allowed(param, single),
    }
}

/// What the operator names by a path, as an absolute one. An address is none.
pub fn located(param: &Param, text: &str) -> Result<Option<std::path::PathBuf>, Unfit> {
    if text.contains("://") {
        return Ok(None);
    }
    std::fs::canonicalize(text).map(Some).map_err(|error| {
        if param.secret {
            format!("names a file that cannot be read: {error}")
        } else {
            format!("names `{text}`, which cannot be read: {error}")
        }
    })
}

/// Holds a value, or an element of a list, against choices, pattern and bounds.
fn allowed(param: &Param, value: &Value) -> Result<(), Unfit> {
    if !param.one_of.is_empty() && !param.one_of.contains(value) {
        let all: Vec<String> = param.one_of.iter().map(shown).collect();
        return Err(format!(
            "must be one of {}{}",
            all.join(", "),
            found(param, value)
        ));
    }
    if let Some(pattern) = &param.pattern
        && !pattern.is_match(&shown(value))
    {
        return Err(format!(
            "must match `{}`{}",
            source(pattern),
            found(param, value)
        ));
    }
    for (bound, word, beyond) in [
        (&param.min, "at least", std::cmp::Ordering::Less),
        (&param.max, "at most", std::cmp::Ordering::Greater),
    ] {
        if let Some(bound) = bound
            && compare(value, bound) == Some(beyond)
        {
            return Err(format!(
                "must be {word} {}{}",
                shown(bound),
                found(param, value)
            ));
        }
    }
    Ok(())
}

/// `None` for what has no order.
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

pub fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

fn not(param: &Param, text: &str) -> Unfit {
    let wanted = param.kind.described();
    if param.secret {
        format!("must be {wanted}")
    } else {
        format!("must be {wanted}, not `{text}`")
    }
}

/// What was found instead. Of a secret nothing is told.
fn found(param: &Param, value: &Value) -> String {
    if param.secret {
        String::new()
    } else {
        format!(", not `{}`", shown(value))
    }
}
