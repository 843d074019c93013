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
            "Says something that only `-v` shows.",
        ),
        (
            "info",
            LogLevel::Info,
            "Says something to the user, with the host that it was said for.",
        ),
        ("warn", LogLevel::Warn, "Warns the user."),
        (
            "error",
            LogLevel::Error,
            "Tells the user of an error. Does not end anything: see `fail`.",
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

/// A value as `print` shows it: a verdict, an outcome and a host say what they are.
fn text(context: &NativeCallContext<'_>, value: Dynamic) -> String {
    let plain = value.to_string();
    context
        .call_native_fn::<ImmutableString>("to_string", (value,))
        .map_or(plain, Into::into)
}
