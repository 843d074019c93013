//! The contract of a kind of check: what it asks, and what an answer is.

use std::time::Duration;

use super::verdict::Verdict;

pub use crate::shell::StepKind;

/// What one kind of check asks, and what it makes of the answer.
pub trait Observe: Send + Sync {
    /// What is looked at, in a line: `http http://127.0.0.1:8080/healthz`. No secret in it.
    fn label(&self) -> String;

    /// Text for `sh` that looks and prints an answer. It changes nothing, and leaves no file and no process behind. It goes to the host
    /// over the stream of the session, so it may hold a secret; a command line that it makes may not. It need not watch the time.
    fn script(&self) -> String;

    /// How the script runs. [`StepKind::Own`] costs least and speaks `LC_ALL=C`; what is the user's own is a [`StepKind::Command`].
    fn runs_as(&self) -> StepKind {
        StepKind::Own
    }

    /// What the answer means. No other facts, no clock.
    fn verdict(&self, answer: &Answer) -> Verdict;
}

/// What the script came back with. One that did not end in time is not shown to a kind: that is critical.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// From the start of the script to its end, without the way there and back.
    pub duration: Duration,
}

impl Answer {
    /// Standard output; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error, or standard output where that is empty: on one short line, for a message.
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

/// The beginning of a text on one line, for a message. It is longer than what is shown of a message: secrets are taken out of it before
/// that cut, which could leave half of one.
#[must_use]
pub fn excerpt(text: &[u8]) -> String {
    const LONGEST: usize = 4096;
    let text = String::from_utf8_lossy(text.get(..LONGEST).unwrap_or(text));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
