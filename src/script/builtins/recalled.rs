//! The value of `h.run` for a command whose output is lost: an earlier attempt of the run ran it.

use rhai::{Engine, EvalAltResult, NativeCallContext};

use super::declare_getter;
use crate::declare::function;
use crate::model::{Failure, FailureKind};
use crate::script::error::throw;

/// A command that was run, by an earlier attempt, and whose output is lost.
#[derive(Clone)]
pub(crate) struct UnseenValue {
    code: i64,
    why: String,
}

impl UnseenValue {
    #[must_use]
    pub(crate) fn new(code: i32, why: String) -> Self {
        let code = i64::from(code);
        Self { code, why }
    }

    fn lost(&self, context: &NativeCallContext<'_>) -> Box<EvalAltResult> {
        let message = format!("the output of this command is lost: {}", self.why);
        let hint = "The command ran in an earlier attempt of this run. \
                    Read what the playbook needs of it in another command.";
        throw(
            Failure::new(FailureKind::Failed, message).hint(hint),
            context,
        )
    }
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
             -> Result<String, Box<EvalAltResult>> { Err(result.lost(&context)) },
        );
    }
}
