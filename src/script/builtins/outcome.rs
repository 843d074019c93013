//! The return value of `h.apply`.

use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext};

use super::declare_getter;
use super::recalled::lost;
use crate::declare::function;
use crate::model::Outcome;
use crate::report;
use crate::run::Applied;
use crate::task::Ran;

/// The outcome of a task.
#[derive(Clone)]
pub(crate) struct OutcomeValue(Applied);

impl OutcomeValue {
    #[must_use]
    pub(crate) fn new(applied: Applied) -> Self {
        Self(applied)
    }

    #[must_use]
    pub(crate) fn into_applied(self) -> Applied {
        self.0
    }

    /// An output of the change.
    fn output(
        &self,
        context: &NativeCallContext<'_>,
        stream: fn(&Ran) -> &str,
    ) -> Result<String, Box<EvalAltResult>> {
        if let Some(why) = &self.0.lost {
            return Err(lost(why, context));
        }
        let ran = self.0.ran.as_ref();
        Ok(ran.map_or_else(String::new, |ran| {
            stream(ran).trim_end_matches('\n').to_owned()
        }))
    }

    fn diff(&self) -> String {
        report::diff(&self.0.decision.diff)
    }
}

function! {
    /// Whether the host was changed; in check mode, whether it would be, if that is known. In a resumed run,
    /// whether any attempt changed it.
    CHANGED = changed {
        (outcome: Outcome) -> bool,
    }

    /// `unchanged`, `changed`, `would_change`, `unknown` or `skipped`.
    OUTCOME = outcome {
        (outcome: Outcome) -> String,
    }

    /// The change as text; empty if nothing changed.
    DIFF = diff {
        (outcome: Outcome) -> String,
    }

    /// The duration of the change, in seconds.
    DURATION = duration {
        (outcome: Outcome) -> f64,
    }

    /// The task and its subject: `files::file /etc/motd`.
    TASK = task {
        (outcome: Outcome) -> String,
    }

    /// The standard output of the change. Throws in a resumed run if an earlier attempt made it and its
    /// output is lost.
    STDOUT = stdout {
        (outcome: Outcome) -> String,
    }

    /// The standard error of the change.
    STDERR = stderr {
        (outcome: Outcome) -> String,
    }

    /// The exit code of the change, or `()` if there was none.
    CODE = code {
        (outcome: Outcome) -> i64,
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<OutcomeValue>("Outcome");
    declare_getter(&CHANGED).register_into_engine(engine, |outcome: &mut OutcomeValue| {
        outcome.0.changed_before
            || matches!(
                outcome.0.decision.outcome,
                Outcome::Changed | Outcome::WouldChange
            )
    });
    declare_getter(&OUTCOME).register_into_engine(engine, |outcome: &mut OutcomeValue| {
        outcome.0.decision.outcome.as_str().to_owned()
    });
    declare_getter(&DIFF).register_into_engine(engine, |outcome: &mut OutcomeValue| outcome.diff());
    declare_getter(&DURATION).register_into_engine(engine, |outcome: &mut OutcomeValue| {
        outcome.0.duration.as_secs_f64()
    });
    declare_getter(&TASK)
        .register_into_engine(engine, |outcome: &mut OutcomeValue| outcome.0.label.clone());
    declare_getter(&STDOUT).register_into_engine(
        engine,
        |context: NativeCallContext, outcome: &mut OutcomeValue| {
            outcome.output(&context, |ran| &ran.stdout)
        },
    );
    declare_getter(&STDERR).register_into_engine(
        engine,
        |context: NativeCallContext, outcome: &mut OutcomeValue| {
            outcome.output(&context, |ran| &ran.stderr)
        },
    );
    declare_getter(&CODE).register_into_engine(engine, |outcome: &mut OutcomeValue| {
        outcome
            .0
            .ran
            .as_ref()
            .map_or(Dynamic::UNIT, |ran| Dynamic::from(i64::from(ran.code)))
    });
    engine.register_fn("to_string", |outcome: &mut OutcomeValue| {
        format!("{}: {}", outcome.0.label, outcome.0.decision.outcome)
    });
}
