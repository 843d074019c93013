//! The Rhai engine that runs playbooks: its limits, and the features of Rhai that are disabled.

use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext, OptimizationLevel};

use crate::model::{Failure, FailureKind};

use super::bounded;
use super::error::throw;
use super::limits::{MAX_ARRAY, MAX_MAP, MAX_TEXT};

/// The maximum depth of nested calls. A level takes about 16 KiB of stack, so this fits well into 2 MiB.
const MAX_CALL_LEVELS: usize = 128;

/// The maximum depth of nested expressions and blocks, while a script is parsed.
const MAX_DEPTH: usize = 100;

/// An endless loop is stopped after about ten seconds of computing. Waiting does not count.
const MAX_OPERATIONS: u64 = 200_000_000;

/// An engine with the language of playbooks but without the built-in functions.
///
/// Nothing is optimised away, because the static checks read the literals of the script. Those checks also
/// find undefined variables: Rhai's own strict mode would stop at the first.
#[must_use]
pub fn base() -> Engine {
    let mut engine = Engine::new();
    engine
        .set_max_call_levels(MAX_CALL_LEVELS)
        .set_max_expr_depths(MAX_DEPTH, MAX_DEPTH)
        .set_max_operations(MAX_OPERATIONS)
        // Errors of the fast operators (overflow, division by zero) have no position.
        .set_fast_operators(false)
        .set_max_array_size(MAX_ARRAY)
        .set_max_map_size(MAX_MAP)
        .set_max_string_size(MAX_TEXT)
        .set_optimization_level(OptimizationLevel::None)
        .set_fail_on_invalid_map_property(true)
        .disable_symbol("eval")
        .on_print(|text| tracing::info!(target: "playbook", "{text}"))
        .on_debug(|text, source, position| {
            tracing::debug!(target: "playbook", source, line = position.line(), "{text}");
        });
    bounded::register(&mut engine);
    // Rhai's own `exit` would end the run with success, whatever its argument.
    engine.register_fn("exit", |context: NativeCallContext| no_exit(&context));
    engine.register_fn("exit", |context: NativeCallContext, _: Dynamic| {
        no_exit(&context)
    });
    engine
}

/// What to write instead of `exit`.
pub const INSTEAD_OF_EXIT: &str =
    "Use `return` to end the playbook, or `fail(\"why\")` to end it with a failure.";

fn no_exit(context: &NativeCallContext) -> Result<(), Box<EvalAltResult>> {
    let failure = Failure::new(FailureKind::Failed, "a playbook cannot exit").hint(INSTEAD_OF_EXIT);
    Err(throw(failure, context))
}
