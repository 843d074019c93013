//! Turns Rhai's errors into failures, with clear messages, the right position in the right file, and the
//! calls that led there.

mod message;
mod parse;
#[cfg(test)]
mod tests;
mod wording;

use rhai::{Engine, EvalAltResult};

use crate::model::Failure;

use super::position::position;
use super::source::Sources;

pub use parse::parse_failure;

/// The failure for an error of a running playbook.
#[must_use]
pub fn failure(error: &EvalAltResult, engine: &Engine, sources: &Sources) -> Failure {
    failure_in(error, engine, sources.playbook(), sources)
}

/// The same for an error in a function or closure that a native function called. `file` is the source that
/// called the native function.
#[must_use]
pub fn failure_in(
    error: &EvalAltResult,
    engine: &Engine,
    file: &str,
    sources: &Sources,
) -> Failure {
    let mut file = file.to_owned();
    let mut trace = Vec::new();
    let mut inner = error;
    loop {
        match inner {
            EvalAltResult::ErrorInFunctionCall(name, source, next, at) => {
                // Without a position, the caller is the hook for missing functions, not a line of a script.
                if let Some(at) = position(&file, *at) {
                    trace.push((message::function(name), at));
                }
                if !source.is_empty() {
                    file.clone_from(source);
                }
                inner = next;
            }
            EvalAltResult::ErrorInModule(name, next, at) => {
                if let Some(at) = position(&file, *at) {
                    trace.push((format!("import {name}"), at));
                }
                file.clone_from(name);
                inner = next;
            }
            _ => break,
        }
    }
    trace.reverse();
    let at = position(&file, inner.position());
    let mut failure = thrown(inner).unwrap_or_else(|| message::describe(inner, engine));
    // The mistake is in the call of the function, not in the line that checks the options. A failure that
    // was caught and thrown again has lost its own position: it can no longer be determined which call it
    // concerns.
    if let Some(option) = failure.option.take()
        && failure.at == at
        && !trace.is_empty()
    {
        let (_, call) = trace.remove(0);
        failure.at = sources.key(&call, &option).or(Some(call));
    }
    // A failure that was caught and thrown again keeps its first position.
    if failure.at.is_none() {
        failure.at = at.or_else(|| trace.first().map(|(_, at)| at.clone()));
    }
    if failure.trace.is_empty() {
        failure.trace = trace;
    }
    if failure.source_line.is_none() {
        failure.source_line = failure.at.as_ref().and_then(|at| sources.line(at));
    }
    if let EvalAltResult::ErrorPropertyNotFound(key, _) = inner
        && is_index(&failure)
    {
        failure.hint = Some(message::missing_index(key));
    }
    failure
}

/// Whether the failure points at a key in brackets: `map["key"]`.
fn is_index(failure: &Failure) -> bool {
    let at = failure.at.as_ref();
    at.zip(failure.source_line.as_deref())
        .is_some_and(|(at, line)| {
            let before: String = line.chars().take(at.column.saturating_sub(1)).collect();
            before.trim_end().ends_with('[')
        })
}

/// The failure that a native function threw, or that the script threw again.
fn thrown(error: &EvalAltResult) -> Option<Failure> {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => {
            value.read_lock::<Failure>().map(|failure| failure.clone())
        }
        EvalAltResult::ErrorTerminated(token, _) => Some(
            token
                .read_lock::<Failure>()
                .map_or_else(Failure::interrupted, |f| f.clone()),
        ),
        EvalAltResult::ErrorSystem(_, source) => source.downcast_ref::<Failure>().cloned(),
        _ => None,
    }
}
