//! The result of `h.check` and `wait_until`.

use rhai::{Engine, FuncRegistration};

use crate::checks::State;
use crate::deploy::health::Observed;

/// The result of an observation.
#[derive(Clone)]
pub struct VerdictValue {
    pub label: String,
    pub observed: Observed,
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<VerdictValue>("Verdict");
    let getter = |name: &str, page: &str, returns: &str| {
        FuncRegistration::new_getter(name)
            .with_params_info(["verdict: Verdict", returns])
            .with_comments([format!("/// {page}")])
    };
    getter(
        "state",
        "`passing`, `warning`, `critical` or `error`.",
        "String",
    )
    .register_into_engine(engine, |verdict: &mut VerdictValue| {
        verdict.observed.verdict.state.as_str().to_owned()
    });
    getter("message", "What was observed.", "String")
        .register_into_engine(engine, |verdict: &mut VerdictValue| {
            verdict.observed.verdict.message.clone()
        });
    getter("passing", "Whether the state is `passing`.", "bool")
        .register_into_engine(engine, |verdict: &mut VerdictValue| {
            verdict.observed.verdict.state == State::Passing
        });
    getter("duration", "The duration of the check, in seconds.", "f64")
        .register_into_engine(engine, |verdict: &mut VerdictValue| {
            verdict.observed.duration.as_secs_f64()
        });
    engine.register_fn("to_string", |verdict: &mut VerdictValue| {
        let Observed { verdict: seen, .. } = &verdict.observed;
        format!("{}: {}: {}", verdict.label, seen.state, seen.message)
    });
}
