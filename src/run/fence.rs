//! Fences: what a run has to show a host before it changes anything there.
//!
//! A lock that has passed to another run must not be of use to the one that had it. So while a run holds a lock,
//! every request of it that may change a host begins with a guard, which the host itself looks at.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind, OutputStream};
use crate::shell::{End, Listener, Reply, Request, Step, StepReply};

use super::context::interrupted;
use super::host::HostHandle;

/// A lock that is held, as the run sees it.
pub trait Fence: Send + Sync {
    /// The name of the lock.
    fn lock(&self) -> &str;

    /// What a request to this host has to begin with. `None`: the host is none of its own.
    ///
    /// # Errors
    /// The lock is known to be lost: nothing may be sent.
    fn guard(&self, host: &str) -> Result<Option<Guard>, Failure>;

    /// The host said no. `said` is what the guard printed.
    fn refused(&self, host: &str, said: &str) -> Failure;
}

/// A script that fails where the lock is no longer the run's. Of builtins of `sh` alone, so that it costs next to
/// nothing.
#[derive(Debug, Clone)]
pub struct Guard {
    pub script: String,
    /// Whose files it looks at: only this user and root can.
    pub user: Option<String>,
}

/// The fences of a run.
#[derive(Default)]
pub struct Fences(Mutex<Vec<Arc<dyn Fence>>>);

impl Fences {
    /// From now on changes have to pass it.
    pub fn raise(&self, fence: Arc<dyn Fence>) {
        self.list().push(fence);
    }

    /// The lock was given up.
    pub fn lower(&self, fence: &Arc<dyn Fence>) {
        self.list().retain(|other| !Arc::ptr_eq(other, fence));
    }

    /// Whether the run holds a lock of that name.
    #[must_use]
    pub fn holds(&self, lock: &str) -> bool {
        self.list().iter().any(|fence| fence.lock() == lock)
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Arc<dyn Fence>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a request that may change the host, behind the guards of all locks that the run holds there. One round
/// trip; another one for a user who cannot see the lock.
///
/// # Errors
/// As for [`HostHandle::request`], and `Held` when a guard said no: then nothing was changed.
pub fn change(
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
        // Facts of a session that is only about to open would have to be waited for.
        let is_root = || match host.user.as_deref() {
            Some("root") => Ok(true),
            _ => host.facts(cancel).map(|facts| facts.uid == 0),
        };
        if guard.user == host.user || is_root()? {
            guards.push(guard.script);
            passed.push(fence);
        } else {
            let owner = HostHandle {
                user: guard.user,
                ..host.clone()
            };
            let reply = owner.request(cancel, Request::step(step(&guard.script)), &())?;
            verdict(host, fence.as_ref(), reply.steps.first())?;
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
        verdict(host, fence.as_ref(), reply.steps.get(at))?;
    }
    reply.steps.drain(..guards.len());
    Ok(reply)
}

fn step(script: &str) -> Step {
    Step::own(script.as_bytes())
}

fn verdict(host: &HostHandle, fence: &dyn Fence, step: Option<&StepReply>) -> Result<(), Failure> {
    match step.map(|step| (step.end, step)) {
        Some((End::Code(0), _)) => Ok(()),
        Some((End::Code(_), step)) => Err(fence.refused(host.name(), step.stdout.text().trim())),
        Some((End::Cancelled, _)) => Err(interrupted()),
        _ => Err(Failure::new(
            FailureKind::Failed,
            "the host did not say whether the lock is still held",
        )
        .on(host.name())),
    }
}

/// Hears of the steps behind the guards.
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
