//! Frames: the playbook, a host's closure, the closure of a lock, a clean-up. A frame is what a built-in
//! knows about the place that it was called from.
//!
//! A frame is stored in the tag of Rhai's call context, so that a built-in finds the innermost one without
//! globals. It has the token that cancels its waits, and the `finally` and `on_failure` hooks that were
//! registered in it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext};
use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind, Position};
use crate::run::{HostHandle, Rounds, Run};

use super::isolate::isolate;
use super::world::World;

/// The maximum number of clean-ups of a frame. Only one that registers itself again reaches this.
const MAX_HOOKS: usize = 1000;

/// The maximum depth of nested `each`. A rollout that drains each host at a balancer has a depth of two.
pub const MAX_EACH: usize = 8;

/// The maximum number of host threads in all nested `each` together, unless the outermost one asks for more.
const MAX_THREADS: usize = 1000;

/// What is registered to run when a frame ends.
#[derive(Debug, Clone)]
pub enum Hook {
    Finally(FnPtr),
    OnFailure(FnPtr),
}

/// The innermost frame that a built-in is called in. A clone is the same frame.
#[derive(Clone)]
pub struct Frame(Arc<Inner>);

struct Inner {
    world: Arc<World>,
    host: Option<HostHandle>,
    cancel: CancellationToken,
    /// A task's plan is being computed: nothing may reach a host.
    plans: bool,
    /// The number of host closures around it.
    depth: usize,
    /// The number of threads that an `each` in it may use.
    threads: usize,
    state: Arc<State>,
}

/// The state that all clones of a frame share.
#[derive(Default)]
struct State {
    hooks: Mutex<Vec<Hook>>,
    /// Loops that wait, by their position in the script.
    loops: Mutex<HashMap<Position, Rounds>>,
}

impl Frame {
    /// The outermost frame: the playbook itself.
    #[must_use]
    pub fn playbook(world: Arc<World>) -> Self {
        let cancel = world.run.cancel.work.clone();
        Self(Arc::new(Inner {
            world,
            host: None,
            cancel,
            plans: false,
            depth: 0,
            threads: MAX_THREADS,
            state: Arc::default(),
        }))
    }

    /// The frame of a host's closure.
    #[must_use]
    pub fn of_host(&self, host: HostHandle) -> Self {
        Self(Arc::new(Inner {
            world: self.0.world.clone(),
            host: Some(host),
            cancel: self.0.cancel.child_token(),
            plans: self.0.plans,
            depth: self.0.depth + 1,
            threads: self.0.threads,
            state: Arc::default(),
        }))
    }

    /// The same place in a rehearsal of the run, which changes nothing and reports nothing.
    #[must_use]
    pub fn rehearsal(&self) -> Self {
        Self(Arc::new(Inner {
            world: Arc::new(self.0.world.rehearsal()),
            host: None,
            cancel: self.0.cancel.clone(),
            plans: self.0.plans,
            depth: self.0.depth,
            threads: self.0.threads,
            state: Arc::default(),
        }))
    }

    /// A new frame at the same place, with its own hooks.
    #[must_use]
    pub fn within(&self) -> Self {
        Self(Arc::new(Inner {
            world: self.0.world.clone(),
            host: self.0.host.clone(),
            cancel: self.0.cancel.clone(),
            plans: self.0.plans,
            depth: self.0.depth,
            threads: self.0.threads,
            state: Arc::default(),
        }))
    }

    /// The last iteration of the loop that waits at this position.
    #[must_use]
    pub fn rounds(&self, at: &Position) -> Option<Rounds> {
        self.loops().get(at).copied()
    }

    pub fn set_rounds(&self, at: Position, rounds: Rounds) {
        self.loops().insert(at, rounds);
    }

    fn loops(&self) -> MutexGuard<'_, HashMap<Position, Rounds>> {
        let loops = &self.0.state.loops;
        loops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same place with another token.
    #[must_use]
    pub fn with_cancel(&self, cancel: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            world: self.0.world.clone(),
            host: self.0.host.clone(),
            cancel,
            plans: self.0.plans,
            depth: self.0.depth,
            threads: self.0.threads,
            state: self.0.state.clone(),
        }))
    }

    /// The same place, for one of several threads.
    #[must_use]
    pub fn one_of(&self, threads: usize) -> Self {
        Self(Arc::new(Inner {
            world: self.0.world.clone(),
            host: self.0.host.clone(),
            cancel: self.0.cancel.clone(),
            plans: self.0.plans,
            depth: self.0.depth,
            threads: (self.0.threads / threads.max(1)).max(1),
            state: self.0.state.clone(),
        }))
    }

    /// The number of host closures around it.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.depth
    }

    /// The number of threads that an `each` in it may use. The outermost one gets what it asks for.
    #[must_use]
    pub fn threads(&self, wanted: usize) -> usize {
        if self.0.depth == 0 {
            wanted
        } else {
            wanted.min(self.0.threads)
        }
    }

    /// The same place, while a task's plan is computed.
    #[must_use]
    pub fn planning(&self) -> Self {
        Self(Arc::new(Inner {
            world: self.0.world.clone(),
            host: self.0.host.clone(),
            cancel: self.0.cancel.clone(),
            plans: true,
            depth: self.0.depth,
            threads: self.0.threads,
            state: self.0.state.clone(),
        }))
    }

    /// The frame that a built-in is called in.
    ///
    /// # Errors
    /// No playbook is running: the engine is only used to check or to document one.
    pub fn of(context: &NativeCallContext<'_>) -> Result<Self, Box<EvalAltResult>> {
        context
            .tag()
            .and_then(|tag| tag.clone().try_cast::<Self>())
            .ok_or_else(|| {
                let failure = Failure::new(FailureKind::Internal, "called outside of a run");
                super::error::throw(failure, context)
            })
    }

    /// The frame that a built-in is called in, for one that reaches a host or that waits.
    ///
    /// # Errors
    /// Also in a plan, which may depend only on what the probe found.
    pub fn acting(context: &NativeCallContext<'_>, what: &str) -> Result<Self, Box<EvalAltResult>> {
        let frame = Self::of(context)?;
        if !frame.0.plans {
            return Ok(frame);
        }
        let message = format!(
            "`{what}` cannot be called here: this closure can only use the output of its script"
        );
        let failure = Failure::new(FailureKind::Failed, message)
            .hint("Make the script print what the closure needs.");
        Err(super::error::throw(failure, context))
    }

    #[must_use]
    pub fn world(&self) -> &Arc<World> {
        &self.0.world
    }

    #[must_use]
    pub fn run(&self) -> &Arc<Run> {
        &self.0.world.run
    }

    /// The host of the closure that this frame is, or is within.
    #[must_use]
    pub fn host(&self) -> Option<&HostHandle> {
        self.0.host.as_ref()
    }

    #[must_use]
    pub fn cancel(&self) -> &CancellationToken {
        &self.0.cancel
    }

    pub fn register(&self, hook: Hook) {
        self.0
            .state
            .hooks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(hook);
    }

    /// Calls `body` with this frame as the innermost one.
    #[expect(
        deprecated,
        reason = "Rhai calls the stored context volatile; its version is pinned"
    )]
    pub fn enter<T>(
        &self,
        context: &NativeCallContext<'_>,
        body: impl FnOnce(&NativeCallContext<'_>) -> T,
    ) -> T {
        let mut stored = context.store_data();
        stored.global.tag = Dynamic::from(self.clone());
        let _obeys = self.world().deadlines.obey(self.cancel().clone());
        body(&stored.create_context(context.engine()))
    }

    /// Runs the registered hooks, the last one first, and any hooks that they register. Shielded from
    /// cancellation: only a second Ctrl-C interrupts it. Returns the failures of the hooks themselves.
    #[must_use]
    pub fn leave(&self, context: &NativeCallContext<'_>, failed: bool) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut left = MAX_HOOKS;
        while let Some(hook) = self.pop() {
            if left == 0 {
                let message =
                    format!("too many clean-ups in one frame (the maximum is {MAX_HOOKS})");
                let failure = Failure::new(FailureKind::Failed, message)
                    .hint("Does a `finally` register itself again?");
                failures.push(failure);
                break;
            }
            left -= 1;
            let body = match hook {
                Hook::Finally(body) => body,
                Hook::OnFailure(body) if failed => body,
                Hook::OnFailure(_) => continue,
            };
            let _shield = self.0.world.shield();
            let shielded = self.with_cancel(self.run().cancel.cleanup.clone());
            let result = shielded.enter(context, |context| {
                isolate(&body).call_within_context::<Dynamic>(context, ())
            });
            if let Err(error) = result {
                failures.push(super::error::failure(&error, context, self.world()));
            }
        }
        failures
    }

    fn pop(&self) -> Option<Hook> {
        self.0
            .state
            .hooks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }
}
