//! `log::detail`, `log::info`, `log::warn`, `log::error`. (`debug` is a reserved word of Rhai.)

use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, Module, NativeCallContext};

use super::declare;
use crate::declare::function;
use crate::model::LogLevel;
use crate::script::error::{argument, position};
use crate::script::frame::Frame;
use crate::script::nesting;

function! {
    /// Logs a message that is shown only with `-v`.
    ///
    /// ```rhai
    /// log::detail("hello");
    /// ```
    DETAIL = detail {
        (message: Dynamic) -> (),
    }

    /// Logs a message, with the name of the host that it is about.
    ///
    /// ```rhai
    /// log::info("hello");
    /// ```
    INFO = info {
        (message: Dynamic) -> (),
    }

    /// Logs a warning.
    ///
    /// ```rhai
    /// log::warn("hello");
    /// ```
    WARN = warn {
        (message: Dynamic) -> (),
    }

    /// Logs an error. It does not stop anything; see `fail`.
    ///
    /// ```rhai
    /// log::error("hello");
    /// ```
    ERROR = error {
        (message: Dynamic) -> (),
    }
}

pub(super) fn register(engine: &mut Engine) {
    let mut module = Module::new();
    let levels = [
        (DETAIL, LogLevel::Debug),
        (INFO, LogLevel::Info),
        (WARN, LogLevel::Warn),
        (ERROR, LogLevel::Error),
    ];
    for (function, level) in levels {
        declare(&function, 0).set_into_module(
            &mut module,
            move |context: NativeCallContext, message: Dynamic| -> Result<(), Box<EvalAltResult>> {
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
