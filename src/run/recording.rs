//! Has the host record commands: that each began, and how it ended. A later process of ops that continues the
//! run asks for that: see `records`.

use crate::model::{LogLevel, OutputStream};
use crate::shell::{Listener, Records, Request, StepKind, StepReply};

use super::context::Run;
use super::history::History;

/// The short name of a step on a host: 16 hexadecimal digits of the SHA-256 of its identity.
#[must_use]
pub fn key(step: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(step.as_bytes());
    let short = digest.iter().take(8);
    short.map(|byte| format!("{byte:02x}")).collect()
}

/// The record of a run on its hosts.
pub(super) fn records(run: &Run) -> Records {
    Records {
        run: run.id.clone(),
        attempt: run.attempt,
    }
}

/// Has the host record those commands of the request that have a key. Own steps have none. A run without a
/// journal changes nothing, and records nothing.
pub(super) fn record(run: &Run, request: &mut Request) {
    let recorded = request
        .steps
        .iter()
        .any(|step| step.kind == StepKind::Command && step.record.is_some());
    if recorded && run.journal.is_some() {
        request.records = Some(records(run));
    }
}

/// Follows a request whose commands are recorded, and warns once if the host cannot do that.
pub(super) struct Recording<'a> {
    pub(super) run: &'a Run,
    pub(super) host: &'a str,
    pub(super) history: &'a History,
    pub(super) listener: &'a dyn Listener,
}

impl Listener for Recording<'_> {
    fn chunk(&self, step: usize, stream: OutputStream, bytes: &[u8]) {
        self.listener.chunk(step, stream, bytes);
    }

    fn sent(&self) {
        self.listener.sent();
    }

    fn started(&self, step: usize) {
        self.listener.started(step);
    }

    fn ended(&self, step: usize, reply: &StepReply) {
        self.listener.ended(step, reply);
    }

    fn unrecorded(&self) {
        if self.history.set_unrecorded() {
            let message = format!(
                "cannot record commands on {}: if this run is killed, ops cannot tell whether they ran",
                self.host
            );
            self.run.log(LogLevel::Warn, Some(self.host), message);
        }
        self.listener.unrecorded();
    }

    fn over(&self) {
        self.listener.over();
    }
}
