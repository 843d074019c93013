//! Health checks: is this thing well, as seen from there?
//!
//! A kind of check is a file here that implements [`Observe`]: a script for `sh` that prints an answer, and a pure function from the
//! answer to a [`Verdict`]. The script is the same wherever it runs: on the host itself, on the controller, on another host. A kind is
//! registered by its line in [`KINDS`]; the constructor of the playbook, the checks of its arguments and `ops doc` come with that.
//!
//! [`Check`] is an observation with its timing and its vantage, [`check`] looks once, [`wait_until`] looks until all is well. When to look again
//! and when that is enough is decided by [`Watch`], which knows no clock and no host.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "every constructor takes and returns what `kind!` hands on"
)]

mod amount;
mod certificate;
mod check;
mod command;
mod declared;
mod disk;
mod dns;
mod endpoint;
mod entry;
#[cfg(test)]
mod garbage;
pub mod http;
mod load;
mod memory;
mod observe;
mod port;
mod postgres;
mod process;
mod prometheus;
mod redis;
mod resolver;
mod said;
mod service;
mod tcp;
mod tls;
mod verdict;
mod wait;
mod watch;

use std::time::Duration;

pub use check::{Check, Overrides, Timing, Vantage, waitable};
pub use declared::{Declared, Mistake, declared};
pub use entry::Entry;
pub use observe::{Observed, check, failure};
pub use verdict::Verdict;
pub use wait::wait_until;
pub use watch::{Progress, Watch};

pub use crate::model::HealthState as State;
pub use crate::shell::StepKind;

use entry::kind;

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

/// Every kind of check, in the order of the reference.
pub const KINDS: &[Entry] = &[
    http::HTTP,
    tcp::TCP,
    tls::TLS,
    dns::DNS,
    command::COMMAND,
    process::PROCESS,
    port::PORT,
    service::SERVICE,
    disk::DISK,
    memory::MEMORY,
    load::LOAD,
    postgres::POSTGRES,
    redis::REDIS,
    prometheus::PROMETHEUS,
];

/// The kind that a playbook calls by this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    KINDS.iter().find(|entry| entry.name == name)
}

/// A check of this kind, for tests.
#[cfg(test)]
fn sample(
    entry: &Entry,
    mut values: Vec<crate::tasks::Value>,
    options: &[(&str, crate::tasks::Value)],
) -> std::sync::Arc<dyn Observe> {
    let options = options
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    values.push(crate::tasks::Value::Map(options.collect()));
    let arguments = crate::tasks::Arguments::new(values);
    match entry.construct(arguments, Vantage::Host) {
        Ok(check) => check.observe,
        Err(error) => panic!("{}: {error}", entry.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manual_page_lists_the_options_of_its_kind_and_has_an_example() {
        for entry in KINDS {
            let mut listed: Vec<&str> = entry
                .doc
                .lines()
                .filter_map(|line| line.trim().strip_prefix("| `")?.split_once("` |"))
                .flat_map(|(first, _)| first.split("`, `"))
                .collect();
            let mut options = entry.own_options().to_vec();
            listed.sort_unstable();
            options.sort_unstable();
            assert_eq!(listed, options, "{}", entry.name);
            assert!(entry.doc.contains("```rhai"), "{}", entry.name);
        }
    }

    #[test]
    fn no_kind_has_an_option_of_every_check() {
        for entry in KINDS {
            let mut options = entry.options();
            options.sort_unstable();
            let all = options.len();
            options.dedup();
            assert_eq!(options.len(), all, "{}", entry.name);
        }
    }
}
