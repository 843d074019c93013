//! A plain log with groups that a CI system folds up.
//!
//! A group is the outermost unit of the playbook: an `each`, or a batch of a rollout. Hosts work at the same
//! time and groups cannot be interleaved, so there are no groups for hosts. A group is opened by its first
//! line and closed before anything else, and never nested; the explanation of failures and the summary are
//! outside of groups.
//!
//! Everything goes to one stream: a runner reads two streams separately, and may mix up their order.

use std::io::Write;

use super::failures::Group;
use super::{Piece, View, clean_line};
use crate::model::{Event, Kind, Reporter, Scrubbed};

/// How a CI system marks groups.
pub(super) trait Dialect: Send {
    /// The line that begins a group.
    fn open(&mut self, title: &str, event: &Event) -> String;

    /// The line that ends it.
    fn close(&mut self, event: Option<&Event>) -> String;

    /// The text without anything that the system would act on.
    fn harmless(&self, text: String) -> String {
        text
    }

    /// Receives every event.
    fn event(&mut self, event: &Event) {
        let _ = event;
    }

    /// What is written when the run has ended, before the summary.
    fn ended(&mut self, failures: &[Group]) -> String {
        let _ = failures;
        String::new()
    }
}

/// Writes a log in a dialect.
pub(super) struct Grouped<D> {
    view: View,
    pub(super) dialect: D,
    out: Option<Box<dyn Write + Send>>,
    /// How deeply units are nested right now.
    depth: usize,
    /// The group of the outermost unit.
    group: State,
}

enum State {
    None,
    /// It opens with its first line.
    Due(String),
    Open,
}

impl<D: Dialect> Grouped<D> {
    pub(super) fn new(view: View, dialect: D, out: Box<dyn Write + Send>) -> Self {
        Self {
            view,
            dialect,
            out: Some(out),
            depth: 0,
            group: State::None,
        }
    }

    fn write(&mut self, text: &str) {
        let written = self
            .out
            .as_mut()
            .map(|out| out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        // The reader is gone.
        if let Some(Err(_)) = written {
            self.out = None;
        }
    }

    fn show(&mut self, pieces: Vec<Piece>, event: &Event) {
        for piece in pieces {
            if let State::Due(title) = &self.group {
                let line = self.dialect.open(title, event);
                self.group = State::Open;
                self.write(&line);
            }
            let (Piece::Out(text) | Piece::Err(text)) = piece;
            let text = self.dialect.harmless(text);
            self.write(&text);
        }
    }

    fn close(&mut self, event: Option<&Event>) {
        if let State::Open = std::mem::replace(&mut self.group, State::None) {
            let line = self.dialect.close(event);
            self.write(&line);
        }
    }
}

impl<D: Dialect> Reporter for Grouped<D> {
    fn event(&mut self, event: &Scrubbed<Event>) {
        self.dialect.event(event);
        let mut pieces = self.view.event(event);
        match unit(event) {
            Some(Unit::Begins(title)) => {
                self.depth += 1;
                if self.depth == 1 {
                    self.group = State::Due(title);
                    // The title says the same.
                    pieces.clear();
                }
            }
            Some(Unit::Ends) => {
                self.show(std::mem::take(&mut pieces), event);
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.close(Some(event));
                }
            }
            None => {}
        }
        if let Kind::RunFinished { .. } = event.kind {
            self.close(Some(event));
            let summary = pieces.pop();
            self.show(pieces, event);
            let text = self.dialect.ended(self.view.failures());
            self.write(&text);
            pieces = summary.into_iter().collect();
        }
        self.show(pieces, event);
    }

    fn finish(&mut self) {
        self.close(None);
        for piece in self.view.finish() {
            let (Piece::Out(text) | Piece::Err(text)) = piece;
            let text = self.dialect.harmless(text);
            self.write(&text);
        }
    }
}

enum Unit {
    Begins(String),
    Ends,
}

/// The unit that an event begins or ends.
fn unit(event: &Event) -> Option<Unit> {
    match &event.kind {
        Kind::EachStarted { hosts, forks } => {
            let title = super::view::each(*hosts, *forks, event.at.as_ref());
            Some(Unit::Begins(clean_line(&title).into_owned()))
        }
        Kind::RolloutBatchStarted { .. } => super::view::rollout::batch(event).map(Unit::Begins),
        Kind::EachFinished { .. } | Kind::RolloutBatchFinished { .. } => Some(Unit::Ends),
        _ => None,
    }
}
