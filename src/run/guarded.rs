//! Sends requests that may change a host behind the guards of the locks that the run holds there.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind, OutputStream};
use crate::shell::{End, Listener, Reply, Request, Step, StepReply};

use super::fence::Fence;
use super::host::HostHandle;

/// Sends a request that may change the host, behind the guards of all locks that the run holds there. It
/// takes one round trip, and another one if the user cannot read the lock.
///
/// # Errors
/// As for [`HostHandle::request`], and `Held` if a guard failed: then nothing was changed.
pub(super) fn send_change(
    host: &HostHandle,
    cancel: &CancellationToken,
    mut request: Request,
    listener: &dyn Listener,
) -> Result<Reply, Failure> {
    let fences = host.run.fences.list().clone();
    let mut passed: Vec<Arc<dyn Fence>> = Vec::new();
    let mut guards = Vec::new();
    for fence in fences {
        let Some(guard) = fence.guard(host.name())? else {
            continue;
        };
        // Evaluated lazily: it would wait for the facts of a session that is still opening.
        let is_root = || match host.user.as_deref() {
            Some("root") => Ok(true),
            _ => host.facts(cancel).map(|facts| facts.uid == 0),
        };
        if guard.user == host.user || is_root()? {
            guards.push(guard.script);
            passed.push(fence);
        } else {
            let owner = host.as_user(guard.user);
            let reply = owner.request(cancel, Request::step(step(&guard.script)), &())?;
            check(host, fence.as_ref(), reply.steps.first())?;
        }
    }
    if guards.is_empty() {
        return host.request(cancel, request, listener);
    }
    request.guard = Some(guards.join("\n").into_bytes());
    request
        .steps
        .splice(0..0, guards.iter().map(|script| step(script)));
    let behind = Behind {
        listener,
        guards: guards.len(),
    };
    let mut reply = host.request(cancel, request, &behind)?;
    for (at, fence) in passed.iter().enumerate() {
        check(host, fence.as_ref(), reply.steps.get(at))?;
    }
    reply.steps.drain(..guards.len());
    Ok(reply)
}

fn step(script: &str) -> Step {
    Step::own(script.as_bytes())
}

fn check(host: &HostHandle, fence: &dyn Fence, step: Option<&StepReply>) -> Result<(), Failure> {
    match step.map(|step| (step.end, step)) {
        Some((End::Code(0), _)) => Ok(()),
        Some((End::Code(_), step)) => Err(fence.refused(host.name(), step.stdout.text().trim())),
        Some((End::Cancelled, _)) => Err(Failure::interrupted()),
        _ => Err(Failure::new(
            FailureKind::Failed,
            "the host did not report whether the lock is still held",
        )
        .on(host.name())),
    }
}

/// Passes on the progress of the steps behind the guards.
struct Behind<'a> {
    listener: &'a dyn Listener,
    guards: usize,
}

impl Listener for Behind<'_> {
    fn chunk(&self, step: usize, stream: OutputStream, bytes: &[u8]) {
        if let Some(step) = step.checked_sub(self.guards) {
            self.listener.chunk(step, stream, bytes);
        }
    }

    fn sent(&self) {
        self.listener.sent();
    }

    fn started(&self, step: usize) {
        if let Some(step) = step.checked_sub(self.guards) {
            self.listener.started(step);
        }
    }

    fn ended(&self, step: usize, reply: &StepReply) {
        if let Some(step) = step.checked_sub(self.guards) {
            self.listener.ended(step, reply);
        }
    }

    fn over(&self) {
        self.listener.over();
    }
}
