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
pub mod runner;
mod settings;
mod style;
mod summary;
pub mod table;
mod terminal;
mod view;
mod xml;

pub use crate::model::Reporter;
pub use clean::{clean, clean_line, in_one_line};
pub use diff::uncoloured as diff;
pub use github::Github;
pub use gitlab::Gitlab;
pub use json::Json;
pub use junit::Junit;
pub use live::Live;
pub use output::{Opened, Output};
pub use plain::Plain;
pub use quantity::duration;
pub use rollout::Rollouts;
pub use settings::Settings;
pub use terminal::Terminal;
pub use view::{Piece, View};

/// The reporters that `--output` offers, a line each, in the order in which `--help` lists them.
pub const OUTPUTS: &[Output] = &[
    live::OUTPUT,
    plain::OUTPUT,
    json::OUTPUT,
    github::OUTPUT,
    gitlab::OUTPUT,
];

/// The reporter that `--output NAME` asks for.
#[must_use]
pub fn output_named(name: &str) -> Option<&'static Output> {
    OUTPUTS.iter().find(|output| output.name == name)
}

/// The reporter for this environment: the one of the CI system whose job this is, `live` on a terminal, else
/// `plain`.
#[must_use]
pub fn default_output() -> &'static Output {
    // A CI system before the terminal: the later one in the list.
    let default = OUTPUTS.iter().rfind(|output| (output.is_default)());
    default.unwrap_or(&plain::OUTPUT)
}

#[cfg(test)]
mod tests;
