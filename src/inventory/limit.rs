//! `--limit`: patterns, and files of patterns.

use std::collections::HashSet;
use std::sync::Arc;

use super::error::SelectError;
use super::pattern::{evaluate, matching, split};
use super::world::{LOCALHOST, World};
use crate::model::{Host, decode};

/// The names of the hosts within a limit.
///
/// `@FILE` stands for the patterns in the lines of a file, `!@FILE` for all hosts except those that the
/// patterns select, `&@FILE` for only those. A limit that only excludes hosts keeps all others, including the
/// controller, which a pattern can otherwise select only by name.
pub(super) fn names(world: &World, limit: &str) -> Result<HashSet<String>, SelectError> {
    let mut parts = Vec::new();
    let mut files = Vec::new();
    for part in limit_parts(limit)? {
        let (sign, rest) = match part.strip_prefix(['!', '&']) {
            // A sign is one byte.
            Some(rest) => (&part[..1], rest),
            None => ("", part.as_str()),
        };
        let Some(file) = rest.strip_prefix('@') else {
            parts.push(part);
            continue;
        };
        let patterns = read(world, file)?;
        if patterns.is_empty() && sign != "!" {
            return Err(
                error(format!("the limit file `{file}` contains no pattern"))
                    .hint("Each line is a pattern; `#` starts a comment."),
            );
        }
        if sign.is_empty() {
            parts.extend(patterns);
        } else {
            let hosts = match patterns.as_slice() {
                [] => Vec::new(),
                patterns => evaluate(world, &part, patterns)?,
            };
            files.push((sign == "&", hosts));
        }
    }
    let excludes = |part: &String| part.starts_with('!');
    let only_excludes = parts.iter().all(excludes) && files.iter().all(|(keep, _)| !keep);
    if parts.is_empty() && !files.is_empty() {
        parts.push("all".to_owned());
    }
    let hosts = evaluate(world, limit, &parts)?;
    let mut names: HashSet<String> = hosts.iter().map(|host| host.name.clone()).collect();
    for (keep, hosts) in &files {
        names.retain(|name| hosts.iter().any(|host| host.name == *name) == *keep);
    }
    if names.is_empty() {
        return Err(error(format!("the pattern `{limit}` leaves no hosts")));
    }
    if only_excludes && world.localhost.source.is_none() {
        let mut out = files
            .iter()
            .flat_map(|(_, hosts)| hosts.clone())
            .collect::<Vec<_>>();
        for part in parts.iter().filter_map(|part| part.strip_prefix('!')) {
            out.extend(matching(world, part)?);
        }
        let is_local = |host: &Arc<Host>| LOCALHOST.contains(&host.name.as_str());
        if !out.iter().any(is_local) {
            names.extend(LOCALHOST.map(str::to_owned));
        }
    }
    Ok(names)
}

/// The parts of a limit. A file name may contain the characters that separate patterns.
fn limit_parts(limit: &str) -> Result<Vec<String>, SelectError> {
    let file = limit.trim_start_matches(['!', '&']).strip_prefix('@');
    match file {
        Some(file) if std::path::Path::new(file).is_file() => Ok(vec![limit.to_owned()]),
        _ => split(limit),
    }
}

/// The patterns of a file: one or more per line, with comments.
fn read(world: &World, file: &str) -> Result<Vec<String>, SelectError> {
    let bytes = std::fs::read(file)
        .map_err(|why| error(format!("cannot read the limit file `{file}`: {why}")))?;
    let text = decode(bytes).map_err(|wrong| {
        error(format!("{file}:{}: {wrong}", wrong.line)).hint(&wrong.hint(file))
    })?;
    let mut patterns = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        let placed = |wrong: SelectError| SelectError {
            message: format!("{file}:{}: {}", index + 1, wrong.message),
            ..wrong
        };
        for part in split(line).map_err(placed)? {
            matching(world, part.trim_start_matches(['!', '&'])).map_err(placed)?;
            patterns.push(part);
        }
    }
    Ok(patterns)
}

/// Removes a comment, which starts with a `#` at the beginning of the line or after white space.
fn without_comment(line: &str) -> &str {
    let starts = |(at, _): &(usize, &str)| {
        line[..*at]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace)
    };
    match line.match_indices('#').find(starts) {
        Some((at, _)) => &line[..at],
        None => line,
    }
}

fn error(message: String) -> SelectError {
    SelectError {
        message,
        hint: None,
    }
}

impl SelectError {
    fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }
}
