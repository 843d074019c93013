//! JSON as written by Python, and parsing it.

use minijinja::value::{Kwargs, Serde};
use minijinja::{Error, Value};

use super::arguments::{invalid, kwarg, text};
use crate::template::{plain, python};

/// The output style.
struct Style {
    sorted: bool,
    ascii: bool,
}

pub(super) fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    write(value, None, false, &options)
}

pub(super) fn to_nice_json(
    value: &Value,
    indent: Option<usize>,
    options: Kwargs,
) -> Result<String, Error> {
    write(value, Some(indent.unwrap_or(4)), true, &options)
}

fn write(
    value: &Value,
    indent: Option<usize>,
    sorted: bool,
    options: &Kwargs,
) -> Result<String, Error> {
    let indent = kwarg(options, "indent")?.or(indent);
    let style = Style {
        sorted: kwarg(options, "sort_keys")?.unwrap_or(sorted),
        ascii: kwarg(options, "ensure_ascii")?.unwrap_or(true),
    };
    for ignored in [
        "separators",
        "vault_to_text",
        "preprocess_unsafe",
        "profile",
    ] {
        let _ = kwarg::<Value>(options, ignored)?;
    }
    options.assert_all_used()?;
    let value = plain(value)?;
    Ok(match indent {
        None => in_line(&value, &style),
        Some(indent) => {
            let mut out = String::new();
            nice(&value, &" ".repeat(indent.min(100)), 0, &style, &mut out);
            out
        }
    })
}

fn entries<'v>(
    map: &'v serde_json::Map<String, serde_json::Value>,
    style: &Style,
) -> Vec<(&'v String, &'v serde_json::Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    if style.sorted {
        entries.sort_unstable_by_key(|(key, _)| *key);
    }
    entries
}

/// On one line, with a space after commas and colons.
fn in_line(value: &serde_json::Value, style: &Style) -> String {
    use serde_json::Value as Json;
    match value {
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| in_line(item, style)).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(map) => {
            let entry = |(key, value): (&String, &Json)| {
                format!("{}: {}", quoted(key, style), in_line(value, style))
            };
            let entries: Vec<String> = entries(map, style).into_iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        scalar => single(scalar, style),
    }
}

fn single(value: &serde_json::Value, style: &Style) -> String {
    match value {
        serde_json::Value::String(text) => quoted(text, style),
        serde_json::Value::Number(number) if number.is_f64() => {
            python::str(&Value::from(Serde(value)))
        }
        other => other.to_string(),
    }
}

fn quoted(text: &str, style: &Style) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    let mut out = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        if c.is_ascii() || !style.ascii {
            out.push(c);
        } else {
            out.extend(
                c.encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}")),
            );
        }
    }
    out
}

fn nice(value: &serde_json::Value, indent: &str, depth: usize, style: &Style, out: &mut String) {
    use serde_json::Value as Json;
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.push_str(&indent.repeat(depth));
    };
    match value {
        Json::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(depth + 1, out);
                nice(item, indent, depth + 1, style, out);
            }
            line(depth, out);
            out.push(']');
        }
        Json::Object(map) if !map.is_empty() => {
            out.push('{');
            for (index, (key, item)) in entries(map, style).into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(depth + 1, out);
                out.push_str(&quoted(key, style));
                out.push_str(": ");
                nice(item, indent, depth + 1, style, out);
            }
            line(depth, out);
            out.push('}');
        }
        other => out.push_str(&in_line(other, style)),
    }
}

pub(super) fn from_json(value: &Value) -> Result<Value, Error> {
    let value: serde_json::Value = serde_json::from_str(&text(value)?).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        invalid(format!(
            "from_json: the text is not valid JSON: line {line}, column {column}"
        ))
    })?;
    Ok(Value::from(Serde(value)))
}
