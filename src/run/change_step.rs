//! The scripts of a change, to make or undo it, as steps of a request.

use crate::shell::{Request, Step, StepKind};
use crate::task::{Form, functions, sent_script};

/// A script of a change as a step. `state` is ops's state directory on the host, `keep` the name below it
/// under which the change saves what it replaces. A command is recorded under `record`.
pub(super) fn change_step(script: &str, form: Form, state: &str, keep: &str, record: &str) -> Step {
    if script.is_empty() && !form.command {
        return Step::own("");
    }
    let script = sent_script(script, state, keep, form);
    if form.command {
        Step {
            record: Some(record.to_owned()),
            ..Step::command(script)
        }
    } else {
        Step::own(script)
    }
}

/// Adds the functions that the steps call to the request.
pub(super) fn bring_functions(request: &mut Request) {
    let own = request.steps.iter().flat_map(|step| {
        let script = (step.kind == StepKind::Own).then_some(&step.script[..]);
        [
            script,
            step.before.as_deref().map(called),
            step.after.as_deref().map(called),
        ]
    });
    request.functions = functions(own.flatten());
}

/// The functions that a line calls. Their last argument may be anything.
fn called(line: &[u8]) -> &[u8] {
    let end = line.iter().position(|&byte| byte == b'\'');
    &line[..end.unwrap_or(line.len())]
}
