//! An event before the dispatcher has stamped it.

use std::time::Duration;

use super::{Event, Kind, Outcome, Position};

/// The identity of an undo is that of the step, with this at the end.
const UNDO: &str = "/undo";

/// The identity of the undo of a step.
#[must_use]
pub fn undo_of(step: &str) -> String {
    format!("{step}{UNDO}")
}

/// The step that a step undoes, if it is an undo.
#[must_use]
pub fn undone_by(step: Option<&str>) -> Option<&str> {
    step?.strip_suffix(UNDO)
}

/// An [`Event`](super::Event) without its time, run and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emission {
    pub kind: Kind,
    pub step: Option<String>,
    pub host: Option<String>,
    pub task: Option<String>,
    pub outcome: Option<Outcome>,
    pub duration_ms: Option<u64>,
    pub at: Option<Position>,
}

impl Emission {
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            step: None,
            host: None,
            task: None,
            outcome: None,
            duration_ms: None,
            at: None,
        }
    }

    #[must_use]
    pub fn step(mut self, step: impl Into<String>) -> Self {
        self.step = Some(step.into());
        self
    }

    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    #[must_use]
    pub fn task(mut self, label: impl Into<String>) -> Self {
        self.task = Some(label.into());
        self
    }

    #[must_use]
    pub const fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration_ms = Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Takes an `Option` because not every event has a position in the playbook.
    #[must_use]
    pub fn at(mut self, position: impl Into<Option<Position>>) -> Self {
        self.at = position.into();
        self
    }

    /// The event, as it happened in `run` at `ts`, and was the `seq`th to be reported.
    #[must_use]
    pub fn stamp(self, run: impl Into<String>, seq: u64, ts: jiff::Timestamp) -> Event {
        let Self {
            kind,
            step,
            host,
            task,
            outcome,
            duration_ms,
            at,
        } = self;
        Event {
            ts,
            run: run.into(),
            seq,
            kind,
            step,
            host,
            task,
            outcome,
            duration_ms,
            at,
        }
    }
}
