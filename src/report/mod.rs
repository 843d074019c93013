//! What the user sees of a run: one file a reporter.
//!
//! [`Plain`] writes a log, [`Live`] adds what is happening right now on a terminal, [`Json`] passes events
//! on. Those for people share one [`View`], which turns events into text and knows nothing of terminals, so
//! they read alike, and replayed events read as the run did. [`diagnostic`] draws a failure, also before
//! there is a run. docs/output.md is the contract with the user, and docs/adding-things.md says how to add a
//! reporter.
//!
//! Texts in events come from hosts and playbooks: [`clean`] escapes them before they go to a terminal.

mod clean;
pub mod diagnostic;
mod diff;
mod failures;
pub mod github;
mod gitlab;
mod grouped;
mod health_table;
mod job_summary;
mod json;
mod junit;
mod keyboard;
mod live;
mod locks;
mod names;
mod output;
mod plain;
mod quantity;
mod rollout;
mod settings;
mod style;
mod summary;
pub mod table;
mod view;
mod xml;

pub use crate::model::Reporter;
pub use clean::{clean, clean_line, in_one_line};
pub use github::Github;
pub use gitlab::Gitlab;
pub use json::Json;
pub use junit::Junit;
pub use live::{Live, Terminal};
pub use output::{Opened, Output};
pub use plain::Plain;
pub use quantity::duration;
pub use rollout::Rollouts;
pub use settings::Settings;
pub use view::{Piece, View};

/// The reporters that `--output` offers, a line each.
const OUTPUTS: &[Output] = &[
    live::OUTPUT,
    plain::OUTPUT,
    json::OUTPUT,
    github::OUTPUT,
    gitlab::OUTPUT,
];

/// A diff in full and without colour.
#[must_use]
pub fn diff(diffs: &[crate::model::Diff]) -> String {
    diff::full(diffs, Settings::default())
}

#[cfg(test)]
mod tests;
