//! A plain log whose parts a CI system folds up.
//!
//! What folds is the outermost unit that the playbook began: an `each`, or a batch of a rollout. Hosts work at the same time,
//! and neither system can interleave groups, so a host is none. A group is opened by the first line in it, closed
//! before anything else, and never inside of another; the explanation of failures and the summary stand outside.
//!
//! Everything goes to one stream: a runner reads two of them apart, and may mix up their order.

use std::io::Write;

use super::failures::Group;
use super::{Piece, View, clean_line};
use crate::model::{Event, Kind, Reporter, Scrubbed};

/// How a CI system writes it.
pub(super) trait Dialect: Send {
    /// The line that begins a group.
    fn open(&mut self, title: &str, event: &Event) -> String;

    /// The line that ends it.
    fn close(&mut self, event: Option<&Event>) -> String;

    /// A text that the system takes for nothing but text.
    fn harmless(&self, text: String) -> String {
        text
    }

    /// Sees every event, groups or not.
    fn event(&mut self, event: &Event) {
        let _ = event;
    }

    /// The run has ended: what there is to say besides, before the summary.
    fn ended(&mut self, event: &Event, failures: &[Group]) -> String {
        let _ = (event, failures);
        String::new()
    }
}

/// Writes a log in a dialect.
pub(super) struct Grouped<D> {
    view: View,
    pub(super) dialect: D,
    out: Option<Box<dyn Write + Send>>,
    /// How many units have begun and not ended.
    depth: usize,
    /// The group of the outermost unit.
    group: State,
}

enum State {
    None,
    /// It begins with its first line.
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
        // Nobody reads any more.
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
                    // The title says it.
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
            let besides = self.dialect.ended(event, self.view.failures());
            self.write(&besides);
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

/// What an event begins or ends that holds others.
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
