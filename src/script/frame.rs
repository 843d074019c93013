//! Frames: the playbook, a host's closure, what is done under a lock, a clean-up. What a built-in may know of where it was called.
//!
//! A frame travels as the tag of Rhai's call context, so that a built-in finds the innermost one without
//! globals. It has the token that cancels what is waited for, and the `finally` and `on_failure` that were
//! registered in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext};
use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind};
use crate::run::{HostHandle, Run};

use super::isolate::isolate;
use super::world::World;

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
    /// A task's plan is being made: nothing may reach a host.
    plans: bool,
    state: Arc<State>,
}

/// What frames of one place have in common.
#[derive(Default)]
struct State {
    hooks: Mutex<Vec<Hook>>,
    /// In check mode: a command was not sent, so what follows is not known.
    unknown: AtomicBool,
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
            state: Arc::default(),
        }))
    }

    /// A frame of its own at the same place: what is registered in it runs when it ends.
    #[must_use]
    pub fn within(&self) -> Self {
        Self(Arc::new(Inner {
            world: self.0.world.clone(),
            host: self.0.host.clone(),
            cancel: self.0.cancel.clone(),
            plans: self.0.plans,
            state: Arc::default(),
        }))
    }

    /// The same place with another token.
    #[must_use]
    pub fn with_cancel(&self, cancel: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            world: self.0.world.clone(),
            host: self.0.host.clone(),
            cancel,
            plans: self.0.plans,
            state: self.0.state.clone(),
        }))
    }

    /// The same place while a task's plan is made.
    #[must_use]
    pub fn planning(&self) -> Self {
        Self(Arc::new(Inner {
            world: self.0.world.clone(),
            host: self.0.host.clone(),
            cancel: self.0.cancel.clone(),
            plans: true,
            state: self.0.state.clone(),
        }))
    }

    /// The frame that a built-in is called in.
    ///
    /// # Errors
    /// When no playbook is running: the engine is only used to check or to document one.
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
    /// In a plan too: a plan is a function of what the probe found and of nothing else.
    pub fn acting(context: &NativeCallContext<'_>, what: &str) -> Result<Self, Box<EvalAltResult>> {
        let frame = Self::of(context)?;
        if !frame.0.plans {
            return Ok(frame);
        }
        let message = format!("a plan may not call `{what}`: it decides on what the probe found");
        let failure = Failure::new(FailureKind::Failed, message)
            .hint("Let the probe print what the plan has to know.");
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

    /// The host whose closure this is, or is within.
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

    /// Notes that what follows in this frame is not known.
    pub fn set_unknown(&self) {
        self.0.state.unknown.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.0.state.unknown.load(Ordering::Relaxed)
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
        body(&stored.create_context(context.engine()))
    }

    /// Runs what was registered, the last one first, and what that registers in turn. Shielded from the
    /// cancel: only a second Ctrl-C cuts it short. Returns the failures of the hooks themselves.
    #[must_use]
    pub fn leave(&self, context: &NativeCallContext<'_>, failed: bool) -> Vec<Failure> {
        let mut failures = Vec::new();
        while let Some(hook) = self.pop() {
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
