//! Tests (`x is y`) of Ansible that the engine lacks, or that work differently there.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the engine hands arguments over by value"
)]

use std::cmp::Ordering;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};

use super::filters::{items, kwarg, regex_found, text, truth};
use super::undefined;
use crate::model::suggest::did_you_mean;

/// Tests that only Ansible can evaluate: results of its tasks, and files of the controller.
const REFUSED: &[(&str, &str)] = &[
    ("abs", FILES),
    ("changed", RESULTS),
    ("change", RESULTS),
    ("directory", FILES),
    ("exists", FILES),
    ("failed", RESULTS),
    ("failure", RESULTS),
    ("file", FILES),
    ("finished", RESULTS),
    ("is_dir", FILES),
    ("is_file", FILES),
    ("link", FILES),
    ("link_exists", FILES),
    ("mount", FILES),
    ("reachable", RESULTS),
    ("same_file", FILES),
    ("skip", RESULTS),
    ("skipped", RESULTS),
    ("started", RESULTS),
    ("succeeded", RESULTS),
    ("success", RESULTS),
    ("successful", RESULTS),
    ("timedout", RESULTS),
    ("unreachable", RESULTS),
    ("vault_encrypted", FILES),
    ("vaulted_file", FILES),
];
const FILES: &str = "Files of the controller cannot be tested here; let the playbook do it.";
const RESULTS: &str = "Results of Ansible's tasks are unknown here; let the playbook decide.";

/// For suggestions.
const KNOWN: &[&str] = &[
    "all",
    "any",
    "boolean",
    "contains",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "falsy",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "isnan",
    "issubset",
    "issuperset",
    "iterable",
    "le",
    "lower",
    "lt",
    "mapping",
    "match",
    "nan",
    "ne",
    "none",
    "number",
    "odd",
    "regex",
    "sameas",
    "search",
    "sequence",
    "startingwith",
    "string",
    "subset",
    "superset",
    "truthy",
    "undefined",
    "upper",
    "uri",
    "url",
    "version",
    "version_compare",
];

pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_test(
        "match",
        |value: &Value, pattern: &Value, options: Kwargs| {
            regex_found(value, pattern, "match", options)
        },
    );
    environment.add_test(
        "search",
        |value: &Value, pattern: &Value, options: Kwargs| {
            regex_found(value, pattern, "search", options)
        },
    );
    environment.add_test(
        "regex",
        |value: &Value, pattern: &Value, options: Kwargs| {
            let kind = kwarg::<String>(&options, "match_type")?;
            regex_found(value, pattern, kind.as_deref().unwrap_or("search"), options)
        },
    );
    for name in ["version", "version_compare"] {
        environment.add_test(name, version);
    }
    environment.add_test("truthy", truthy);
    environment.add_test(
        "falsy",
        |value: &Value, convert: Option<bool>, options: Kwargs| {
            truthy(value, convert, options).map(|truth| !truth)
        },
    );
    for name in ["subset", "issubset"] {
        environment.add_test(name, |a: &Value, b: &Value| subset(a, b));
    }
    for name in ["superset", "issuperset"] {
        environment.add_test(name, |a: &Value, b: &Value| subset(b, a));
    }
    environment.add_test("contains", |list: &Value, value: &Value| holds(list, value));
    environment.add_test("any", |list: &Value| {
        Ok::<_, Error>(items(list)?.iter().any(Value::is_true))
    });
    environment.add_test("all", |list: &Value| {
        Ok::<_, Error>(items(list)?.iter().all(Value::is_true))
    });
    for name in ["nan", "isnan"] {
        environment.add_test(name, |value: &Value| {
            undefined::check(value)?;
            let number = f64::try_from(value.clone())
                .ok()
                .filter(|_| value.is_number());
            Ok::<_, Error>(number.is_some_and(f64::is_nan))
        });
    }
    // A string is a sequence in Python.
    environment.add_test("sequence", |value: &Value| {
        undefined::check(value)?;
        Ok::<_, Error>(matches!(
            value.kind(),
            ValueKind::Seq | ValueKind::Map | ValueKind::String
        ))
    });
    for name in ["url", "uri"] {
        environment.add_test(name, |value: &Value| {
            let text = text(value)?;
            let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
            let place = text.split_once("://").map_or("", |(_, place)| place);
            let known = scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
            Ok::<_, Error>(
                known && !scheme.is_empty() && !place.is_empty() && !place.starts_with('/'),
            )
        });
    }
}

/// Returns a hint for an unknown test.
pub(super) fn missing(name: &str) -> Option<String> {
    let refused = REFUSED.iter().find(|(known, _)| *known == name);
    refused
        .map(|(_, hint)| (*hint).to_owned())
        .or_else(|| did_you_mean(name, KNOWN.iter().copied()))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn truthy(value: &Value, convert: Option<bool>, options: Kwargs) -> Result<bool, Error> {
    undefined::check(value)?;
    let convert = convert
        .or(kwarg(&options, "convert_bool")?)
        .unwrap_or(false);
    options.assert_all_used()?;
    Ok(convert
        .then(|| truth(value))
        .flatten()
        .unwrap_or_else(|| value.is_true()))
}

fn subset(small: &Value, large: &Value) -> Result<bool, Error> {
    let large = items(large)?;
    Ok(items(small)?.iter().all(|item| large.contains(item)))
}

/// `version('1.2', '>=')`.
fn version(
    value: &Value,
    other: &Value,
    operator: Option<String>,
    options: Kwargs,
) -> Result<bool, Error> {
    let operator = operator
        .or(kwarg(&options, "operator")?)
        .unwrap_or_else(|| "eq".to_owned());
    let strict = kwarg::<bool>(&options, "strict")?.unwrap_or(false);
    let kind = kwarg::<String>(&options, "version_type")?;
    options.assert_all_used()?;
    let (value, other) = (text(value)?, text(other)?);
    if value.is_empty() || other.is_empty() {
        return Err(invalid("version: a version is empty"));
    }
    let order = match kind.as_deref() {
        Some("semver" | "semantic") => semantic(&value, &other)?,
        Some("pep440") => {
            return Err(invalid("version: version_type=\"pep440\" is not available"));
        }
        None if strict => by_rule(&value, &other, true)?,
        Some("strict") => by_rule(&value, &other, true)?,
        None | Some("loose") => by_rule(&value, &other, false)?,
        Some(other) => {
            return Err(invalid(format!("version: unknown version_type `{other}`")));
        }
    };
    Ok(match operator.as_str() {
        "==" | "=" | "eq" => order.is_eq(),
        "!=" | "<>" | "ne" => order.is_ne(),
        "<" | "lt" => order.is_lt(),
        "<=" | "le" => order.is_le(),
        ">" | "gt" => order.is_gt(),
        ">=" | "ge" => order.is_ge(),
        other => return Err(invalid(format!("version: unknown operator `{other}`"))),
    })
}

/// A part of a loose version. Numbers and words cannot be compared in Python 3.
#[derive(PartialEq, Eq, Debug)]
enum Part<'t> {
    Number(u128),
    Word(&'t str),
}

/// `LooseVersion` of Python's distutils: numbers, and words between them.
fn loose(version: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = version;
    while let Some(c) = rest.chars().next() {
        let class = |c: char| match c {
            '0'..='9' => 1,
            'a'..='z' => 2,
            '.' => 0,
            _ => 3,
        };
        let end = match class(c) {
            0 => 1,
            kind => rest.find(|c| class(c) != kind).unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at(end);
        match class(c) {
            0 => {}
            1 => parts.push(part.parse().map_or(Part::Word(part), Part::Number)),
            _ => parts.push(Part::Word(part)),
        }
        rest = after;
    }
    parts
}

fn by_rule(a: &str, b: &str, strict: bool) -> Result<Ordering, Error> {
    if strict {
        let fits = |version: &str| {
            let parts: Vec<&str> = version.split('.').collect();
            (2..=3).contains(&parts.len())
                && parts
                    .iter()
                    .all(|part| part.starts_with(|c: char| c.is_ascii_digit()))
        };
        if ![a, b].into_iter().all(fits) {
            return Err(invalid("version: not a strict version number"));
        }
    }
    for pair in loose(a).iter().zip(&loose(b)) {
        let order = match pair {
            (Part::Number(a), Part::Number(b)) => a.cmp(b),
            (Part::Word(a), Part::Word(b)) => a.cmp(b),
            _ => {
                return Err(invalid(
                    "version: the versions cannot be compared: \
                     one has a word where the other has a number",
                ));
            }
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    // `1.2` and `1.2.0` differ only as loose versions.
    let (a, b) = (loose(a), loose(b));
    let zero = |rest: &[Part<'_>]| rest.iter().all(|part| *part == Part::Number(0));
    let (short, long) = if a.len() < b.len() {
        (&a, &b)
    } else {
        (&b, &a)
    };
    if strict && zero(&long[short.len()..]) {
        return Ok(Ordering::Equal);
    }
    Ok(a.len().cmp(&b.len()))
}

/// By the rules of semver.org.
fn semantic(a: &str, b: &str) -> Result<Ordering, Error> {
    fn read(version: &str) -> Result<([u128; 3], Vec<&str>), Error> {
        let refuse = || invalid("version: not a semantic version");
        let core = version.split('+').next().unwrap_or_default();
        let (core, pre) = match core.split_once('-') {
            Some((core, pre)) => (core, pre.split('.').collect()),
            None => (core, Vec::new()),
        };
        let numbers: Vec<u128> = core
            .split('.')
            .map(|part| part.parse().map_err(|_| refuse()))
            .collect::<Result<_, _>>()?;
        Ok((numbers.try_into().map_err(|_| refuse())?, pre))
    }
    let ((a, a_pre), (b, b_pre)) = (read(a)?, read(b)?);
    let numbers = a.cmp(&b);
    if numbers.is_ne() || (a_pre.is_empty() && b_pre.is_empty()) {
        return Ok(numbers);
    }
    // A pre-release is less than its release.
    if a_pre.is_empty() || b_pre.is_empty() {
        return Ok(b_pre.len().cmp(&a_pre.len()));
    }
    for (a, b) in a_pre.iter().zip(&b_pre) {
        let order = match (a.parse::<u128>(), b.parse::<u128>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(a_pre.len().cmp(&b_pre.len()))
}

/// The meaning of `contains` and `in`.
fn holds(list: &Value, value: &Value) -> Result<bool, Error> {
    undefined::check(list)?;
    undefined::check(value)?;
    Ok(match list.kind() {
        ValueKind::String => list.as_str().unwrap_or_default().contains(&text(value)?),
        _ => list.try_iter()?.any(|item| item == *value),
    })
}
