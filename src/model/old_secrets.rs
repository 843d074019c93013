//! Diffs whose old side may hold a secret that the run does not know: the one that was replaced.
//!
//! ops knows the secrets in what a task writes. What the task replaces is read from a host, and an old secret
//! in it looks like any other text. So lines are hidden by position: a removed line is not shown if a line
//! with a secret replaces it.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::{Diff, REPLACEMENT, Scrubber};

/// What is shown in place of hidden lines.
pub(crate) const HIDDEN_LINES: &str = "[hidden: this may hold an old secret]";

/// Two texts with a secret that are together longer than this (in bytes) are not compared.
const TOO_LONG: usize = 1 << 20;

/// Lines around a change that belong to its hunk, on each side, as in the unified diffs that are shown.
const CONTEXT: usize = 3;

impl Diff {
    /// Hides what may be an old secret. Known secrets are replaced by the scrubber.
    pub fn hide_old_secrets(&mut self, scrubber: &Scrubber) {
        match self {
            Self::Property { before, after, .. } => {
                if !before.is_empty()
                    && before != after
                    && !scrubber.found(after.as_bytes()).is_empty()
                {
                    REPLACEMENT.clone_into(before);
                }
            }
            Self::Text {
                path,
                before,
                after,
            } => {
                let secrets = scrubber.found(after.as_bytes());
                if secrets.is_empty() || before.is_empty() {
                    return;
                }
                if before.len() + after.len() > TOO_LONG {
                    *self = Self::Hidden {
                        path: std::mem::take(path),
                    };
                    return;
                }
                let compared =
                    Compared::new(before, after, &secrets, &scrubber.found(before.as_bytes()));
                if compared.changes_only_secrets() {
                    let text = format!("{path}: only a secret changes");
                    *self = Self::Note { text };
                } else {
                    *before = compared.before();
                }
            }
            Self::Binary { .. } | Self::Hidden { .. } | Self::Note { .. } => {}
        }
    }
}

/// A line, and the part of it from the beginning of its first secret to the end of its last.
struct Line<'t> {
    text: &'t str,
    secret: Option<Range<usize>>,
}

impl<'t> Line<'t> {
    /// The lines of a text with secrets at `secrets`, which are in order and do not overlap.
    fn all(text: &'t str, mut secrets: &[Range<usize>]) -> Vec<Self> {
        let mut start = 0;
        let line = |text: &'t str| {
            let end = start + text.len();
            let mut secret: Option<Range<usize>> = None;
            while let [first, rest @ ..] = secrets
                && first.start < end
            {
                let part = first.start.max(start) - start..first.end.min(end) - start;
                secret = Some(secret.map_or(part.start, |known| known.start)..part.end);
                if first.end > end {
                    break;
                }
                secrets = rest;
            }
            start = end;
            Self { text, secret }
        };
        text.split_inclusive('\n').map(line).collect()
    }

    /// What is before and after its secrets.
    fn around(&self) -> Option<(&'t str, &'t str)> {
        let secret = self.secret.as_ref()?;
        // Secrets are whole characters, so these are boundaries between characters.
        let (left, right) = (self.text.get(..secret.start)?, self.text.get(secret.end..)?);
        Some((left, right.trim_end_matches(['\n', '\r'])))
    }
}

struct Compared<'t> {
    old: Vec<Line<'t>>,
    new: Vec<Line<'t>>,
    ops: Vec<DiffOp>,
}

impl<'t> Compared<'t> {
    fn new(before: &'t str, after: &'t str, new: &[Range<usize>], old: &[Range<usize>]) -> Self {
        let (old, new) = (Line::all(before, old), Line::all(after, new));
        let texts = |lines: &[Line<'t>]| lines.iter().map(|line| line.text).collect::<Vec<_>>();
        let ops = capture_diff_slices(Algorithm::Myers, &texts(&old), &texts(&new));
        Self { old, new, ops }
    }

    /// Whether each changed line is the same except for its secret.
    fn changes_only_secrets(&self) -> bool {
        let mut changed = self.changes().peekable();
        changed.peek().is_some()
            && changed.all(|op| {
                let (old, new) = (&self.old[op.old_range()], &self.new[op.new_range()]);
                old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(old, new))
            })
    }

    fn changes(&self) -> impl Iterator<Item = &DiffOp> {
        self.ops
            .iter()
            .filter(|op| !matches!(op, DiffOp::Equal { .. }))
    }

    /// The old text with each run of hidden lines as one line.
    fn before(&self) -> String {
        let hidden = self.hidden();
        let mut text = String::new();
        let mut after_hidden = false;
        for (line, hide) in self.old.iter().zip(hidden) {
            if !hide {
                text.push_str(line.text);
            } else if !after_hidden {
                text.push_str(HIDDEN_LINES);
                text.push('\n');
            }
            after_hidden = hide;
        }
        text
    }

    /// Which lines of the old text are not shown.
    fn hidden(&self) -> Vec<bool> {
        let mut hidden = vec![false; self.old.len()];
        for op in &self.ops {
            if let DiffOp::Equal {
                old_index,
                new_index,
                len,
            } = *op
            {
                // Part of a secret of several lines, not all of which are in the old text.
                for at in 0..len {
                    hidden[old_index + at] = self.new[new_index + at].secret.is_some()
                        && self.old[old_index + at].secret.is_none();
                }
            }
        }
        for hunk in group_diff_ops(self.ops.clone(), CONTEXT) {
            let changes = || hunk.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
            if changes().any(|op| self.new[op.new_range()].iter().any(holds)) {
                changes().for_each(|op| hidden[op.old_range()].fill(true));
            }
        }
        // A line that moved to another hunk still has the same beginning: `password = `.
        let beginnings: Vec<&str> = self
            .changes()
            .flat_map(|op| &self.new[op.new_range()])
            .filter_map(|line| Some(line.around()?.0.trim()))
            .filter(|left| left.len() > 1)
            .collect();
        for at in self.changes().flat_map(DiffOp::old_range) {
            let text = self.old[at].text.trim_start();
            hidden[at] |= beginnings.iter().any(|left| text.starts_with(left));
        }
        hidden
    }
}

fn holds(line: &Line<'_>) -> bool {
    line.secret.is_some()
}

/// Whether `old` is `new` with something else in place of its secrets.
fn same(old: &Line<'_>, new: &Line<'_>) -> bool {
    let old = old.text.trim_end_matches(['\n', '\r']);
    new.around().is_some_and(|(left, right)| {
        old.strip_prefix(left)
            .is_some_and(|rest| rest.ends_with(right))
    })
}

#[cfg(test)]
mod tests;
