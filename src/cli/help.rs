//! `ops run PLAYBOOK --help`: the arguments of `run`, and the playbook's own parameters.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::model::Failure;
use crate::report::table;
use crate::script::params::{self, Param};
use crate::script::playbook::Playbook;
use crate::script::prepare::complete_engine;
use crate::script::source::Sources;

/// The text of `ops run --help`. With a playbook, its description and its parameters come first.
///
/// # Errors
/// If the playbook cannot be read, or declares a parameter that is invalid.
pub(crate) fn run_help(
    mut command: clap::Command,
    playbook: Option<&Path>,
) -> Result<String, Vec<Failure>> {
    let mut text = String::new();
    if let Some(path) = playbook {
        // Help is shown even if there are mistakes further on in the playbook.
        let sources = Arc::new(Sources::default());
        let playbook = Playbook::load(&mut complete_engine(), path, &sources)?;
        let params = params::collect(&playbook.ast, &sources)?;
        text = of_playbook(&playbook.name, &playbook.header(), &params);
    }
    // Filled in so that the usage line reads `ops run`.
    command.build();
    if let Some(run) = command.find_subcommand_mut("run") {
        let _ = write!(text, "{}", run.render_long_help());
    }
    Ok(text)
}

fn of_playbook(name: &str, header: &str, params: &[Param]) -> String {
    let mut text = String::new();
    if !header.is_empty() {
        let _ = writeln!(text, "{header}\n");
    }
    if params.is_empty() {
        let _ = writeln!(text, "{name} has no parameters.\n");
        return text;
    }
    let _ = writeln!(
        text,
        "Parameters of {name} (--var NAME=VALUE, or --vars-file):"
    );
    let rows: Vec<Vec<String>> = params
        .iter()
        .map(|param| {
            vec![
                format!("  {}", param.name),
                format!("<{}>", param.kind.name()),
                format!("{} {}", param.help, param.notes())
                    .trim()
                    .to_owned(),
            ]
        })
        .collect();
    let _ = writeln!(text, "{}", table::render(&rows));
    text
}
