//! Messages that a script of ops prints when it fails: the reason becomes part of the failure's message,
//! advice becomes its hint.

use crate::model::Failure;

/// The prefix of a stderr line with the reason, and of one with advice.
const REASON: &str = "ops: ";
const HINT: &str = "ops hint: ";

/// The line on stderr which means that nothing was changed.
const UNTOUCHED: &str = "ops untouched";

/// Whether a failed script of ops reports that it changed nothing.
pub(super) fn says_untouched(stderr: &str) -> bool {
    stderr.lines().any(|line| line == UNTOUCHED)
}

/// The prefix of an error of apt.
const APT: &str = "E: ";

/// Moves the marked lines from the failure's stderr to its message and hint. Without a marked reason, the
/// first line is the reason, unless the script runs other programs (`is_command`).
pub(super) fn take_messages(failure: &mut Failure, is_command: bool) {
    let Some(printed) = failure.stderr.take() else {
        return;
    };
    let mut rest: Vec<&str> = Vec::new();
    let (mut reason, mut hint) = (None, None);
    for line in printed.lines() {
        if let Some(text) = line.strip_prefix(HINT) {
            hint = Some(text.to_owned());
        } else if let Some(text) = line.strip_prefix(REASON) {
            reason = Some(text.to_owned());
        } else if line != UNTOUCHED {
            rest.push(line);
        }
    }
    if reason.is_none() && !is_command && !rest.is_empty() {
        reason = Some(rest.remove(0).trim_end().to_owned());
    }
    // The error that made apt give up is its last one, after its attempts.
    if let Some(error) = rest.iter().rev().find_map(|line| line.strip_prefix(APT))
        && reason.is_none()
    {
        reason = Some(format!(
            "{}: {}",
            failure.message,
            error.trim_end_matches('.')
        ));
    }
    if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
        failure.message = reason;
    }
    failure.hint = hint.or(failure.hint.take());
    failure.stderr = (!rest.is_empty()).then(|| rest.join("\n"));
}

/// Moves the reason from the failure's stderr to its message if nothing else was printed: a command of the
/// user was not run.
pub(super) fn take_reason(failure: &mut Failure) {
    let printed = failure.stderr.as_deref().unwrap_or_default().trim_end();
    if let Some(reason) = printed
        .strip_prefix(REASON)
        .filter(|reason| !reason.contains('\n'))
    {
        failure.message = reason.to_owned();
        failure.stderr = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{take_messages, take_reason};
    use crate::model::{Failure, FailureKind};

    fn failed(printed: &str, is_command: bool) -> (String, Option<String>, Option<String>) {
        let mut failure = Failure::new(FailureKind::Failed, "exited with code 1");
        failure.stderr = Some(printed.to_owned());
        take_messages(&mut failure, is_command);
        (failure.message, failure.hint, failure.stderr)
    }

    #[test]
    fn the_message_says_why_a_command_was_not_run() {
        for (printed, message) in [
            (
                "ops: there is no directory /no\n",
                "there is no directory /no",
            ),
            ("ops: a\nb\n", "exited with code 125"),
            ("no", "exited with code 125"),
        ] {
            let mut failure = Failure::new(FailureKind::Failed, "exited with code 125");
            failure.stderr = Some(printed.to_owned());
            take_reason(&mut failure);
            assert_eq!(failure.message, message);
        }
    }

    #[test]
    fn the_message_is_what_the_host_printed() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            failed("mv: no\nops hint: Look.", false),
            ("mv: no".to_owned(), some("Look."), None)
        );
        assert_eq!(
            failed("E: a\nE: b", true),
            ("exited with code 1: b".to_owned(), None, some("E: a\nE: b"))
        );
        assert_eq!(
            failed("E: a\nops: b is held\nops hint: Unhold it.", true),
            ("b is held".to_owned(), some("Unhold it."), some("E: a"))
        );
        assert_eq!(
            failed("one\ntwo", false),
            ("one".to_owned(), None, some("two"))
        );
    }
}
