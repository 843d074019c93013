//! Results of health checks. A result that is the same as the one before is not shown again.

use anstyle::Style;

use super::{Piece, View};
use crate::model::{Event, Failure, FailureKind, HealthState, Kind, Outcome};
use crate::report::style::{BOLD_RED, CYAN, DIM, GREEN, YELLOW};

impl View {
    pub(super) fn checked(&mut self, event: &Event) -> Vec<Piece> {
        let Kind::HealthChecked {
            state,
            message,
            vantage,
            waiting,
        } = &event.kind
        else {
            return Vec::new();
        };
        let task = event.task.clone().unwrap_or_default();
        let of = (event.host.clone().unwrap_or_default(), task.clone());
        let before = self.health.insert(of, *state);
        let failed = event.outcome == Some(Outcome::Failed);
        let unknown = event.outcome == Some(Outcome::Unknown);
        // A check that passes at once is like a task that changes nothing.
        let is_news = before.unwrap_or(HealthState::Passing) != *state;
        if !is_news && !failed && !unknown && self.settings.verbose == 0 {
            return Vec::new();
        }
        let mut text = format!("{task}: {message}");
        if vantage != "host" {
            text.push_str(&format!(" (from {vantage})"));
        }
        if unknown {
            text.push_str(", and a run might change that first");
        }
        if failed && let Some(host) = &event.host {
            // The failure of the closure says the same again.
            let mut told = Failure::new(FailureKind::Failed, message).on(host);
            told.task = Some(task);
            self.shown.insert(host.clone(), told);
        }
        let (word, style): (_, Style) = match *state {
            _ if unknown => ("unknown", CYAN),
            HealthState::Passing => ("passing", GREEN),
            HealthState::Warning => ("warning", YELLOW),
            _ if *waiting => ("waiting", DIM),
            state if failed => (state.as_str(), BOLD_RED),
            state => (state.as_str(), YELLOW),
        };
        self.line(word, style, event, &text)
    }
}
