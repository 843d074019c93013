//! A playbook's closure called for a host, in a frame of its own: what `each` and `rollout` have in common.

use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

use crate::model::{Failure, FailureKind};

use super::builtins::{HealthValue, HostValue, TaskValue};
use super::error::{Halt, failure, halt_of};
use super::frame::Frame;
use super::isolate::isolate;
use super::nesting;

/// Why a host's closure gave no value.
pub enum Stop {
    Failed(Box<Failure>),
    Halted(Halt),
}

/// Calls a copy of the closure with the host, on the host's thread, and then what was registered in `frame`,
/// which is the host's own. `()` where check mode cannot know what the closure would give.
///
/// # Errors
/// The first thing that went wrong; what comes after it in the clean-up is logged.
pub fn call(
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
            // What is not known is no failure: the rest of this host is left out.
            Some(Halt::Unknown) => None,
            Some(Halt::Cancelled) => Some(Stop::Halted(Halt::Cancelled)),
            None => {
                let mut failure = failure(&error, context, frame.world());
                failure.host.get_or_insert_with(|| name.to_owned());
                Some(Stop::Failed(Box::new(failure)))
            }
        });
        let stop = stop.and_then(|value| {
            match nesting::check(&value).ok().and_then(|()| in_vain(&value)) {
                Some(failure) => Err(Some(Stop::Failed(Box::new(failure.on(name))))),
                None => Ok(value),
            }
        });
        let mut clean_up = frame
            .leave(context, matches!(stop, Err(Some(_))))
            .into_iter()
            .map(|failure| failure.on(name));
        // The first thing that went wrong is the failure of the host; no other one goes untold.
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

/// A task or a check that a host's closure gives has not been applied or looked at, and nobody will: its
/// value is no use to anyone.
fn in_vain(value: &Dynamic) -> Option<Failure> {
    if let Some(task) = value.read_lock::<TaskValue>() {
        let message = format!("`{}` was made, and not applied", task.label());
        let hint = "A task changes a host when it is applied: `h.apply(...)`.";
        let failure = Failure::new(FailureKind::Failed, message).hint(hint);
        return Some(failure.at(task.at().cloned()));
    }
    if value.is::<HealthValue>() {
        let hint = "A check only runs where it is asked for: `h.check(...)`.";
        let message = "a check was made, and not looked at";
        return Some(Failure::new(FailureKind::Failed, message).hint(hint));
    }
    value.read_lock::<Array>()?.iter().find_map(in_vain)
}
