//! Closures that a module returns or exports, called by another script.
//!
//! Rhai looks for a closure's body in the script that runs, and so does not find the body of one that came
//! out of a module: the call fails with `Function not found: anon$...`. Its last resort, the hook for missing
//! functions, finds the module here and calls the closure in the module's own surroundings.

use rhai::{
    AST, Dynamic, Engine, EvalAltResult, EvalContext, Module, NativeCallContext, Position, Shared,
};

use crate::script::lookup;

/// What Rhai calls closures: this, and a hash of their body.
const ANONYMOUS: &str = "anon$";

/// `defining` gives the module that defines a function of this name with so many parameters.
pub fn install(
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

/// Whether both have a closure of the same name. Rhai makes the name of the text and the place of the body,
/// so that this takes a copied file; then one module's closure would call the other's functions.
pub fn clash(one: &AST, other: &AST) -> bool {
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
    // In a call as a method, the first argument is `this` and no parameter.
    let parameters = args.len() - usize::from(is_method && !args.is_empty());
    let Some(module) = defining(name, parameters) else {
        return Ok(None);
    };
    // The functions of an evaluated module bring its imports and constants with them.
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
