//! YAML as written by PyYAML with Ansible's settings, byte for byte if a value is a string, a number, a
//! list or a mapping: `to_yaml` writes collections without nested ones on one line, `to_nice_yaml` writes
//! blocks.

use minijinja::value::{Kwargs, Serde};
use minijinja::{Error, Value};
use serde_json::Value as Json;

use super::arguments::{invalid, kwarg, text};
use super::quoting::{Quotes, analyse, escaped, printable, simple};
use crate::template::{plain, python, undefined};

/// PyYAML folds longer lines.
const WIDTH: usize = 80;

/// The output style.
struct Style {
    indent: usize,
    width: usize,
    sorted: bool,
    /// None: collections without nested ones are written on one line.
    flow: Option<bool>,
}

pub(super) fn to_yaml(value: &Value, options: Kwargs) -> Result<String, Error> {
    write(value, &options, 2, None)
}

pub(super) fn to_nice_yaml(
    value: &Value,
    indent: Option<usize>,
    options: Kwargs,
) -> Result<String, Error> {
    write(value, &options, indent.unwrap_or(4), Some(false))
}

fn write(
    value: &Value,
    options: &Kwargs,
    indent: usize,
    flow: Option<bool>,
) -> Result<String, Error> {
    let style = Style {
        indent: kwarg(options, "indent")?.unwrap_or(indent),
        width: kwarg(options, "width")?.unwrap_or(WIDTH),
        sorted: kwarg(options, "sort_keys")?.unwrap_or(true),
        flow: kwarg(options, "default_flow_style")?.or(flow),
    };
    let start = kwarg(options, "explicit_start")?.unwrap_or(false);
    let _ = kwarg::<bool>(options, "allow_unicode")?;
    let _ = kwarg::<Value>(options, "default_style")?;
    options.assert_all_used()?;
    // PyYAML uses its defaults for values outside of these ranges.
    let style = Style {
        indent: if (2..10).contains(&style.indent) {
            style.indent
        } else {
            2
        },
        width: if style.width > style.indent * 2 {
            style.width
        } else {
            WIDTH
        },
        ..style
    };
    let value = plain(value)?;
    let mut writer = Writer {
        out: String::new(),
        column: 0,
        style,
    };
    if start {
        writer.out.push_str("---");
        writer.column = 3;
    }
    writer.root(&value, start);
    writer.out.push('\n');
    Ok(writer.out)
}

struct Writer {
    out: String,
    column: usize,
    style: Style,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.push_str(&" ".repeat(indent));
        self.column = indent;
    }

    /// The document.
    fn root(&mut self, value: &Json, started: bool) {
        match value {
            Json::Array(_) | Json::Object(_) if self.in_one_line(value) => {
                if started {
                    self.push(" ");
                }
                self.flow(value, self.style.indent);
            }
            Json::Array(items) => {
                if started {
                    self.line(0);
                }
                self.list(items, 0);
            }
            Json::Object(map) => {
                if started {
                    self.line(0);
                }
                self.mapping(map, 0);
            }
            scalar => {
                if started {
                    self.push(" ");
                }
                self.scalar(scalar, self.style.indent, false, false);
            }
        }
    }

    fn in_one_line(&self, value: &Json) -> bool {
        let scalar = |value: &Json| !matches!(value, Json::Array(_) | Json::Object(_));
        let (empty, leaf) = match value {
            Json::Array(items) => (items.is_empty(), items.iter().all(scalar)),
            Json::Object(map) => (map.is_empty(), map.values().all(scalar)),
            _ => (true, true),
        };
        empty || self.style.flow.unwrap_or(leaf)
    }

    fn entries<'v>(&self, map: &'v serde_json::Map<String, Json>) -> Vec<(&'v String, &'v Json)> {
        let mut entries: Vec<_> = map.iter().collect();
        if self.style.sorted {
            entries.sort_unstable_by_key(|(key, _)| *key);
        }
        entries
    }

    /// A block list, whose first line begins here.
    fn list(&mut self, items: &[Json], indent: usize) {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.line(indent);
            }
            self.push("-");
            match item {
                Json::Array(_) | Json::Object(_) if self.in_one_line(item) => {
                    self.push(" ");
                    self.flow(item, indent + self.style.indent);
                }
                // The first entry is on the line of the dash, aligned with the following ones.
                Json::Array(inner) => {
                    self.pad(indent + self.style.indent);
                    self.list(inner, indent + self.style.indent);
                }
                Json::Object(inner) => {
                    self.pad(indent + self.style.indent);
                    self.mapping(inner, indent + self.style.indent);
                }
                scalar => {
                    self.push(" ");
                    self.scalar(scalar, indent + self.style.indent, false, false);
                }
            }
        }
    }

    fn pad(&mut self, to: usize) {
        let missing = to.saturating_sub(self.column).max(1);
        self.push(&" ".repeat(missing));
    }

    fn mapping(&mut self, map: &serde_json::Map<String, Json>, indent: usize) {
        for (at, (key, value)) in self.entries(map).into_iter().enumerate() {
            if at > 0 {
                self.line(indent);
            }
            self.key(key, indent);
            match value {
                Json::Array(_) | Json::Object(_) if self.in_one_line(value) => {
                    self.push(" ");
                    self.flow(value, indent + self.style.indent);
                }
                // A list in a mapping is not indented.
                Json::Array(items) => {
                    self.line(indent);
                    self.list(items, indent);
                }
                Json::Object(inner) => {
                    self.line(indent + self.style.indent);
                    self.mapping(inner, indent + self.style.indent);
                }
                scalar => {
                    self.push(" ");
                    self.scalar(scalar, indent + self.style.indent, false, false);
                }
            }
        }
    }

    fn key(&mut self, key: &str, indent: usize) {
        let key = Json::String(key.to_owned());
        // A long key, or one with several lines, is written with a question mark.
        if simple(&key) {
            self.scalar(&key, indent, false, true);
            self.push(":");
        } else {
            self.push("? ");
            self.scalar(&key, indent + self.style.indent, false, false);
            self.line(indent);
            self.push(":");
        }
    }

    fn flow(&mut self, value: &Json, indent: usize) {
        match value {
            Json::Array(items) => {
                self.push("[");
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.push(",");
                    }
                    self.break_or_space(at > 0, indent);
                    self.flow(item, indent + self.style.indent);
                }
                self.push("]");
            }
            Json::Object(map) => {
                self.push("{");
                for (at, (key, item)) in self.entries(map).into_iter().enumerate() {
                    if at > 0 {
                        self.push(",");
                    }
                    self.break_or_space(at > 0, indent);
                    let key = Json::String(key.clone());
                    if simple(&key) {
                        self.scalar(&key, indent, true, true);
                        self.push(": ");
                    } else {
                        self.push("? ");
                        self.scalar(&key, indent + self.style.indent, true, false);
                        self.push(" : ");
                    }
                    self.flow(item, indent + self.style.indent);
                }
                self.push("}");
            }
            scalar => self.scalar(scalar, indent, true, false),
        }
    }

    fn break_or_space(&mut self, behind_comma: bool, indent: usize) {
        if self.column > self.style.width {
            self.line(indent);
        } else if behind_comma {
            self.push(" ");
        }
    }

    /// A key is not folded.
    fn scalar(&mut self, value: &Json, indent: usize, in_flow: bool, key: bool) {
        let text = match value {
            Json::Null => "null".to_owned(),
            Json::Bool(value) => value.to_string(),
            Json::Number(number) if number.is_f64() => {
                float(&python::str(&Value::from(Serde(value))))
            }
            Json::Number(number) => number.to_string(),
            Json::String(text) => {
                let style = analyse(text, in_flow, key);
                match style {
                    Quotes::None => self.folded(text, indent, !key),
                    Quotes::Single => self.single(text, indent, !key),
                    Quotes::Double => self.double(text, indent, !key),
                }
                return;
            }
            Json::Array(_) | Json::Object(_) => return,
        };
        self.push(&text);
    }

    /// Plain, folded at single spaces.
    fn folded(&mut self, text: &str, indent: usize, fold: bool) {
        let words: Vec<&str> = text.split(' ').collect();
        let lone = |at: usize| at > 0 && !words[at].is_empty() && !words[at - 1].is_empty();
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                if fold && lone(at) && self.column > self.style.width {
                    self.line(indent);
                } else {
                    self.push(" ");
                }
            }
            self.push(word);
        }
    }

    fn single(&mut self, text: &str, indent: usize, fold: bool) {
        self.push("'");
        let mut rest = text;
        let mut start = true;
        while !rest.is_empty() {
            if rest.starts_with('\n') {
                let lines = rest.bytes().take_while(|b| *b == b'\n').count();
                self.out.push('\n');
                self.out.push_str(&"\n".repeat(lines));
                self.out.push_str(&" ".repeat(indent));
                self.column = indent;
                rest = &rest[lines..];
            } else if rest.starts_with(' ') {
                let spaces = rest.bytes().take_while(|b| *b == b' ').count();
                let behind = &rest[spaces..];
                let inner = !start && !behind.is_empty() && !behind.starts_with('\n');
                if fold && spaces == 1 && inner && self.column > self.style.width {
                    self.line(indent);
                } else {
                    self.push(&" ".repeat(spaces));
                }
                rest = behind;
            } else {
                let end = rest.find([' ', '\n']).unwrap_or(rest.len());
                self.push(&rest[..end].replace('\'', "''"));
                rest = &rest[end..];
            }
            start = false;
        }
        self.push("'");
    }

    fn double(&mut self, text: &str, indent: usize, fold: bool) {
        self.push("\"");
        let chars: Vec<char> = text.chars().collect();
        // Consecutive characters that need no escape are written together.
        let mut run = String::new();
        let mut start = 0;
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            let escape =
                c.is_none_or(|c| !printable(c) || "\"\\\u{feff}\u{85}\u{2028}\u{2029}".contains(c));
            if escape {
                if start < end {
                    run.clear();
                    run.extend(&chars[start..end]);
                    let run = std::mem::take(&mut run);
                    self.push(&run);
                    start = end;
                }
                if let Some(c) = c {
                    self.push(&escaped(c));
                    start = end + 1;
                }
            }
            let middle = end > 0 && end + 1 < chars.len();
            if fold
                && middle
                && (c == Some(' ') || start >= end)
                && self.column + end > self.style.width + start
            {
                run.clear();
                if start < end {
                    run.extend(&chars[start..end]);
                    start = end;
                }
                run.push('\\');
                let run = std::mem::take(&mut run);
                self.push(&run);
                self.line(indent);
                if chars.get(start) == Some(&' ') {
                    self.push("\\");
                }
            }
        }
        self.push("\"");
    }
}

pub(super) fn from_yaml(value: &Value) -> Result<Value, Error> {
    undefined::check(value)?;
    if value.as_str().is_none() {
        return Ok(value.clone());
    }
    let text = text(value)?;
    if text.trim().is_empty() {
        return Ok(Value::from(()));
    }
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    let value: Json = serde_saphyr::from_str_with_options(&text, options).map_err(|error| {
        let place = error.location().map(|at| format!(": line {}", at.line()));
        invalid(format!(
            "from_yaml: the text is not valid YAML{}",
            place.unwrap_or_default()
        ))
    })?;
    Ok(Value::from(Serde(value)))
}

/// PyYAML writes `1.0e+16` for Python's `1e+16`.
fn float(text: &str) -> String {
    match text.split_once('e') {
        Some((digits, power)) if !digits.contains('.') => format!("{digits}.0e{power}"),
        _ => text.to_owned(),
    }
}
