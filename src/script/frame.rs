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
use crate::run::{HostHandle, Rounds, Run, StepIds};

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

#[derive(Clone)]
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
    /// Numbers the steps.
    steps: StepIds,
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
        let steps = StepIds::of_attempt(world.run.attempt);
        Self(Arc::new(Inner {
            world,
            host: None,
            cancel,
            plans: false,
            depth: 0,
            threads: MAX_THREADS,
            steps,
            state: Arc::default(),
        }))
    }

    /// The same frame with some things changed.
    fn with(&self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = (*self.0).clone();
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// The frame of a host's closure.
    #[must_use]
    pub fn of_host(&self, host: HostHandle) -> Self {
        self.with(|inner| {
            inner.steps = inner.steps.of_host(host.name());
            inner.host = Some(host);
            inner.cancel = inner.cancel.child_token();
            inner.depth += 1;
            inner.state = Arc::default();
        })
    }

    /// The same place in a rehearsal of the run, which changes nothing and reports nothing.
    #[must_use]
    pub fn rehearsal(&self) -> Self {
        self.with(|inner| {
            inner.world = Arc::new(inner.world.rehearsal());
            inner.host = None;
            inner.steps = StepIds::default();
            inner.state = Arc::default();
        })
    }

    /// A new frame at the same place, with its own hooks, opened by a call at this position.
    #[must_use]
    pub fn within(&self, what: &str, at: Option<&Position>) -> Self {
        self.with(|inner| {
            inner.steps = inner.steps.call(what, at);
            inner.state = Arc::default();
        })
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
        self.with(|inner| inner.cancel = cancel)
    }

    /// The same place, with its steps numbered like this.
    #[must_use]
    pub fn with_steps(&self, steps: StepIds) -> Self {
        self.with(|inner| inner.steps = steps)
    }

    /// The same place, for one of several threads.
    #[must_use]
    pub fn one_of(&self, threads: usize) -> Self {
        self.with(|inner| inner.threads = (inner.threads / threads.max(1)).max(1))
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
        self.with(|inner| inner.plans = true)
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

    /// Numbers the steps of this frame.
    #[must_use]
    pub fn steps(&self) -> &StepIds {
        &self.0.steps
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
            let (what, body) = match hook {
                Hook::Finally(body) => ("finally", body),
                Hook::OnFailure(body) if failed => ("on_failure", body),
                Hook::OnFailure(_) => continue,
            };
            let _shield = self.0.world.shield();
            // Every attempt cleans up after itself: nothing that an earlier one did stands in for that.
            let shielded = self
                .with_cancel(self.run().cancel.cleanup.clone())
                .with_steps(self.steps().call(what, None).polling());
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
