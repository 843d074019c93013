//! Calls for which no function exists: `x?.key`, in the form that [`parse`](super::parse) gives it, and
//! closures of a module.

use rhai::{Dynamic, Engine, EvalAltResult, EvalContext, Map, Position};

use super::parse::optional_key;

/// What a missing function does instead. `None`: it is missing.
type Answer = Result<Option<Dynamic>, Box<EvalAltResult>>;

/// Handles `x?.key`, and passes the rest to `closures`. Rhai has only one hook for both.
pub(crate) fn install(
    engine: &mut Engine,
    closures: impl Fn(&str, &mut [&mut Dynamic], bool, &EvalContext) -> Answer + Send + Sync + 'static,
) {
    // Rhai also calls this hook after any native function that fails: the name tells these cases apart.
    #[expect(
        deprecated,
        reason = "Rhai's mark for an interface that may change; the version is pinned"
    )]
    engine.on_missing_function(move |name, args, is_method, mut context| {
        match (optional_key(name), &mut *args) {
            (Some((key, at)), [subject]) => optional(key, at, subject, &mut context).map(Some),
            _ => closures(name, args, is_method, &context),
        }
    });
}

/// `subject?.key`: the key of a map or of a value with lookup by name, `()` if it is missing; or a property
/// of any other value.
fn optional(
    key: &str,
    at: Position,
    subject: &mut Dynamic,
    context: &mut EvalContext,
) -> Result<Dynamic, Box<EvalAltResult>> {
    if let Some(map) = subject.read_lock::<Map>() {
        return Ok(map.get(key).cloned().unwrap_or(Dynamic::UNIT));
    }
    let getter = format!("get${key}");
    let unknown = match context.call_native_fn_raw(&getter, true, &mut [&mut *subject]) {
        Err(mut error) if matches!(*error, EvalAltResult::ErrorDotExpr(..)) => {
            error.set_position(at);
            error
        }
        other => return other,
    };
    // A value with lookup by name, such as the variables of a host.
    let (mut name, mut nothing) = (Dynamic::from(key.to_owned()), Dynamic::UNIT);
    let lookup = &mut [subject, &mut name, &mut nothing];
    match context.call_native_fn_raw("get", true, lookup) {
        Err(error) if matches!(*error, EvalAltResult::ErrorFunctionNotFound(..)) => Err(unknown),
        other => other,
    }
}
