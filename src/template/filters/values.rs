//! Filters for values of any type.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, State, Value};

use super::arguments::{invalid, kwarg, text};
use super::lists::{attribute, items, undefined_attribute};
use crate::template::{limits, python, undefined};

pub(super) fn default(
    value: &Value,
    other: Option<&Value>,
    lax: Option<&Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    let by_name = kwarg::<Value>(&options, "default_value")?;
    let boolean = kwarg::<Value>(&options, "boolean")?;
    options.assert_all_used()?;
    let lax = lax.cloned().or(boolean).is_some_and(|lax| lax.is_true());
    if !value.is_undefined() && (!lax || value.is_true()) {
        return Ok(value.clone());
    }
    Ok(other
        .cloned()
        .or(by_name)
        .unwrap_or_else(|| Value::from("")))
}

/// What Ansible interprets as true and false.
pub(in crate::template) fn truth(value: &Value) -> Option<bool> {
    match value.kind() {
        ValueKind::Bool => return Some(value.is_true()),
        ValueKind::Number if *value == Value::from(1) => return Some(true),
        ValueKind::Number if *value == Value::from(0) => return Some(false),
        _ => {}
    }
    match value.as_str().map(str::to_lowercase).as_deref() {
        Some("yes" | "on" | "1" | "true") => Some(true),
        Some("no" | "off" | "0" | "false") => Some(false),
        _ => None,
    }
}

pub(super) fn to_bool(value: &Value) -> Result<bool, Error> {
    undefined::check(value)?;
    if let Some(truth) = truth(value) {
        return Ok(truth);
    }
    // Ansible takes everything else for false. These values can hardly mean anything else.
    let empty = value.is_none() || value.kind() == ValueKind::Number;
    if empty
        || matches!(
            value.as_str(),
            Some("" | "n" | "N" | "f" | "F" | "None" | "none" | "null")
        )
    {
        return Ok(false);
    }
    Err(invalid("bool: the value is neither true nor false"))
}

pub(super) fn mandatory(value: &Value, message: Option<String>) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(match message {
            Some(message) => invalid(message),
            // The value contains its name.
            None => undefined::check(value)
                .err()
                .unwrap_or_else(|| invalid("a mandatory variable is not defined")),
        });
    }
    Ok(value.clone())
}

pub(super) fn ternary(
    value: &Value,
    yes: &Value,
    no: &Value,
    null: Option<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    undefined::check(value)?;
    let null = null.or(kwarg(&options, "none_val")?);
    options.assert_all_used()?;
    Ok(match null {
        Some(null) if value.is_none() => null,
        _ if value.is_true() => yes.clone(),
        _ => no.clone(),
    })
}

pub(super) fn join(
    value: &Value,
    separator: Option<Value>,
    options: Kwargs,
) -> Result<String, Error> {
    let separator = separator.or(kwarg(&options, "d")?);
    let separator = separator
        .map(|separator| text(&separator))
        .transpose()?
        .unwrap_or_default();
    let path = kwarg::<Value>(&options, "attribute")?;
    options.assert_all_used()?;
    if let Some(text) = value.as_str() {
        limits::fits("join", text.len(), text.len(), separator.len())?;
        let letters: Vec<String> = text.chars().map(String::from).collect();
        return Ok(letters.join(&separator));
    }
    let mut texts = Vec::new();
    for item in items(value)? {
        texts.push(match &path {
            Some(path) => {
                let found = attribute(&item, path);
                if found.is_undefined() {
                    return Err(undefined_attribute(path));
                }
                text(&found)?
            }
            None => python::str(&item),
        });
    }
    let size = texts.iter().map(String::len).sum();
    limits::fits("join", size, texts.len(), separator.len())?;
    Ok(texts.join(&separator))
}

/// `'web1' | extract(hostvars, 'address')`.
pub(super) fn extract(
    _state: &State<'_, '_>,
    key: &Value,
    container: &Value,
    more: Option<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    undefined::check(key)?;
    let more = more.or(kwarg(&options, "morekeys")?);
    options.assert_all_used()?;
    let mut value = container.get_item(key)?;
    let keys = match more {
        None => Vec::new(),
        Some(keys) if keys.kind() == ValueKind::Seq => keys.try_iter()?.collect(),
        Some(key) => vec![key],
    };
    for key in keys {
        if value.is_undefined() {
            break;
        }
        value = value.get_item(&key)?;
    }
    Ok(value)
}

pub(super) fn type_debug(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "UndefinedMarker",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Map => "dict",
        _ if value.is_tuple() => "tuple",
        _ => "list",
    }
}
