//! What the kinds of checks share: reading the output of a host, and limits for warning and critical.

use std::fmt::Display;

use super::amount::Amount;
use crate::checks::observe::Answer;
use crate::checks::verdict::{State, Verdict};
use crate::declare::ArgumentError;

/// Printed before the name of a program that the host does not have.
const MISSING: &str = "ops:missing ";

/// A shell fragment that ends the check if none of the programs is installed.
#[must_use]
pub(crate) fn need(program: &str) -> String {
    format!("command -v {program} >/dev/null 2>&1 || {{ echo '{MISSING}{program}'; exit 0; }}\n")
}

/// An answer as text. Invalid UTF-8 is replaced, as no decision depends on it.
pub(crate) struct Output {
    pub stdout: String,
    /// The last message, on one line.
    complaint: String,
}

impl Output {
    #[must_use]
    pub(crate) fn of(answer: &Answer) -> Self {
        Self {
            stdout: answer.text(),
            complaint: answer.said(),
        }
    }

    /// The text before a line, and the text after it.
    #[must_use]
    pub(crate) fn split(&self, line: &str) -> (&str, Option<&str>) {
        let mut at = 0;
        for whole in self.stdout.split_inclusive('\n') {
            let end = at + whole.len();
            if whole.trim_end_matches(['\n', '\r']) == line {
                return (&self.stdout[..at], Some(&self.stdout[end..]));
            }
            at = end;
        }
        (&self.stdout, None)
    }

    /// The verdict if the program that the check uses is not installed.
    #[must_use]
    pub(crate) fn missing(&self) -> Option<Verdict> {
        let program = self.stdout.strip_prefix(MISSING)?.lines().next()?;
        let verdict = Verdict::error(format!(
            "{program} is not installed on the machine that runs the check"
        ));
        Some(verdict.hint("Install it there, or run the check from elsewhere with `from`."))
    }

    /// The verdict if the check itself failed: what failed, and the message.
    #[must_use]
    pub(crate) fn broken(&self, what: &str) -> Verdict {
        if self.complaint.is_empty() {
            Verdict::error(what)
        } else {
            Verdict::error(format!("{what}: {}", self.complaint))
        }
    }

    /// The verdict if the answer cannot be read.
    #[must_use]
    pub(crate) fn garbled(&self, program: &str) -> Verdict {
        self.broken(&format!("cannot read the output of {program}"))
    }
}

/// Which of the two lower limits is not met, if either.
#[must_use]
pub(crate) fn level(
    there: u64,
    whole: u64,
    critical: Amount,
    warning: Option<Amount>,
) -> Option<(State, Amount)> {
    if !critical.is_met(there, whole) {
        return Some((State::Critical, critical));
    }
    warning
        .filter(|bound| !bound.is_met(there, whole))
        .map(|bound| (State::Warning, bound))
}

/// The warning limit: as given, or the default if the critical limit is the default too.
///
/// # Errors
/// Fails if a warning could never occur, because the state would already be critical.
pub(crate) fn warning(
    warning: Option<Amount>,
    critical: Option<Amount>,
    least: Amount,
    usual: Amount,
) -> Result<Option<Amount>, ArgumentError> {
    let Some(warning) = warning else {
        return Ok(critical.is_none().then_some(usual));
    };
    let critical = critical.unwrap_or(least);
    let behind = match (warning, critical) {
        (Amount::Share(warning), Amount::Share(critical)) => warning <= critical,
        (Amount::Count(warning), Amount::Count(critical)) => warning <= critical,
        _ => false,
    };
    if behind {
        return Err(never_warns(&warning, &critical));
    }
    Ok(Some(warning))
}

#[must_use]
pub(crate) fn never_warns(warning: &impl Display, critical: &impl Display) -> ArgumentError {
    ArgumentError::option(
        "warning",
        format!(
            "this would never warn: at {warning} the state is already critical, with the limit {critical}"
        ),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use serde::de::DeserializeOwned;

    use super::*;

    /// An answer as a host gives it.
    #[must_use]
    pub(crate) fn case(code: i32, stdout: &str, stderr: &str) -> Answer {
        Answer {
            code,
            stdout: stdout.as_bytes().to_vec(),
            stderr: stderr.as_bytes().to_vec(),
            duration: Duration::from_millis(3),
        }
    }

    /// Options as JSON.
    #[must_use]
    pub(crate) fn given<T: DeserializeOwned>(json: &str) -> T {
        let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
        T::deserialize(crate::declare::Value::from(value)).expect("options")
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let said = Output::of(&case(0, "ops:missing openssl\n", ""));
        let verdict = said.missing().expect("a verdict");
        assert_eq!(verdict.state, State::Error);
        assert!(verdict.message.starts_with("openssl is not installed"));
        assert!(
            Output::of(&case(0, "x\nops:missing a\n", ""))
                .missing()
                .is_none()
        );
    }

    #[test]
    fn splits_at_a_whole_line() {
        let said = Output::of(&case(0, "a\nops:bc\nops:b\r\nd\n", ""));
        assert_eq!(said.split("ops:b"), ("a\nops:bc\n", Some("d\n")));
        assert_eq!(said.split("x").1, None);
    }
}
