//! Closures that a module returns or exports, called by another script.
//!
//! Rhai looks for the body of a closure in the script that is running, so it does not find the body of a
//! closure from a module: the call fails with `Function not found: anon$...`. Its last resort is the hook
//! for missing functions, which finds the module here and calls the closure in the module's own
//! environment.

use rhai::{
    AST, Dynamic, Engine, EvalAltResult, EvalContext, Module, NativeCallContext, Position, Shared,
};

use crate::script::lookup;

/// The prefix of Rhai's names of closures; a hash of the body follows.
const ANONYMOUS: &str = "anon$";

/// `defining` returns the module that defines a function with this name and number of parameters.
pub(crate) fn install(
    engine: &mut Engine,
    defining: impl Fn(&str, usize) -> Option<Shared<Module>> + Send + Sync + 'static,
) {
    lookup::install(engine, move |name, args, is_method, context| {
        if name.starts_with(ANONYMOUS) {
            call(&defining, name, args, is_method, context)
        } else {
            Ok(None)
        }
    });
}

/// Whether both scripts have a closure with the same name. Rhai derives the name from the text and the
/// position of the body, so this happens only with a copied file. One module's closure would then call the
/// other's functions.
pub(crate) fn clash(one: &AST, other: &AST) -> bool {
    let names = |ast: &AST| -> Vec<String> {
        let names = ast
            .iter_functions()
            .map(|function| function.name.to_owned());
        names.filter(|name| name.starts_with(ANONYMOUS)).collect()
    };
    let known = names(one);
    names(other).iter().any(|name| known.contains(name))
}

fn call(
    defining: impl Fn(&str, usize) -> Option<Shared<Module>>,
    name: &str,
    args: &mut [&mut Dynamic],
    is_method: bool,
    context: &EvalContext,
) -> Result<Option<Dynamic>, Box<EvalAltResult>> {
    // In a method call, the first argument is `this`, which is not a parameter.
    let parameters = args.len() - usize::from(is_method && !args.is_empty());
    let Some(module) = defining(name, parameters) else {
        return Ok(None);
    };
    // The functions of an evaluated module come with its imports and constants.
    let mut global = context.global_runtime_state().clone();
    global.lib.push(module);
    let source = global.source.clone();
    NativeCallContext::new_with_all_fields(
        context.engine(),
        name,
        source.as_deref(),
        &global,
        Position::NONE,
    )
    .call_fn_raw(name, is_method, is_method, args)
    .map(Some)
}
