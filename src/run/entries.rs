//! What the journal is told about steps.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::model::{Failure, FailureKind, Outcome, Position, Secrets};
use crate::shell::{End, StepReply};
use crate::store::{CommandResult, EffectKind, Intent, Journal};
use crate::task::Ran;

use super::host::HostHandle;
use super::step_ids::StepId;

/// The intent to make the change of a task.
pub(super) fn task_intent<'i>(
    host: &'i HostHandle,
    step: &'i str,
    label: &'i str,
    at: Option<&'i Position>,
) -> Intent<'i> {
    intent(host, EffectKind::Task, step, label, [label.as_bytes()], at)
}

/// The intent to run a command. `sent` is its script and its input.
pub(super) fn command_intent<'i>(
    host: &'i HostHandle,
    step: &'i StepId,
    label: &'i str,
    sent: [&[u8]; 2],
    repeatable: bool,
    at: Option<&'i Position>,
) -> Intent<'i> {
    Intent {
        repeatable,
        slot: step.slot.as_deref(),
        ..intent(host, EffectKind::Command, &step.id, label, sent, at)
    }
}

/// The intent to undo a change with this script.
pub(super) fn undo_intent<'i>(
    host: &'i HostHandle,
    step: &'i str,
    label: &'i str,
    script: &str,
    at: Option<&'i Position>,
    change: &'i str,
) -> Intent<'i> {
    Intent {
        change: Some(change),
        ..intent(host, EffectKind::Undo, step, label, [script.as_bytes()], at)
    }
}

fn intent<'i, 'p>(
    host: &'i HostHandle,
    kind: EffectKind,
    step: &'i str,
    label: &'i str,
    sent: impl IntoIterator<Item = &'p [u8]>,
    at: Option<&'i Position>,
) -> Intent<'i> {
    Intent {
        step,
        slot: None,
        repeatable: false,
        kind,
        host: host.name(),
        user: host.user.as_deref(),
        label,
        fingerprint: fingerprint(sent, &host.run.secrets),
        at,
        change: None,
    }
}

/// Records how a command ended, and what it came back with.
pub(super) fn record_command(
    journal: &Journal,
    host: &HostHandle,
    step: &str,
    outcome: Outcome,
    reply: Result<Option<&StepReply>, &Failure>,
) {
    let reply = match reply {
        Ok(Some(reply)) => reply,
        // The guard refused it.
        Err(failure) if failure.kind == FailureKind::Held => {
            return journal.done(step, Outcome::Skipped, None);
        }
        // It may have been sent.
        Ok(None) | Err(_) => return journal.done(step, Outcome::Unknown, None),
    };
    let (outcome, code) = match reply.end {
        End::Code(code) => (outcome, Some(i32::from(code))),
        End::Lost | End::TimedOut | End::Cancelled => (Outcome::Unknown, None),
    };
    let result = CommandResult {
        host: host.name(),
        code,
        stdout: &reply.stdout.bytes(),
        stderr: &reply.stderr.bytes(),
    };
    journal.done(step, outcome, Some(&result));
}

/// What the command of a task came back with, as the playbook reads it.
pub(super) fn task_result<'r>(host: &'r HostHandle, ran: &'r Ran) -> CommandResult<'r> {
    CommandResult {
        host: host.name(),
        // It is negative if there is none.
        code: (ran.code >= 0).then_some(ran.code),
        stdout: ran.stdout.as_bytes(),
        stderr: ran.stderr.as_bytes(),
    }
}

/// The fingerprint of a step from what it sends: equal for the same step in another attempt of the run.
///
/// All secrets count the same: their values cannot be guessed from it, and a new value makes no other step. A
/// text that becomes a secret only later counts as it is.
#[must_use]
pub(super) fn fingerprint<'p>(
    parts: impl IntoIterator<Item = &'p [u8]>,
    secrets: &Secrets,
) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        let part = secrets.record(part, None).masked();
        // With its length, so that different lists of parts never give the same bytes.
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    let mut text = String::new();
    for byte in digest.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_count_the_same() {
        let of = |value: &str, name: &str| {
            let secrets = Secrets::new();
            secrets.add(value, name).expect("long enough");
            fingerprint([format!("login {value}").as_bytes()], &secrets)
        };
        assert_eq!(of("hunter22", "db"), of("correct-horse", "db"));
        // Which name of a value a run learns first is a matter of chance.
        assert_eq!(of("hunter22", "db"), of("hunter22", "other"));
        let none = Secrets::new();
        assert_ne!(
            fingerprint([&b"ab"[..], b"c"], &none),
            fingerprint([&b"a"[..], b"bc"], &none)
        );
    }
}
