//! Failures while they propagate through a script.
//!
//! A built-in throws a [`Failure`] as the value of Rhai's runtime error, so that `catch` can read its parts
//! and no detail is lost. A cancellation is thrown as a termination, which `try` cannot catch.

use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position as Place};

use crate::model::{Failure, FailureKind, Position};

use super::world::World;

/// Why a script was halted from outside. A playbook never sees it.
#[derive(Debug, Clone)]
pub(crate) enum Halt {
    /// Ctrl-C, or a `timeout` around it.
    Cancelled,
    /// In check mode: the rest is unknown.
    Unknown,
}

/// The error that a built-in throws.
#[must_use]
pub(crate) fn throw(failure: Failure, context: &NativeCallContext<'_>) -> Box<EvalAltResult> {
    let place = context.call_position();
    if failure.kind == FailureKind::Interrupted {
        return halt(Halt::Cancelled, place);
    }
    let failure = failure.at(position(context));
    EvalAltResult::ErrorRuntime(Dynamic::from(failure), place).into()
}

/// Halts the script; `try` does not catch it.
#[must_use]
pub(crate) fn halt(halt: Halt, place: Place) -> Box<EvalAltResult> {
    EvalAltResult::ErrorTerminated(Dynamic::from(halt), place).into()
}

/// Why a script was halted from outside, if it was.
#[must_use]
pub(crate) fn halt_of(error: &EvalAltResult) -> Option<Halt> {
    match error {
        EvalAltResult::ErrorTerminated(token, _) => {
            Some(token.clone().try_cast::<Halt>().unwrap_or(Halt::Cancelled))
        }
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _)
        | EvalAltResult::ErrorInModule(_, inner, _) => halt_of(inner),
        _ => None,
    }
}

/// What went wrong in a closure that a built-in called, as shown to the user.
#[must_use]
pub(crate) fn failure(
    error: &EvalAltResult,
    context: &NativeCallContext<'_>,
    world: &World,
) -> Failure {
    let caller = context
        .call_source()
        .unwrap_or_else(|| world.sources.playbook());
    super::trace::failure_in(error, context.engine(), caller, &world.sources)
}

/// The position in the playbook or the module that called a built-in.
#[must_use]
pub(crate) fn position(context: &NativeCallContext<'_>) -> Option<Position> {
    let file = context.call_source().unwrap_or_default();
    super::position::position(file, context.call_position())
}

/// A mistake in the arguments of a built-in.
#[must_use]
pub(crate) fn argument(
    context: &NativeCallContext<'_>,
    message: impl Into<String>,
) -> Box<EvalAltResult> {
    throw(Failure::new(FailureKind::Failed, message), context)
}
