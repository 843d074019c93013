//! Registers the constructors that are declared outside the language: tasks and kinds of health checks.

use std::any::TypeId;

use rhai::{Dynamic, EvalAltResult, FuncRegistration, Module, NativeCallContext, RhaiFunc, Shared};

use crate::declare::{ArgumentError, Arguments, Entry};
use crate::script::call_part;
use crate::script::convert::to_value;
use crate::script::error::{argument, throw};
use crate::script::refusal;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// Registers one overload for each number of arguments that the constructor takes. `returns` is the type
/// that it returns.
pub(crate) fn register<M, V: rhai::Variant + Clone>(
    module: &mut Module,
    entry: &'static Entry<M>,
    returns: &str,
    make: fn(&NativeCallContext<'_>, &'static Entry<M>, Vec<Dynamic>) -> Result<V>,
) where
    Entry<M>: Send + Sync,
{
    for arity in entry.arities() {
        let types = vec![TypeId::of::<Dynamic>(); arity];
        let call = move |context: Option<NativeCallContext>, values: &mut [&mut Dynamic]| {
            let context = context.ok_or("a call without a context")?;
            let values = values.iter().map(|value| (**value).clone());
            make(&context, entry, values.collect()).map(Dynamic::from)
        };
        let function = RhaiFunc::Pure {
            func: Shared::new(call),
            has_context: true,
            is_pure: true,
            is_volatile: true,
        };
        FuncRegistration::new(entry.name)
            .with_params_info(entry.signature(arity, returns))
            .with_comments([entry.manual.text])
            .set_into_module_raw(module, types, function);
    }
}

/// The arguments of a call as plain values.
pub(crate) fn arguments(
    context: &NativeCallContext<'_>,
    values: Vec<Dynamic>,
) -> Result<Arguments> {
    let values: std::result::Result<Vec<_>, _> = values.into_iter().map(to_value).collect();
    values
        .map(Arguments::new)
        .map_err(|message| argument(context, message))
}

/// The failure of a constructor, positioned at the argument that it refuses.
pub(crate) fn refused<M>(
    context: &NativeCallContext<'_>,
    entry: &Entry<M>,
    wrong: &ArgumentError,
) -> Box<EvalAltResult> {
    let part = refusal::part(wrong).and_then(|part| call_part::part(context, part));
    throw(
        refusal::failure(&entry.full_name(), wrong).at(part),
        context,
    )
}
