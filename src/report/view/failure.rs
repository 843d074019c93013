//! Failures when they happen: a line for each, and what is kept for the explanation at the end.

use super::{Piece, STDERR, View, below};
use crate::model::{Event, Failure, FailureKind};
use crate::report::failures::is_shown;
use crate::report::style::{BOLD_RED, YELLOW};
use crate::report::{clean, diagnostic};

impl View {
    /// A line for a failure, and the first time the last lines of stderr.
    pub(super) fn failure(&mut self, event: &Event, failure: &Failure) -> Vec<Piece> {
        let (word, style) = match failure.kind {
            FailureKind::Unreachable => ("unreachable", BOLD_RED),
            FailureKind::Interrupted => ("interrupted", YELLOW),
            _ => ("failed", BOLD_RED),
        };
        if let Some(host) = &event.host {
            self.shown.insert(host.clone(), failure.clone());
        }
        let task = failure.task.as_ref().or(event.task.as_ref());
        let text = task.map_or_else(
            || failure.message.clone(),
            |task| format!("{task}: {}", failure.message),
        );
        let mut pieces = self.line(word, style, event, if text == word { "" } else { &text });
        let before = self.explained.groups().len();
        self.explained.add(failure);
        if self.explained.groups().len() > before
            && let Some(stderr) = &failure.stderr
            // If the output of commands is shown, it is just above.
            && !(failure.command.is_some() && (self.exec || self.settings.verbose >= 1))
        {
            let margin = self.margin(event);
            let lines = diagnostic::tail(clean(stderr).trim_end(), STDERR);
            pieces.push(Piece::Out(below(
                &format!("{margin}| "),
                lines.iter().map(String::as_str),
            )));
        }
        pieces
    }

    /// Whether a task failed because its host was lost, and that was just shown.
    pub(super) fn is_loss_shown(&self, event: &Event, failure: &Failure) -> bool {
        let told = event.host.as_ref().and_then(|host| self.shown.get(host));
        failure.kind == FailureKind::Unreachable
            && told.is_some_and(|told| told.kind == failure.kind && told.message == failure.message)
    }

    pub(super) fn host_finished(&mut self, event: &Event, failure: Option<&Failure>) -> Vec<Piece> {
        let shown = event.host.as_ref().and_then(|host| self.shown.remove(host));
        let around = self
            .within
            .get_mut(event.host.as_deref().unwrap_or_default());
        let around = around.map_or(0, |around| {
            *around = around.saturating_sub(1);
            *around
        });
        let Some(failure) = failure else {
            // The host was lost, and the playbook went on without it.
            if let Some(lost) = shown.filter(|shown| shown.kind == FailureKind::Unreachable) {
                self.failures.add(&lost);
            }
            return Vec::new();
        };
        self.note_failed(event.host.as_deref(), failure);
        if self.exec {
            // The output of each host was shown. Without it the failures of hosts are equal.
            self.failures.add(&Failure {
                stderr: None,
                ..failure.clone()
            });
        } else {
            self.failures.add(failure);
        }
        let rolled = event.host.as_ref().and_then(|host| self.rolled.get(host));
        let mut told = rolled.into_iter().flatten().chain(&shown);
        let pieces = if told.any(|told| is_shown(told, failure)) {
            Vec::new()
        } else {
            self.failure(event, failure)
        };
        if let Some(host) = &event.host {
            // The closures around this one mostly fail with the same failure.
            if around > 0 {
                self.shown.insert(host.clone(), failure.clone());
            } else {
                self.shown.remove(host);
            }
        }
        pieces
    }

    pub(super) fn note_failed(&mut self, host: Option<&str>, failure: &Failure) {
        let elsewhere = matches!(
            failure.kind,
            FailureKind::Unreachable | FailureKind::Interrupted
        );
        if !elsewhere {
            self.failed.extend(host.map(ToOwned::to_owned));
        }
    }
}
