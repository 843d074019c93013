//! The result of `h.check` and `wait_until`.

use rhai::Engine;

use crate::checks::State;
use crate::declare::function;
use crate::deploy::health::Observed;
use crate::script::builtins::declare_getter;

/// The result of an observation.
#[derive(Clone)]
pub(crate) struct VerdictValue {
    pub label: String,
    pub observed: Observed,
}

function! {
    /// `passing`, `warning`, `critical` or `error`.
    STATE = state {
        (verdict: Verdict) -> String,
    }

    /// What was observed.
    MESSAGE = message {
        (verdict: Verdict) -> String,
    }

    /// Whether the state is `passing`.
    PASSING = passing {
        (verdict: Verdict) -> bool,
    }

    /// The duration of the check, in seconds.
    DURATION = duration {
        (verdict: Verdict) -> f64,
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<VerdictValue>("Verdict");
    declare_getter(&STATE).register_into_engine(engine, |verdict: &mut VerdictValue| {
        verdict.observed.verdict.state.as_str().to_owned()
    });
    declare_getter(&MESSAGE).register_into_engine(engine, |verdict: &mut VerdictValue| {
        verdict.observed.verdict.message.clone()
    });
    declare_getter(&PASSING).register_into_engine(engine, |verdict: &mut VerdictValue| {
        verdict.observed.verdict.state == State::Passing
    });
    declare_getter(&DURATION).register_into_engine(engine, |verdict: &mut VerdictValue| {
        verdict.observed.duration.as_secs_f64()
    });
    engine.register_fn("to_string", |verdict: &mut VerdictValue| {
        let Observed { verdict: seen, .. } = &verdict.observed;
        format!("{}: {}: {}", verdict.label, seen.state, seen.message)
    });
}
