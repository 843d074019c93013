//! Registration of declared functions with the engine.

use rhai::FuncRegistration;

use crate::declare::Function;

/// Registers one way to call a function. `form` is its index in the declaration.
pub(super) fn declare(function: &Function, form: usize) -> FuncRegistration {
    FuncRegistration::new(function.name)
        .with_params_info(function.forms[form])
        .with_comments([function.manual.text])
        .with_volatility(true)
}

/// Registers a property.
pub(super) fn declare_getter(function: &Function) -> FuncRegistration {
    FuncRegistration::new_getter(function.name)
        .with_params_info(function.forms[0])
        .with_comments([function.manual.text])
}
