//! Ansible's host patterns: `web`, `web:db`, `web,db`, `web:&eu`, `web:!web3`, `web*`, `~regex`, `web[0]`,
//! `web[0:3]`.

use std::collections::HashSet;
use std::sync::Arc;

use regex::Regex;

use super::error::SelectError;
use super::world::{LOCALHOST, World};
use super::{lookalike, name};
use crate::model::Host;
use crate::model::suggest::did_you_mean;

pub(super) fn select(world: &World, pattern: &str) -> Result<Vec<Arc<Host>>, SelectError> {
    let parts = split(pattern)?;
    evaluate(world, pattern, &parts)
}

fn error(message: String, hint: Option<String>) -> SelectError {
    SelectError { message, hint }
}

/// Splits a pattern at commas if there are any. Otherwise the whole pattern is one host or address, or it is
/// split at colons outside of brackets.
pub(super) fn split(pattern: &str) -> Result<Vec<String>, SelectError> {
    let keep = |parts: Vec<String>| {
        parts
            .into_iter()
            .map(|part| part.trim().to_owned())
            .filter(|part| !part.is_empty())
            .collect()
    };
    if pattern.contains(',') {
        return Ok(keep(pattern.split(',').map(str::to_owned).collect()));
    }
    if name::is_single(pattern.trim()) {
        return Ok(keep(vec![pattern.to_owned()]));
    }
    let mut parts = vec![String::new()];
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        // Always present: the vector starts with one part and only grows.
        let Some(part) = parts.last_mut() else { break };
        let mut length = c.len_utf8();
        // A regular expression may contain any bracket.
        if c == '[' && !part.trim_start_matches(['&', '!']).starts_with('~') {
            let Some(close) = rest.find(']') else {
                return Err(error(
                    format!("the bracket in the pattern `{pattern}` is never closed"),
                    Some("A subscript is `web[0]` or `web[0:2]`, a set `web[1-3]*`.".to_owned()),
                ));
            };
            length = close + 1;
            part.push_str(&rest[..length]);
        } else if c == '['
            && let Some(close) = rest.find(']')
        {
            length = close + 1;
            part.push_str(&rest[..length]);
        } else if c.is_whitespace() || matches!(c, ':' | '[' | ']') {
            parts.push(String::new());
        } else {
            part.push(c);
        }
        rest = &rest[length..];
    }
    Ok(keep(parts))
}

pub(super) fn evaluate(
    world: &World,
    whole: &str,
    parts: &[String],
) -> Result<Vec<Arc<Host>>, SelectError> {
    if parts.is_empty() {
        return Err(error(
            "the host pattern is empty".to_owned(),
            Some("`all` selects every host.".to_owned()),
        ));
    }
    let all = [String::from("all")];
    let modified = |part: &&String| part.starts_with(['&', '!']);
    let mut regular: Vec<&String> = parts.iter().filter(|part| !modified(part)).collect();
    if regular.is_empty() {
        regular.extend(&all);
    }
    let mut hosts: Vec<Arc<Host>> = Vec::new();
    let mut seen = HashSet::new();
    for part in regular {
        hosts.extend(
            matching(world, part)?
                .into_iter()
                .filter(|host| seen.insert(host.name.clone())),
        );
    }
    for (sign, keep) in [('&', true), ('!', false)] {
        for part in parts.iter().filter_map(|part| part.strip_prefix(sign)) {
            let names: HashSet<String> = matching(world, part)?
                .iter()
                .map(|host| host.name.clone())
                .collect();
            hosts.retain(|host| names.contains(&host.name) == keep);
        }
    }
    if hosts.is_empty() {
        let hint = if world.hosts.is_empty() {
            "The inventory has no hosts. Use -i to choose another inventory.".to_owned()
        } else if world
            .groups
            .get(whole)
            .is_some_and(|group| world.members(group).is_empty())
        {
            format!("The group `{whole}` exists but has no hosts.")
        } else {
            "`ops inventory list` shows all groups and hosts.".to_owned()
        };
        let takes_out = parts.iter().any(|part| modified(&part));
        let verb = if takes_out { "leaves" } else { "matches" };
        return Err(error(
            format!("the pattern `{whole}` {verb} no hosts"),
            Some(hint),
        ));
    }
    Ok(hosts)
}

/// The hosts that one pattern selects, given without its sign.
pub(super) fn matching(world: &World, part: &str) -> Result<Vec<Arc<Host>>, SelectError> {
    if let Some(host) = world.hosts.get(part) {
        return Ok(vec![Arc::clone(host)]);
    }
    lookalike::check(part)?;
    let (expression, subscript) = subscript(part);
    let matcher = Matcher::new(expression)?;
    let mut hosts: Vec<&Arc<Host>> = Vec::new();
    let mut group_matched = false;
    for group in matcher.select(&world.groups) {
        group_matched = true;
        hosts.extend(
            world
                .members(group)
                .iter()
                .map(|index| &world.hosts[*index]),
        );
    }
    if !group_matched || expression.starts_with('~') || expression.contains(['.', '?', '*', '[']) {
        hosts.extend(matcher.select(&world.hosts));
    }
    if hosts.is_empty() && LOCALHOST.contains(&expression) {
        let host = match world.localhost.source {
            // If the inventory names the controller by any of its names, that host is meant.
            Some(_) => Arc::clone(&world.localhost),
            None => Arc::new(Host {
                name: expression.to_owned(),
                ..Host::clone(&world.localhost)
            }),
        };
        return apply(part, &[&host], subscript);
    }
    if hosts.is_empty() && !group_matched && matcher.is_name() && expression != "all" {
        let known = world
            .groups
            .keys()
            .chain(world.hosts.keys())
            .map(String::as_str);
        let hint = did_you_mean(expression, known);
        let hint =
            hint.unwrap_or_else(|| "`ops inventory list` shows all groups and hosts.".to_owned());
        return Err(error(
            format!("unknown host or group `{expression}`"),
            Some(hint),
        ));
    }
    apply(part, &hosts, subscript)
}

/// The contents of the brackets at the end of a pattern.
#[derive(Clone, Copy)]
enum Subscript {
    Index(i64),
    /// Both ends are included. Without a second one, it extends to the end of the list.
    Range(usize, Option<usize>),
}

fn subscript(part: &str) -> (&str, Option<Subscript>) {
    let none = (part, None);
    if part.starts_with('~') {
        return none;
    }
    let Some((expression, inside)) = part
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['))
    else {
        return none;
    };
    if expression.is_empty() {
        return none;
    }
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if number(inside.strip_prefix('-').unwrap_or(inside)) {
        return inside
            .parse()
            .map_or(none, |index| (expression, Some(Subscript::Index(index))));
    }
    let Some((start, end)) = inside.split_once(':') else {
        return none;
    };
    if !number(start) || !(end.is_empty() || number(end)) {
        return none;
    }
    let (Ok(start), end) = (start.parse(), end.parse().ok()) else {
        return none;
    };
    (expression, Some(Subscript::Range(start, end)))
}

fn apply(
    part: &str,
    hosts: &[&Arc<Host>],
    subscript: Option<Subscript>,
) -> Result<Vec<Arc<Host>>, SelectError> {
    let chosen = match subscript {
        _ if hosts.is_empty() => &[],
        None => hosts,
        Some(Subscript::Index(index)) => {
            let at = if index < 0 {
                index.checked_add(i64::try_from(hosts.len()).unwrap_or(i64::MAX))
            } else {
                Some(index)
            };
            let host = at
                .and_then(|at| usize::try_from(at).ok())
                .and_then(|at| hosts.get(at..=at));
            host.ok_or_else(|| {
                error(
                    format!(
                        "the index of `{part}` is out of range: {} hosts match the part before the bracket",
                        hosts.len()
                    ),
                    None,
                )
            })?
        }
        Some(Subscript::Range(start, end)) => {
            let end = end
                .map_or(hosts.len(), |end| end.saturating_add(1))
                .min(hosts.len());
            hosts.get(start..end).unwrap_or(&[])
        }
    };
    Ok(chosen.iter().map(|host| Arc::clone(host)).collect())
}

/// How names are compared.
enum Matcher<'p> {
    Name(&'p str),
    Expression(Regex),
}

impl<'p> Matcher<'p> {
    fn new(expression: &'p str) -> Result<Self, SelectError> {
        let regex = match expression.strip_prefix('~') {
            // Anchored only at the start, like Python's `match`.
            Some(regex) => format!("^(?:{regex})"),
            None if expression.contains(['*', '?', '[']) => glob(expression),
            None => return Ok(Self::Name(expression)),
        };
        Regex::new(&regex).map(Self::Expression).map_err(|reason| {
            let reason = reason.to_string();
            let reason = reason
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            error(
                format!("invalid pattern `{expression}`: {reason}"),
                Some(
                    "Look-around and back-references, which Python has, are not supported."
                        .to_owned(),
                ),
            )
        })
    }

    const fn is_name(&self) -> bool {
        matches!(self, Self::Name(_))
    }

    fn select<'m, T>(&self, map: &'m indexmap::IndexMap<String, T>) -> Vec<&'m T> {
        match self {
            Self::Name(name) => map.get(*name).into_iter().collect(),
            Self::Expression(regex) => map
                .iter()
                .filter(|(name, _)| regex.is_match(name))
                .map(|(_, value)| value)
                .collect(),
        }
    }
}

/// Converts a glob to a regular expression, by the rules of Python's `fnmatch`.
fn glob(glob: &str) -> String {
    let mut regex = String::from("(?s)^");
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                let (negated, body) = rest
                    .strip_prefix('!')
                    .map_or((false, rest), |body| (true, body));
                // A closing bracket in first position is a member of the set.
                let close = body
                    .char_indices()
                    .skip(1)
                    .find(|(_, c)| *c == ']')
                    .map(|(at, _)| at);
                let Some(close) = close else {
                    regex.push_str("\\[");
                    continue;
                };
                regex.push_str(if negated { "[^" } else { "[" });
                for c in body[..close].chars() {
                    if !(c.is_alphanumeric() || c == '-') {
                        regex.push('\\');
                    }
                    regex.push(c);
                }
                regex.push(']');
                rest = &body[close + 1..];
            }
            c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    regex
}
