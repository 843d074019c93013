//! The contract of a kind of check: its script, and how to read the answer.

use std::time::Duration;

use super::verdict::Verdict;

pub use crate::shell::StepKind;

/// What one kind of check runs, and how it judges the answer.
pub trait Observe: Send + Sync {
    /// The subject, on one line: `http http://127.0.0.1:8080/healthz`. It contains no secret.
    fn label(&self) -> String;

    /// A script for `sh` that observes and prints an answer. It changes nothing, and leaves no file and no
    /// process behind. It is sent to the host over the stream of the session, so it may contain a secret; a
    /// command line in it may not. It need not enforce a time limit.
    fn script(&self) -> String;

    /// How the script runs. [`StepKind::Own`] is the cheapest and runs with `LC_ALL=C`; a user's own
    /// command is a [`StepKind::Command`].
    fn runs_as(&self) -> StepKind {
        StepKind::Own
    }

    /// What the answer means. It uses no other facts and no clock.
    fn verdict(&self, answer: &Answer) -> Verdict;
}

/// The output of the script. A kind never sees the output of a script that timed out: that state is
/// critical.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// From the start of the script to its end, without network latency.
    pub duration: Duration,
}

impl Answer {
    /// Standard output; invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error, or standard output if that is empty: on one short line, for a message.
    #[must_use]
    pub fn said(&self) -> String {
        let stderr = excerpt(&self.stderr);
        if stderr.is_empty() {
            excerpt(&self.stdout)
        } else {
            stderr
        }
    }
}

/// The beginning of a text on one line, for a message. It is longer than the part of a message that is
/// shown: secrets are removed before the final cut, which could otherwise leave half of one.
#[must_use]
pub fn excerpt(text: &[u8]) -> String {
    const LONGEST: usize = 4096;
    let text = String::from_utf8_lossy(text.get(..LONGEST).unwrap_or(text));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
