//! JSON and YAML as Python writes them, and back.

use minijinja::value::{Kwargs, Serde};
use minijinja::{Error, Value};

use super::invalid;

/// As Python writes JSON: a space after commas and colons, nothing but ASCII.
pub(super) fn json(value: &serde_json::Value, sorted: bool) -> String {
    use serde_json::Value as Json;
    let list =
        |items: Vec<String>, open: char, close: char| format!("{open}{}{close}", items.join(", "));
    match value {
        Json::String(text) => ascii(text),
        Json::Array(items) => list(
            items.iter().map(|item| json(item, sorted)).collect(),
            '[',
            ']',
        ),
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            if sorted {
                entries.sort_unstable_by_key(|(key, _)| *key);
            }
            let entry =
                |(key, value): (&String, &Json)| format!("{}: {}", ascii(key), json(value, sorted));
            list(entries.into_iter().map(entry).collect(), '{', '}')
        }
        other => other.to_string(),
    }
}

fn ascii(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    let mut out = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        if c.is_ascii() {
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

pub(super) fn nice_json(value: &serde_json::Value, options: &Kwargs) -> Result<String, Error> {
    let indent = options.get::<Option<usize>>("indent")?.unwrap_or(4);
    let sorted = options.get::<Option<bool>>("sort_keys")?.unwrap_or(true);
    options.assert_all_used()?;
    let mut out = String::new();
    nice(value, &" ".repeat(indent), 0, sorted, &mut out);
    Ok(out)
}

fn nice(value: &serde_json::Value, indent: &str, depth: usize, sorted: bool, out: &mut String) {
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
                nice(item, indent, depth + 1, sorted, out);
            }
            line(depth, out);
            out.push(']');
        }
        Json::Object(map) if !map.is_empty() => {
            let mut entries: Vec<_> = map.iter().collect();
            if sorted {
                entries.sort_unstable_by_key(|(key, _)| *key);
            }
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(depth + 1, out);
                out.push_str(&ascii(key));
                out.push_str(": ");
                nice(item, indent, depth + 1, sorted, out);
            }
            line(depth, out);
            out.push('}');
        }
        other => out.push_str(&json(other, sorted)),
    }
}

pub(super) fn from_json(text: &str) -> Result<Value, Error> {
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| invalid(format!("from_json: the text is no JSON: {error}")))?;
    Ok(Value::from(Serde(value)))
}

/// Blocks throughout, keys sorted: what `to_nice_yaml` gives, and what `to_yaml` may as well.
pub(super) fn to_yaml(mut value: serde_json::Value) -> Result<String, Error> {
    value.sort_all_objects();
    let mut text =
        serde_saphyr::to_string_with_options(&value, serde_saphyr::ser_options! { indent_step: 4 })
            .map_err(|error| invalid(format!("to_yaml: {error}")))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

pub(super) fn from_yaml(text: &str) -> Result<Value, Error> {
    let value: serde_json::Value = serde_saphyr::from_str(text).map_err(|error| {
        invalid(format!(
            "from_yaml: the text is no YAML: {}",
            error.without_snippet()
        ))
    })?;
    Ok(Value::from(Serde(value)))
}
