//! A request of changes while it is under way: what the host says of each step becomes events, verdicts and journal
//! entries when it is said, not when the request ends.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::OutputStream;
use crate::shell::{Listener, StepReply};
use crate::task::Planned;

use super::batch::Part;
use super::output::Lines;
use super::record::Record;

/// Follows a request of a part of a batch.
pub(super) struct Watch<'w, 'a> {
    changes: &'w [Planned],
    lines: Lines<'a>,
    inner: Mutex<Inner<'w, 'a>>,
}

struct Inner<'w, 'a> {
    part: &'w mut Part<'a>,
    record: Record,
}

impl<'w, 'a> Watch<'w, 'a> {
    pub fn new(part: &'w mut Part<'a>, changes: &'w [Planned], lines: Lines<'a>) -> Self {
        let record = Record::new(changes.len());
        Self {
            changes,
            lines,
            inner: Mutex::new(Inner { part, record }),
        }
    }

    /// The request has ended, in whatever way: what is known of its steps.
    pub fn close(self) -> Record {
        self.lines.finish();
        let inner = self.inner.into_inner();
        let mut record = inner.unwrap_or_else(PoisonError::into_inner).record;
        record.close();
        record
    }

    fn inner(&self) -> MutexGuard<'_, Inner<'w, 'a>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Watch<'_, '_> {
    fn chunk(&self, step: usize, stream: OutputStream, bytes: &[u8]) {
        self.lines.chunk(step, stream, bytes);
    }

    fn sent(&self) {
        self.inner().record.sent();
    }

    fn started(&self, step: usize) {
        let mut inner = self.inner();
        inner.record.started(step);
        if let Some(planned) = self.changes.get(step) {
            inner.part.emit_started(planned.index);
        }
    }

    fn ended(&self, step: usize, reply: &StepReply) {
        let mut inner = self.inner();
        inner.record.ended(step, reply);
        let state = inner.record.state(step);
        if let Some(planned) = self.changes.get(step) {
            inner.part.step_ended(planned, state, reply);
        }
    }

    fn over(&self) {
        self.inner().record.over();
    }
}
