//! `keep(name, closure)`: a value that is the same in every attempt of a run.

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};

use super::declare;
use crate::declare::function;
use crate::model::{Failure, FailureKind};
use crate::script::convert::{from_json, to_json};
use crate::script::error::{argument, throw};
use crate::script::frame::Frame;
use crate::store::Entry;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

function! {
    /// Returns the value of a closure, which is called once in a run: when the run is resumed, the value is
    /// the same again. For the time, random numbers and new ids, so that what is done with them is the same
    /// too. The value is text, a number, true, false, `()`, or a list or map of these.
    ///
    /// ```rhai
    /// let stamp = keep("stamp", || controller().run("date +%Y%m%d-%H%M%S", #{ reads: true }).stdout);
    /// ```
    KEEP = keep {
        (name: String, closure: Fn) -> Dynamic,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&KEEP, 0).register_into_engine(
        engine,
        |context: NativeCallContext, name: &str, closure: FnPtr| keep(&context, name, &closure),
    );
}

fn keep(context: &NativeCallContext<'_>, name: &str, closure: &FnPtr) -> Result<Dynamic> {
    let frame = Frame::acting(context, "keep")?;
    let run = frame.run();
    let id = frame.steps().named("keep", name, None);
    let failed = |message: String| {
        let message = format!("`keep(\"{name}\", ..)`: {message}");
        throw(Failure::new(FailureKind::Failed, message), context)
    };
    if let Some(id) = &id
        && let Some(value) = run.kept_value(id)
    {
        return Ok(from_json(&value));
    }
    if let (Some(past), Some(id)) = (&run.past, &id)
        && let Some(value) = past.kept(id, &run.secrets)
    {
        let bytes = value.map_err(|error| failed(error.to_string()))?;
        let value = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
        return Ok(from_json(&value));
    }
    let value = closure.call_within_context::<Dynamic>(context, ())?;
    let value = to_json(value).map_err(|message| {
        argument(
            context,
            format!("the value of `keep(\"{name}\", ..)`: {message}"),
        )
    })?;
    if let Some(id) = &id {
        run.keep_value(id, &value);
    }
    if let (Some(journal), Some(id)) = (&run.journal, id) {
        let kept = Entry::Kept {
            step: id,
            value: run.secrets.record(value.to_string().as_bytes(), None),
        };
        journal
            .promise([kept])
            .map_err(|error| failed(error.to_string()))?;
    }
    // Both attempts get what JSON makes of it.
    Ok(from_json(&value))
}
