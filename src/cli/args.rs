//! Arguments that several subcommands share.

use std::path::PathBuf;

use super::reporters::OutputArgs;

/// The values of a playbook's parameters.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Parameters")]
pub(crate) struct VarArgs {
    /// Set a playbook parameter. Can be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub vars: Vec<(String, String)>,
    /// Read playbook parameters from a TOML, YAML or JSON file; --var overrides them
    #[arg(long, value_name = "FILE")]
    pub vars_file: Vec<PathBuf>,
}

pub(crate) fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

/// How to run.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct RunArgs {
    /// Report what would change without changing anything
    #[arg(long)]
    pub check: bool,
    /// Show changes of file contents as diffs
    #[arg(long)]
    pub diff: bool,
    /// Work on at most N hosts at once, unless the playbook sets its own limit
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = forks)]
    pub forks: usize,
    /// Answer yes to every question of the playbook
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Parses a number of hosts.
pub(crate) fn forks(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number of at least 1".into()),
        Ok(forks) => Ok(forks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_name() {
        assert_eq!(
            name_and_value("a=b=c"),
            Ok(("a".to_owned(), "b=c".to_owned()))
        );
        assert!(name_and_value("=x").is_err());
        assert!(name_and_value("x").is_err());
    }
}
