//! The value that `catch` catches.

use rhai::{Dynamic, Engine};

use super::declare_getter;
use crate::declare::function;
use crate::model::Failure;

function! {
    /// What went wrong.
    MESSAGE = message {
        (failure: Failure) -> String,
    }

    /// The host on which it failed, or `()`.
    HOST = host {
        (failure: Failure) -> String,
    }

    /// The task that failed, or `()`.
    TASK = task {
        (failure: Failure) -> String,
    }

    /// The command that failed, or `()`.
    COMMAND = command {
        (failure: Failure) -> String,
    }

    /// The end of its standard error, or `()`.
    STDERR = stderr {
        (failure: Failure) -> String,
    }

    /// What to try, or `()`.
    HINT = hint {
        (failure: Failure) -> String,
    }

    /// The exit code of the command, or `()`.
    CODE = code {
        (failure: Failure) -> i64,
    }

    /// `failed` or `unreachable`.
    KIND = kind {
        (failure: Failure) -> String,
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Failure>("Failure");
    let text = |text: &Option<String>| text.clone().map_or(Dynamic::UNIT, Dynamic::from);
    declare_getter(&MESSAGE)
        .register_into_engine(engine, |failure: &mut Failure| failure.message.clone());
    declare_getter(&HOST)
        .register_into_engine(engine, move |failure: &mut Failure| text(&failure.host));
    declare_getter(&TASK)
        .register_into_engine(engine, move |failure: &mut Failure| text(&failure.task));
    declare_getter(&COMMAND)
        .register_into_engine(engine, move |failure: &mut Failure| text(&failure.command));
    declare_getter(&STDERR)
        .register_into_engine(engine, move |failure: &mut Failure| text(&failure.stderr));
    declare_getter(&HINT)
        .register_into_engine(engine, move |failure: &mut Failure| text(&failure.hint));
    declare_getter(&CODE).register_into_engine(engine, |failure: &mut Failure| {
        failure
            .code
            .map_or(Dynamic::UNIT, |code| Dynamic::from(i64::from(code)))
    });
    declare_getter(&KIND).register_into_engine(engine, |failure: &mut Failure| {
        serde_json::to_value(failure.kind)
            .ok()
            .and_then(|kind| kind.as_str().map(ToOwned::to_owned))
            .unwrap_or_default()
    });
    engine.register_fn("to_string", |failure: &mut Failure| failure.to_string());
    engine.register_fn("to_debug", |failure: &mut Failure| failure.to_string());
}
