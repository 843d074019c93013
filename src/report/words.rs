//! The words and numbers that a user reads.

use std::cmp::Ordering;
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

/// Sorts names as a person counts: `web2` before `web10`.
pub(super) fn sort<T: AsRef<str>>(names: &mut [T]) {
    names.sort_by(|one, other| natural(one.as_ref(), other.as_ref()));
}

pub(super) fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (Some(first), Some(second)) = (one.chars().next(), other.chars().next()) else {
            return one.len().cmp(&other.len());
        };
        if first.is_ascii_digit() && second.is_ascii_digit() {
            let (number, rest) = number(one);
            let (other_number, other_rest) = self::number(other);
            // Without zeros before them the longer number is the larger one.
            let order = number
                .len()
                .cmp(&other_number.len())
                .then(number.cmp(other_number));
            if order != Ordering::Equal {
                return order;
            }
            (one, other) = (rest, other_rest);
        } else if first == second {
            (one, other) = (&one[first.len_utf8()..], &other[second.len_utf8()..]);
        } else {
            return first.cmp(&second);
        }
    }
}

/// The digits that a text begins with, without zeros before them, and the rest.
fn number(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_a_person_counts() {
        let mut names = ["web10", "web2", "db", "web02b", "web", "web2-10", "web2-9"];
        sort(&mut names);
        assert_eq!(
            names,
            ["db", "web", "web2", "web2-9", "web2-10", "web02b", "web10"]
        );
    }

    #[test]
    fn durations_read_as_one_would_say_them() {
        let said = |millis| duration(Duration::from_millis(millis));
        assert_eq!(
            [said(0), said(1_249), said(59_949)],
            ["0.0 s", "1.2 s", "59.9 s"]
        );
        assert_eq!(
            [said(59_950), said(200_000), said(7_500_000)],
            ["1 min 0 s", "3 min 20 s", "2 h 5 min"]
        );
    }

    #[test]
    fn sizes_read_as_one_would_say_them() {
        assert_eq!(
            [bytes(1), bytes(999), bytes(4_200)],
            ["1 byte", "999 bytes", "4.2 kB"]
        );
        assert_eq!(
            [bytes(1_300_000), bytes(7_000_000_000)],
            ["1.3 MB", "7.0 GB"]
        );
    }
}
