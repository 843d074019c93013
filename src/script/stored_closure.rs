//! A closure that is called after the function that it was passed to has returned: the plan of a task, or the
//! verdict of a check.

#[expect(
    deprecated,
    reason = "Rhai calls the stored context volatile; its version is pinned"
)]
use rhai::NativeCallContextStore;
use rhai::{Dynamic, FnPtr, Map, NativeCallContext};

use super::error::{failure, halt_of};
use super::frame::Frame;
use super::isolate::isolate;

/// A closure, with the position of the call that it was passed to.
pub(crate) struct StoredClosure {
    closure: FnPtr,
    frame: Frame,
    #[expect(
        deprecated,
        reason = "Rhai calls the stored context volatile; its version is pinned"
    )]
    context: NativeCallContextStore,
}

/// Why a call returned nothing.
pub(crate) enum Stopped {
    Interrupted,
    Failed(String),
}

impl StoredClosure {
    /// Stores a copy of the closure: its captured variables may be in use later, above all the host itself.
    #[expect(
        deprecated,
        reason = "Rhai calls the stored context volatile; its version is pinned"
    )]
    pub(crate) fn new(closure: &FnPtr, frame: &Frame, context: &NativeCallContext<'_>) -> Self {
        let frame = frame.planning();
        let mut context = context.store_data();
        context.global.tag = Dynamic::from(frame.clone());
        Self {
            closure: isolate(closure),
            frame,
            context,
        }
    }

    /// Calls the closure. Several threads may do so at the same time.
    #[expect(
        deprecated,
        reason = "Rhai calls the stored context volatile; its version is pinned"
    )]
    pub(crate) fn call(&self, found: Map) -> Result<Dynamic, Stopped> {
        let world = self.frame.world();
        let engine = world
            .engine()
            .ok_or_else(|| Stopped::Failed("the playbook has ended".to_owned()))?;
        let context = self.context.create_context(&engine);
        let closure = isolate(&self.closure);
        let result = closure.call_within_context::<Dynamic>(&context, (found,));
        result.map_err(|error| {
            if halt_of(&error).is_some() {
                return Stopped::Interrupted;
            }
            let failure = failure(&error, &context, world);
            // A position in the standard library does not help the user.
            let at = failure.at.as_ref();
            let at = at.filter(|at| !at.file.starts_with("std/"));
            let at = at.map(|at| format!(" ({at})")).unwrap_or_default();
            Stopped::Failed(format!("{}{at}", failure.message))
        })
    }
}
