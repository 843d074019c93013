//! The return value of `h.apply`, and the value that `catch` catches.

use rhai::{Dynamic, Engine, FuncRegistration};

use crate::model::{Failure, Outcome};
use crate::report;
use crate::run::Applied;

/// The outcome of a task.
#[derive(Clone)]
pub struct OutcomeValue(Applied);

impl OutcomeValue {
    #[must_use]
    pub fn new(applied: Applied) -> Self {
        Self(applied)
    }

    #[must_use]
    pub fn into_applied(self) -> Applied {
        self.0
    }

    fn diff(&self) -> String {
        report::diff(&self.0.decision.diff)
    }
}

pub(super) fn register(engine: &mut Engine) {
    register_outcome(engine);
    register_failure(engine);
}

fn getter(name: &str, page: &str, of: &str, returns: &str) -> FuncRegistration {
    FuncRegistration::new_getter(name)
        .with_params_info([of.to_owned(), returns.to_owned()])
        .with_comments([format!("/// {page}")])
}

fn register_outcome(engine: &mut Engine) {
    engine.register_type_with_name::<OutcomeValue>("Outcome");
    let outcome = |name, page: &str, returns: &str| getter(name, page, "outcome: Outcome", returns);
    outcome(
        "changed",
        "Whether the host was changed; in check mode, whether it would be, if that is known.",
        "bool",
    )
    .register_into_engine(engine, |outcome: &mut OutcomeValue| {
        matches!(
            outcome.0.decision.outcome,
            Outcome::Changed | Outcome::WouldChange
        )
    });
    outcome(
        "outcome",
        "`unchanged`, `changed`, `would_change`, `unknown` or `skipped`.",
        "String",
    )
    .register_into_engine(engine, |outcome: &mut OutcomeValue| {
        outcome.0.decision.outcome.as_str().to_owned()
    });
    outcome(
        "diff",
        "The change as text; empty if nothing changed.",
        "String",
    )
    .register_into_engine(engine, |outcome: &mut OutcomeValue| outcome.diff());
    outcome("duration", "The duration of the change, in seconds.", "f64")
        .register_into_engine(engine, |outcome: &mut OutcomeValue| {
            outcome.0.duration.as_secs_f64()
        });
    outcome(
        "task",
        "The task and its subject: `files::file /etc/motd`.",
        "String",
    )
    .register_into_engine(engine, |outcome: &mut OutcomeValue| outcome.0.label.clone());
    outcome("stdout", "The standard output of the change.", "String").register_into_engine(
        engine,
        |outcome: &mut OutcomeValue| {
            outcome
                .0
                .ran
                .as_ref()
                .map(|ran| ran.stdout.trim_end_matches('\n').to_owned())
                .unwrap_or_default()
        },
    );
    outcome("stderr", "The standard error of the change.", "String").register_into_engine(
        engine,
        |outcome: &mut OutcomeValue| {
            outcome
                .0
                .ran
                .as_ref()
                .map(|ran| ran.stderr.trim_end_matches('\n').to_owned())
                .unwrap_or_default()
        },
    );
    outcome(
        "code",
        "The exit code of the change, or `()` if there was none.",
        "i64",
    )
    .register_into_engine(engine, |outcome: &mut OutcomeValue| {
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

fn register_failure(engine: &mut Engine) {
    engine.register_type_with_name::<Failure>("Failure");
    let failure = |name, page: &str, returns: &str| getter(name, page, "failure: Failure", returns);
    let text = |text: &Option<String>| text.clone().map_or(Dynamic::UNIT, Dynamic::from);
    failure("message", "What went wrong.", "String")
        .register_into_engine(engine, |failure: &mut Failure| failure.message.clone());
    failure("host", "The host on which it failed, or `()`.", "String")
        .register_into_engine(engine, move |failure: &mut Failure| text(&failure.host));
    failure("task", "The task that failed, or `()`.", "String")
        .register_into_engine(engine, move |failure: &mut Failure| text(&failure.task));
    failure("command", "The command that failed, or `()`.", "String")
        .register_into_engine(engine, move |failure: &mut Failure| text(&failure.command));
    failure(
        "stderr",
        "The end of its standard error, or `()`.",
        "String",
    )
    .register_into_engine(engine, move |failure: &mut Failure| text(&failure.stderr));
    failure("hint", "What to try, or `()`.", "String")
        .register_into_engine(engine, move |failure: &mut Failure| text(&failure.hint));
    failure("code", "The exit code of the command, or `()`.", "i64").register_into_engine(
        engine,
        |failure: &mut Failure| {
            failure
                .code
                .map_or(Dynamic::UNIT, |code| Dynamic::from(i64::from(code)))
        },
    );
    failure("kind", "`failed` or `unreachable`.", "String").register_into_engine(
        engine,
        |failure: &mut Failure| {
            serde_json::to_value(failure.kind)
                .ok()
                .and_then(|kind| kind.as_str().map(ToOwned::to_owned))
                .unwrap_or_default()
        },
    );
    engine.register_fn("to_string", |failure: &mut Failure| failure.to_string());
    engine.register_fn("to_debug", |failure: &mut Failure| failure.to_string());
}
