//! Follows a request with changes while it is in progress: what the host reports of each step becomes
//! events, decisions and journal entries at once, not when the request ends.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::OutputStream;
use crate::shell::{Listener, StepReply};

use super::output::Lines;
use super::record::{Record, StepState};

/// Receives the progress of the steps of a request.
pub(super) trait Follower: Send {
    fn started(&mut self, step: usize);

    /// The host reports that a step has ended; `state` is what is now known of it.
    fn ended(&mut self, step: usize, state: StepState, reply: &StepReply);
}

/// A request that is followed, from before it is sent until it ends.
pub(super) struct Followed<'a, F> {
    lines: Lines<'a>,
    inner: Mutex<Inner<F>>,
}

struct Inner<F> {
    follower: F,
    record: Record,
}

impl<'a, F: Follower> Followed<'a, F> {
    pub(crate) fn new(follower: F, steps: usize, lines: Lines<'a>) -> Self {
        let record = Record::new(steps);
        let inner = Mutex::new(Inner { follower, record });
        Self { lines, inner }
    }

    /// The request has ended, in whatever way: returns what is known of its steps.
    pub(crate) fn close(self) -> (F, Record) {
        self.lines.finish();
        let inner = self.inner.into_inner();
        let Inner {
            follower,
            mut record,
        } = inner.unwrap_or_else(PoisonError::into_inner);
        record.close();
        (follower, record)
    }

    fn inner(&self) -> MutexGuard<'_, Inner<F>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Follower> Listener for Followed<'_, F> {
    fn chunk(&self, step: usize, stream: OutputStream, bytes: &[u8]) {
        self.lines.chunk(step, stream, bytes);
    }

    fn sent(&self) {
        self.inner().record.sent();
    }

    fn started(&self, step: usize) {
        let mut inner = self.inner();
        inner.record.started(step);
        inner.follower.started(step);
    }

    fn ended(&self, step: usize, reply: &StepReply) {
        let mut inner = self.inner();
        inner.record.ended(step, reply);
        let state = inner.record.state(step);
        inner.follower.ended(step, state, reply);
    }

    fn over(&self) {
        self.inner().record.over();
    }
}
