//! Filters with regular expressions, in the syntax of Python if fancy-regex supports it: with look-around
//! and backreferences.

use fancy_regex::{Captures, Regex};
use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, Value};

use super::arguments::{invalid, kwarg, text};

fn regex(filter: &str, pattern: &str, options: &Kwargs) -> Result<Regex, Error> {
    let multiline = kwarg(options, "multiline")?.unwrap_or(false);
    let ignore_case = kwarg(options, "ignorecase")?.unwrap_or(false);
    let mut expression = String::new();
    for (flag, set) in [("(?m)", multiline), ("(?i)", ignore_case)] {
        expression.push_str(if set { flag } else { "" });
    }
    // The end of the text is `\Z` in Python, and `\z` here.
    expression.push_str(&pattern.replace("\\Z", "\\z"));
    Regex::new(&expression)
        .map_err(|_| invalid(format!("{filter}: the regular expression is invalid")))
}

fn failed(filter: &str) -> Error {
    invalid(format!(
        "{filter}: the regular expression takes too many steps"
    ))
}

/// All matches as Python finds them: an empty match may directly follow another match.
fn matches<'t>(
    filter: &str,
    regex: &Regex,
    text: &'t str,
) -> Result<Vec<Captures<'t, str>>, Error> {
    let mut found = Vec::new();
    let mut at = 0;
    while at <= text.len() {
        let next = regex.captures_from_pos(text, at);
        let Some(captures) = next.map_err(|_| failed(filter))? else {
            break;
        };
        let Some(whole) = captures.get(0) else { break };
        at = whole.end();
        if whole.start() == whole.end() {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
        found.push(captures);
    }
    Ok(found)
}

/// Expands `\1`, `\g<name>` and `
/// ` in the replacement of a match.
fn expand(template: &str, captures: &Captures<'_, str>, out: &mut String) -> Result<(), Error> {
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let named = rest
            .strip_prefix("g<")
            .and_then(|rest| rest.split_once('>'));
        if digits > 0 || named.is_some() {
            let (name, after) = named.unwrap_or_else(|| rest.split_at(digits));
            out.push_str(group(captures, name)?.unwrap_or_default());
            rest = after;
            continue;
        }
        let Some(escaped) = rest.chars().next() else {
            out.push('\\');
            break;
        };
        match escaped {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            '\\' => out.push('\\'),
            other => out.extend(['\\', other]),
        }
        rest = &rest[escaped.len_utf8()..];
    }
    out.push_str(rest);
    Ok(())
}

/// A group by its number or its name; None for one that did not participate.
fn group<'t>(captures: &Captures<'t, str>, name: &str) -> Result<Option<&'t str>, Error> {
    let found = match name.parse::<usize>() {
        Ok(index) if index < captures.len() => captures.get(index),
        Ok(_) => return Err(invalid("the group does not exist in the expression")),
        Err(_) => match captures.name(name) {
            None => {
                return Err(invalid(
                    "the named group does not exist in the expression, or it did not match",
                ));
            }
            found => found,
        },
    };
    Ok(found.map(|found| found.as_str()))
}

pub(super) fn regex_replace(
    value: &Value,
    pattern: Option<String>,
    with: Option<Value>,
    options: Kwargs,
) -> Result<String, Error> {
    let pattern = pattern.or(kwarg(&options, "pattern")?).unwrap_or_default();
    let with = with.or(kwarg(&options, "replacement")?);
    let with = with
        .map(|with| text(&with))
        .transpose()?
        .unwrap_or_default();
    let regex = regex("regex_replace", &pattern, &options)?;
    let count = kwarg::<usize>(&options, "count")?.filter(|count| *count > 0);
    let mandatory = kwarg::<usize>(&options, "mandatory_count")?.filter(|count| *count > 0);
    options.assert_all_used()?;
    let text = text(value)?;
    let mut out = String::new();
    let mut done = 0;
    let mut replaced = 0;
    for captures in matches("regex_replace", &regex, &text)? {
        let Some(whole) = captures
            .get(0)
            .filter(|_| count.is_none_or(|count| replaced < count))
        else {
            break;
        };
        out.push_str(&text[done..whole.start()]);
        expand(&with, &captures, &mut out)?;
        done = whole.end();
        replaced += 1;
    }
    out.push_str(&text[done..]);
    match mandatory {
        Some(mandatory) if mandatory != replaced => Err(invalid(format!(
            "regex_replace: the expression must match {mandatory} times, but matches {replaced} times"
        ))),
        _ => Ok(out),
    }
}

/// Whether a test matches the expression.
pub(in crate::template) fn regex_found(
    value: &Value,
    pattern: &Value,
    kind: &str,
    options: Kwargs,
) -> Result<bool, Error> {
    let regex = regex(kind, &text(pattern)?, &options)?;
    let _ = kwarg::<String>(&options, "match_type")?;
    options.assert_all_used()?;
    let value = text(value)?;
    let found = regex.find(&value).map_err(|_| failed(kind))?;
    Ok(match (found, kind) {
        (None, _) => false,
        (Some(found), "match") => found.start() == 0,
        (Some(found), "fullmatch") => found.start() == 0 && found.end() == value.len(),
        (Some(_), _) => true,
    })
}

pub(super) fn regex_search(
    value: &Value,
    pattern: String,
    groups: Rest<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    let regex = regex("regex_search", &pattern, &options)?;
    options.assert_all_used()?;
    let haystack = text(value)?;
    let found = regex
        .captures(haystack.as_str())
        .map_err(|_| failed("regex_search"))?;
    let Some(found) = found else {
        return Ok(Value::from(()));
    };
    if groups.is_empty() {
        return Ok(Value::from(found.get(0).map_or("", |all| all.as_str())));
    }
    let mut values = Vec::new();
    for wanted in groups.iter() {
        let wanted = text(wanted)?;
        let bare = wanted.trim_start_matches('\\');
        let name = bare
            .strip_prefix("g<")
            .and_then(|name| name.strip_suffix('>'))
            .unwrap_or(bare);
        let value = group(&found, name).map_err(|error| {
            invalid(format!(
                "regex_search: {}",
                error.detail().unwrap_or_default()
            ))
        })?;
        values.push(value.map_or(Value::from(()), Value::from));
    }
    Ok(Value::from(values))
}

pub(super) fn regex_findall(
    value: &Value,
    pattern: String,
    options: Kwargs,
) -> Result<Value, Error> {
    let regex = regex("regex_findall", &pattern, &options)?;
    options.assert_all_used()?;
    let haystack = text(value)?;
    let group = |group: Option<fancy_regex::Match<'_>>| {
        Value::from(group.map_or("", |group| group.as_str()))
    };
    let found = matches("regex_findall", &regex, &haystack)?;
    let found = found.iter().map(|captures| match captures.len() {
        1 => group(captures.get(0)),
        2 => group(captures.get(1)),
        _ => Value::from(captures.iter().skip(1).map(group).collect::<Vec<_>>()),
    });
    Ok(Value::from(found.collect::<Vec<_>>()))
}

/// Escapes like Python's `re.escape`, or for `sed` and similar tools.
pub(super) fn regex_escape(
    value: &Value,
    kind: Option<String>,
    options: Kwargs,
) -> Result<String, Error> {
    let kind = kind
        .or(kwarg(&options, "re_type")?)
        .unwrap_or_else(|| "python".to_owned());
    options.assert_all_used()?;
    let special = match kind.as_str() {
        "python" => "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}",
        "posix_basic" => "].[^$*\\",
        other => {
            return Err(invalid(format!(
                "regex_escape: re_type=\"{other}\" is not available"
            )));
        }
    };
    let mut out = String::new();
    for c in text(value)?.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    Ok(out)
}
