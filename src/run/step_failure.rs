//! How a step ended: as a fragment of a message, and as a failure that the user reads.

use crate::model::{Failure, FailureKind, Secrets};
use crate::shell::{End, StepReply};
use crate::task::Change;

use super::output_tail::tail;
use super::script_messages;

/// The failure of a step of a change.
pub(super) fn step_failure(step: &StepReply, change: &Change, secrets: &Secrets) -> Failure {
    let mut failure = Failure::new(
        if step.end == End::Cancelled {
            FailureKind::Interrupted
        } else {
            FailureKind::Failed
        },
        how_it_ended(step),
    );
    if change.command {
        failure.command = Some(change.shown.clone().unwrap_or_else(|| change.apply.clone()));
    }
    if let End::Code(code) = step.end {
        failure.code = Some(i32::from(code));
    }
    failure.stderr = tail(step, secrets);
    if change.bare {
        script_messages::take_reason(&mut failure);
    } else {
        script_messages::take_messages(&mut failure, change.command);
        if failure.hint.is_some() {
            return failure;
        }
    }
    // Scripts of ops run in the C locale. The output of a user's command is not interpreted.
    let says = |text: &str| {
        failure
            .stderr
            .as_ref()
            .is_some_and(|stderr| stderr.contains(text))
    };
    let on_disk = |text: &str| says(text) || failure.message.contains(text);
    if !change.command && (on_disk("No space left on device") || on_disk("Disk quota exceeded")) {
        failure.hint = Some(
            "The disk of the host is full. Free some room, or set `ops_state_dir` \
             to store the data for undos elsewhere."
                .to_owned(),
        );
    }
    failure
}

/// How a step ended, as a fragment.
pub(super) fn how_it_ended(step: &StepReply) -> String {
    match step.end {
        End::Code(code) => format!("exited with code {code}"),
        End::Lost => "killed its own shell, so how it ended is unknown".to_owned(),
        End::TimedOut => format!(
            "did not finish within {} s, and was killed",
            step.duration.as_secs()
        ),
        End::Cancelled => "interrupted".to_owned(),
    }
}
