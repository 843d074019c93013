//! Kinds of health checks that a playbook or the standard library defines.

use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult, ImmutableString, Map, NativeCallContext};

use crate::checks::{Answer, Observe, State, StepKind, Verdict};
use crate::declare::{Closure, options};
use crate::shell::has_nul;

use super::convert::described;
use super::frame::Frame;
use super::options::Options;
use super::stored_closure::{Stopped, StoredClosure};

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

options! {
    /// The options that `health_check(#{...})` takes besides those of every check.
    pub(crate) struct CheckOptions {
        /// a shell script that only reads
        script: String,
        /// a closure that gets the result of the script and returns the verdict
        verdict: Closure,
    }
}

/// A check that a playbook defines.
pub(crate) struct CustomCheck {
    script: String,
    verdict: StoredClosure,
}

impl CustomCheck {
    pub(crate) fn new(
        options: &Options<'_, CheckOptions>,
        frame: &Frame,
        context: &NativeCallContext<'_>,
    ) -> Result<Arc<Self>> {
        if has_nul(&options.script) {
            return Err(options.wrong("script", "contains a NUL byte"));
        }
        let verdict = options.closure(Some(options.verdict));
        let verdict = verdict.ok_or_else(|| options.wrong("verdict", "must be a closure"))?;
        Ok(Arc::new(Self {
            script: options.script.clone(),
            verdict: StoredClosure::new(verdict, frame, context),
        }))
    }
}

impl Observe for CustomCheck {
    fn label(&self) -> String {
        // Not shown: a name is required and is shown instead.
        "health_check".to_owned()
    }

    fn script(&self) -> String {
        self.script.clone()
    }

    fn runs_as(&self) -> StepKind {
        StepKind::Command
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            Dynamic::from(text.trim_end_matches('\n').to_owned())
        };
        let found = Map::from([
            ("code".into(), Dynamic::from(i64::from(answer.code))),
            ("stdout".into(), text(&answer.stdout)),
            ("stderr".into(), text(&answer.stderr)),
            (
                "seconds".into(),
                Dynamic::from(answer.duration.as_secs_f64()),
            ),
        ]);
        let read = match self.verdict.call(found) {
            Ok(given) => read(given, answer),
            Err(Stopped::Interrupted) => Err("it was interrupted".to_owned()),
            Err(Stopped::Failed(message)) => Err(message),
        };
        read.unwrap_or_else(|message| {
            Verdict::error(format!("the closure `verdict` failed: {message}"))
        })
    }
}

/// The verdict that a closure returned: `true` or `false`, the name of a state, or a map.
fn read(given: Dynamic, answer: &Answer) -> std::result::Result<Verdict, String> {
    let kind = described(&given);
    let said = || match answer.said() {
        said if said.is_empty() => format!("exit code {}", answer.code),
        said => said,
    };
    if let Ok(is_healthy) = given.as_bool() {
        let state = if is_healthy {
            State::Passing
        } else {
            State::Critical
        };
        return Ok(Verdict::new(state, said()));
    }
    if let Some(name) = given.clone().try_cast::<ImmutableString>() {
        return Ok(Verdict::new(state(&name)?, said()));
    }
    let Some(mut map) = given.try_cast::<Map>() else {
        return Err(format!("must be true, false, a state or a map, not {kind}"));
    };
    let mut text = |key: &str| match map.remove(key).filter(|value| !value.is_unit()) {
        None => Ok(None),
        Some(value) => match value.try_cast::<ImmutableString>() {
            Some(text) => Ok(Some(text.to_string())),
            None => Err(format!("`{key}` is not a string")),
        },
    };
    let name = text("state")?.ok_or("`state` is missing")?;
    let (message, hint) = (text("message")?, text("hint")?);
    if let Some(key) = map.keys().next() {
        return Err(format!(
            "unknown key `{key}`; the keys are `state`, `message` and `hint`"
        ));
    }
    let verdict = Verdict::new(state(&name)?, message.unwrap_or_else(said));
    Ok(Verdict { hint, ..verdict })
}

fn state(name: &str) -> std::result::Result<State, String> {
    let names = State::ALL.map(State::as_str);
    let found = State::ALL.into_iter().find(|state| state.as_str() == name);
    found.ok_or_else(|| {
        format!(
            "unknown state \"{name}\"; the states are {}",
            names.join(", ")
        )
    })
}
