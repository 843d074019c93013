//! Arguments that several subcommands share.

use std::path::PathBuf;

use super::reporters::OutputArgs;

/// The values of a playbook's parameters.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Parameters")]
pub struct VarArgs {
    /// Give a parameter of the playbook its value. Can be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub vars: Vec<(String, String)>,
    /// Read values of parameters from a TOML, YAML or JSON file; --var wins over it
    #[arg(long, value_name = "FILE")]
    pub vars_file: Vec<PathBuf>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

/// How to run.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Find out what would change, and change nothing
    #[arg(long)]
    pub check: bool,
    /// Show how contents change
    #[arg(long)]
    pub diff: bool,
    /// At most so many hosts at once, unless the playbook says otherwise
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = forks)]
    pub forks: usize,
    /// Answer every question of the playbook with yes
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How many hosts at once.
pub fn forks(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number from 1 on".into()),
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
