//! The value of `h.run`. For a command whose output is lost, because an earlier attempt of the run ran it, it
//! is one that throws when the output is read.

use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::declare_getter;
use crate::declare::function;
use crate::model::{Failure, FailureKind};
use crate::run::Recalled;
use crate::script::error::throw;

/// A command that was run, by an earlier attempt, and whose output is lost.
#[derive(Clone)]
pub(crate) struct UnseenValue {
    code: i64,
    why: String,
}

/// What `h.run` returns.
pub(super) fn result(Recalled { ran, lost }: Recalled) -> Dynamic {
    let code = i64::from(ran.code);
    if let Some(why) = lost {
        return Dynamic::from(UnseenValue { code, why });
    }
    let text = |text: &str| Dynamic::from(text.trim_end_matches('\n').to_owned());
    Dynamic::from(Map::from([
        ("stdout".into(), text(&ran.stdout)),
        ("stderr".into(), text(&ran.stderr)),
        ("code".into(), Dynamic::from(code)),
    ]))
}

/// The error for reading an output that is lost.
pub(super) fn lost(why: &str, context: &NativeCallContext<'_>) -> Box<EvalAltResult> {
    let message = format!("the output of this command is lost: {why}");
    let hint = "The command ran in an earlier attempt of this run. \
                Read what the playbook needs of it in another command.";
    throw(
        Failure::new(FailureKind::Failed, message).hint(hint),
        context,
    )
}

function! {
    /// The exit code.
    CODE = code {
        (result: Unseen) -> i64,
    }

    /// Throws, and says why the output is lost.
    STDOUT = stdout {
        (result: Unseen) -> String,
    }

    /// Throws, and says why the output is lost.
    STDERR = stderr {
        (result: Unseen) -> String,
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<UnseenValue>("Unseen");
    declare_getter(&CODE).register_into_engine(engine, |result: &mut UnseenValue| result.code);
    for output in [&STDOUT, &STDERR] {
        declare_getter(output).register_into_engine(
            engine,
            |context: NativeCallContext,
             result: &mut UnseenValue|
             -> Result<String, Box<EvalAltResult>> { Err(lost(&result.why, &context)) },
        );
    }
}
