//! Filters with regular expressions, in the syntax of Python as far as the regex crate has it.

use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, Value};
use regex::Regex;

use super::{invalid, python};

fn regex(filter: &str, pattern: &str, options: &Kwargs) -> Result<Regex, Error> {
    let multiline = options.get::<Option<bool>>("multiline")?.unwrap_or(false);
    let ignore_case = options.get::<Option<bool>>("ignorecase")?.unwrap_or(false);
    regex::RegexBuilder::new(pattern)
        .multi_line(multiline)
        .case_insensitive(ignore_case)
        .build()
        .map_err(|error| {
            let reason = error.to_string();
            let reason = reason
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned();
            invalid(format!("{filter}: the expression cannot be read: {reason}"))
        })
}

/// `\1` and `\g<name>` of Python as the regex crate writes them.
fn replacement(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '$' => out.push_str("$$"),
            '\\' => {
                let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
                let named = rest
                    .strip_prefix("g<")
                    .and_then(|rest| rest.split_once('>'));
                if digits > 0 {
                    out.push_str(&format!("${{{}}}", &rest[..digits]));
                    rest = &rest[digits..];
                } else if let Some((name, after)) = named {
                    out.push_str(&format!("${{{name}}}"));
                    rest = after;
                } else if let Some(escaped) = rest.chars().next() {
                    out.push_str(match escaped {
                        'n' => "\n",
                        't' => "\t",
                        'r' => "\r",
                        '$' => "$$",
                        _ => &rest[..escaped.len_utf8()],
                    });
                    rest = &rest[escaped.len_utf8()..];
                } else {
                    out.push('\\');
                }
            }
            c => out.push(c),
        }
    }
    out
}

pub(super) fn regex_replace(
    text: &Value,
    pattern: String,
    with: Option<String>,
    options: Kwargs,
) -> Result<String, Error> {
    let regex = regex("regex_replace", &pattern, &options)?;
    let count = options.get::<Option<usize>>("count")?.unwrap_or(0);
    options.assert_all_used()?;
    let with = replacement(&with.unwrap_or_default());
    Ok(regex
        .replacen(&python::str(text), count, with.as_str())
        .into_owned())
}

pub(super) fn regex_search(
    text: &Value,
    pattern: String,
    groups: Rest<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    let regex = regex("regex_search", &pattern, &options)?;
    options.assert_all_used()?;
    let text = python::str(text);
    let Some(found) = regex.captures(&text) else {
        return Ok(Value::from(()));
    };
    if groups.is_empty() {
        return Ok(Value::from(found.get(0).map_or("", |all| all.as_str())));
    }
    let mut values = Vec::new();
    for group in groups.iter().map(python::str) {
        let bare = group.trim_start_matches('\\');
        let name = bare
            .strip_prefix("g<")
            .and_then(|name| name.strip_suffix('>'))
            .unwrap_or(bare);
        let value = match name.parse::<usize>() {
            Ok(index) if index < found.len() => found.get(index),
            Err(_) if regex.capture_names().flatten().any(|known| known == name) => {
                found.name(name)
            }
            _ => {
                return Err(invalid(format!(
                    "regex_search: the expression has no group `{group}`"
                )));
            }
        };
        values.push(value.map_or(Value::from(()), |value| Value::from(value.as_str())));
    }
    Ok(Value::from(values))
}

pub(super) fn regex_findall(
    text: &Value,
    pattern: String,
    options: Kwargs,
) -> Result<Value, Error> {
    let regex = regex("regex_findall", &pattern, &options)?;
    options.assert_all_used()?;
    let text = python::str(text);
    let group =
        |group: Option<regex::Match<'_>>| Value::from(group.map_or("", |group| group.as_str()));
    let found = regex
        .captures_iter(&text)
        .map(|captures| match captures.len() {
            1 => group(captures.get(0)),
            2 => group(captures.get(1)),
            _ => Value::from(captures.iter().skip(1).map(group).collect::<Vec<_>>()),
        });
    Ok(Value::from(found.collect::<Vec<_>>()))
}
