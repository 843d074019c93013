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

/// Registers a function from its parameters and its manual page.
pub(super) fn declare_plain(name: &str, parameters: &[&str], page: &str) -> FuncRegistration {
    FuncRegistration::new(name)
        .with_params_info(parameters)
        .with_comments([comments(page)])
        .with_volatility(true)
}

/// Turns a manual page into the doc comment of a function, and keeps the indentation of its examples.
fn comments(page: &str) -> String {
    let lines: Vec<String> = page.lines().map(|line| format!("/// {line}")).collect();
    lines.join("\n")
}
