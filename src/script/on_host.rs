//! Calls a playbook's closure for a host, in a new frame: the common part of `each` and `rollout`.

use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

use crate::model::{Failure, FailureKind};

use super::builtins::{HealthValue, HostValue, TaskValue};
use super::error::{Halt, failure, halt_of};
use super::frame::Frame;
use super::isolate::isolate;
use super::nesting;

/// Why a host's closure returned no value.
pub(crate) enum Stop {
    Failed(Box<Failure>),
    Halted(Halt),
}

/// Calls a copy of the closure with the host, on the host's thread, and then the hooks in `frame`, which is
/// the host's own. Returns `()` if check mode cannot know what the closure would return.
///
/// # Errors
/// The first failure; later ones in the clean-up are logged.
pub(crate) fn call(
    context: &NativeCallContext<'_>,
    frame: &Frame,
    host: &HostValue,
    closure: &FnPtr,
) -> Result<Dynamic, Stop> {
    let name = host.0.name();
    let closure = isolate(closure);
    frame.enter(context, |context| {
        let result = closure.call_within_context::<Dynamic>(context, (host.clone(),));
        let stop = result.map_err(|error| match halt_of(&error) {
            // An unknown result is not a failure: the rest of this host is skipped.
            Some(Halt::Unknown) => None,
            Some(Halt::Cancelled) => Some(Stop::Halted(Halt::Cancelled)),
            None => {
                let mut failure = failure(&error, context, frame.world());
                failure.host.get_or_insert_with(|| name.to_owned());
                Some(Stop::Failed(Box::new(failure)))
            }
        });
        let stop = stop.and_then(|value| {
            match nesting::check(&value)
                .ok()
                .and_then(|()| unused_value(&value))
            {
                Some(failure) => Err(Some(Stop::Failed(Box::new(failure.on(name))))),
                None => Ok(value),
            }
        });
        let mut clean_up = frame
            .leave(context, matches!(stop, Err(Some(_))))
            .into_iter()
            .map(|failure| failure.on(name));
        // The first failure is that of the host; the others are reported.
        let result = match stop {
            Ok(value) => clean_up
                .next()
                .map_or(Ok(value), |failure| Err(Stop::Failed(Box::new(failure)))),
            Err(None) => clean_up.next().map_or(Ok(Dynamic::UNIT), |failure| {
                Err(Stop::Failed(Box::new(failure)))
            }),
            Err(Some(stop)) => Err(stop),
        };
        clean_up.for_each(|failure| frame.run().clean_up_failed(&failure));
        result
    })
}

/// The failure if a host's closure returns a task or a check: it has not been applied or run, and it is too
/// late to do so.
fn unused_value(value: &Dynamic) -> Option<Failure> {
    if let Some(task) = value.read_lock::<TaskValue>() {
        let message = format!("`{}` was created but not applied", task.label());
        let hint = "A task changes a host only when it is applied: `h.apply(...)`.";
        let failure = Failure::new(FailureKind::Failed, message).hint(hint);
        return Some(failure.at(task.at().cloned()));
    }
    if value.is::<HealthValue>() {
        let hint = "A check runs only when it is requested: `h.check(...)`.";
        let message = "a check was created but not run";
        return Some(Failure::new(FailureKind::Failed, message).hint(hint));
    }
    value.read_lock::<Array>()?.iter().find_map(unused_value)
}
