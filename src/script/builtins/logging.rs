//! `log::detail`, `log::info`, `log::warn`, `log::error`. (`debug` is a reserved word of Rhai.)

use rhai::{
    Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, Module, NativeCallContext,
};

use crate::model::LogLevel;
use crate::script::error::{argument, position};
use crate::script::frame::Frame;
use crate::script::nesting;

pub(super) fn register(engine: &mut Engine) {
    let mut module = Module::new();
    let levels = [
        (
            "detail",
            LogLevel::Debug,
            "Logs a message that is shown only with `-v`.",
        ),
        (
            "info",
            LogLevel::Info,
            "Logs a message, with the name of the host that it is about.",
        ),
        ("warn", LogLevel::Warn, "Logs a warning."),
        (
            "error",
            LogLevel::Error,
            "Logs an error. It does not stop anything; see `fail`.",
        ),
    ];
    for (name, level, page) in levels {
        FuncRegistration::new(name)
            .with_params_info(["message: Dynamic", "()"])
            .with_comments([format!(
                "/// {page}\n///\n/// ```rhai\n/// log::{name}(\"hello\");\n/// ```"
            )])
            .with_volatility(true)
            .set_into_module(
                &mut module,
                move |context: NativeCallContext,
                      message: Dynamic|
                      -> Result<(), Box<EvalAltResult>> {
                    let frame = Frame::of(&context)?;
                    nesting::check(&message).map_err(|why| argument(&context, why))?;
                    let host = frame.host().map(|host| host.name().to_owned());
                    let (host, at) = (host.as_deref(), position(&context));
                    frame.run().log_at(level, host, at, text(&context, message));
                    Ok(())
                },
            );
    }
    engine.register_static_module("log", module.into());
}

/// A value as `print` shows it; a verdict, an outcome or a host as its `to_string`.
fn text(context: &NativeCallContext<'_>, value: Dynamic) -> String {
    let plain = value.to_string();
    context
        .call_native_fn::<ImmutableString>("to_string", (value,))
        .map_or(plain, Into::into)
}
