//! Diffs as text.

use std::fmt::Write as _;

use similar::TextDiff;

use super::quantity::bytes;
use super::style::{CYAN, DIM, GREEN, RED};
use super::{Settings, clean, clean_line};
use crate::model::Diff;

/// Two texts that are together longer than this (in bytes) are not compared: it is slow, and nobody reads the
/// result.
const TOO_LONG: usize = 1 << 20;

/// What changes, on one line: for users who did not ask for the full diff. Empty if only the full diff would
/// show it, or if the label of the task already says it: a command that is run.
pub(super) fn brief(diffs: &[Diff], label: &str) -> String {
    let is_in_label = |text: &str| {
        let command = text.strip_prefix("runs ");
        command.is_some_and(|command| label.ends_with(command))
    };
    let parts: Vec<String> = diffs
        .iter()
        .filter_map(|diff| match diff {
            Diff::Property {
                name,
                before,
                after,
            } => Some(property(name, before, after)),
            Diff::Note { text } if is_in_label(text) => None,
            Diff::Note { text } => Some(clean_line(text).into_owned()),
            _ => None,
        })
        .collect();
    // One reason may contain commas.
    let is_list = parts.iter().any(|part| part.contains(", "));
    parts.join(if is_list { "; " } else { ", " })
}

/// What changes, in full and without colour.
#[must_use]
pub fn uncoloured(diffs: &[Diff]) -> String {
    full(diffs, Settings::default())
}

/// What changes, in full, as whole lines.
pub(super) fn full(diffs: &[Diff], settings: Settings) -> String {
    let mut out = String::new();
    for diff in diffs {
        match diff {
            Diff::Property {
                name,
                before,
                after,
            } => out.push_str(&property(name, before, after)),
            Diff::Text {
                path,
                before,
                after,
            } => out.push_str(&text(path, before, after, settings)),
            Diff::Binary {
                path,
                before,
                after,
            } => {
                let show = |(size, hash): &(u64, String)| {
                    format!("{} (sha256 {})", bytes(*size), short(hash))
                };
                let before = before.as_ref().map_or_else(|| "nothing".to_owned(), show);
                let _ = write!(out, "{}: {before} -> {}", clean_line(path), show(after));
            }
            Diff::Hidden { path } => {
                out.push_str(&clean_line(path));
                out.push_str(": the content changes and is not shown");
            }
            Diff::Note { text } => out.push_str(&clean_line(text)),
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}

fn property(name: &str, before: &str, after: &str) -> String {
    let value = |text: &str| {
        if text.is_empty() {
            "nothing".to_owned()
        } else {
            clean_line(text).into_owned()
        }
    };
    format!("{} {} -> {}", clean_line(name), value(before), value(after))
}

/// The first characters of a digest, which are enough to distinguish two.
fn short(hash: &str) -> String {
    clean_line(hash).chars().take(12).collect()
}

fn text(path: &str, before: &str, after: &str, settings: Settings) -> String {
    let path = clean_line(path);
    if before.len() + after.len() > TOO_LONG {
        let (before, after) = (bytes(before.len() as u64), bytes(after.len() as u64));
        return format!("{path}: too long to compare, {before} -> {after}");
    }
    let (before, after) = (clean(before), clean(after));
    let diff = TextDiff::from_lines(before.as_ref(), after.as_ref());
    let unified = diff
        .unified_diff()
        .context_radius(3)
        .header(&format!("{path} (before)"), &format!("{path} (after)"))
        .to_string();
    let mut out = String::new();
    for (number, line) in unified.lines().enumerate() {
        let style = match line.as_bytes().first() {
            _ if number < 2 => Some(DIM),
            Some(b'+') => Some(GREEN),
            Some(b'-') => Some(RED),
            Some(b'@') => Some(CYAN),
            _ => None,
        };
        out.push_str(&style.map_or_else(|| line.to_owned(), |style| settings.paint(style, line)));
        out.push('\n');
    }
    out
}
