//! The colours that reporters use, and how an outcome is written.

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
