//! The words and numbers that a user reads.

use std::fmt::Display;
use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::model::Outcome;

pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const BOLD_RED: Style = AnsiColor::Red.on_default().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

/// An outcome in prose, and how it is coloured.
pub(super) const fn outcome(outcome: Outcome) -> (&'static str, Style) {
    match outcome {
        Outcome::Unchanged => ("unchanged", GREEN),
        Outcome::Changed => ("changed", YELLOW),
        Outcome::WouldChange => ("would change", YELLOW),
        Outcome::Unknown => ("unknown", CYAN),
        Outcome::Skipped => ("skipped", DIM),
        Outcome::Failed => ("failed", BOLD_RED),
    }
}

/// A duration as one would say it: `0.3 s`, `12.5 s`, `3 min 20 s`, `2 h 5 min`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    // 59.96 s would read "60.0 s".
    if duration < Duration::from_millis(59_950) {
        format!("{:.1} s", duration.as_secs_f64())
    } else if seconds < 3600 {
        // Rounds the last twentieth of the first minute up with it.
        let seconds = seconds.max(60);
        format!("{} min {} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {} min", seconds / 3600, seconds % 3600 / 60)
    }
}

/// `1 host`, `3 hosts`.
pub(super) fn count(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Names in a line, the first so many of them.
pub(super) fn names<T: Display>(names: &[T], most: usize) -> String {
    let mut text = names
        .iter()
        .take(most)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > most {
        let _ = write!(text, " and {} more", names.len() - most);
    }
    text
}

/// Bytes as one would say them: `812 bytes`, `4.2 kB`, `1.3 MB`.
pub(super) fn bytes(count: u64) -> String {
    // Precision is lost only beyond what is shown.
    #[expect(clippy::cast_precision_loss)]
    let number = count as f64;
    match count {
        0..1_000 => self::count(count, "byte"),
        1_000..1_000_000 => format!("{:.1} kB", number / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", number / 1e6),
        _ => format!("{:.1} GB", number / 1e9),
    }
}
