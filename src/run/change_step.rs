//! The scripts of a change, to make or undo it, as steps of a request.

use crate::shell::{Request, Step, StepKind};
use crate::task::{Change, functions};

use super::recording::key;

/// A script of a change as a step. `state` is ops's state directory on the host; `run` and `id` determine
/// the names below it under which the step saves what it replaces. A command is recorded under `id` too,
/// unless the caller sets another key.
pub(super) fn change_step(change: &Change, script: &str, state: &str, run: &str, id: &str) -> Step {
    if script.is_empty() && !change.command {
        return Step::own("");
    }
    let script = change.script(script, state, &keep_dir(run, id));
    if change.command {
        Step {
            record: Some(key(id)),
            ..Step::command(script)
        }
    } else {
        Step::own(script)
    }
}

/// Adds the functions that the steps call to the request.
pub(super) fn bring_functions(request: &mut Request) {
    let own = request
        .steps
        .iter()
        .filter(|step| step.kind == StepKind::Own);
    request.functions = functions(own.map(|step| &step.script[..]));
}

/// The prefix of the names under which a step saves what it replaces, relative to ops's state directory on
/// the host.
fn keep_dir(run: &str, step: &str) -> String {
    format!("kept/{run}/{}", key(step))
}
