//! `ops completions SHELL`: what makes the shell complete the arguments of `ops`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::logging::Log;
use super::{Cli, DONE, Done};

/// Print the completions of a shell: `ops completions bash > /etc/bash_completion.d/ops`
#[derive(Debug, clap::Args)]
pub struct Args {
    shell: Shell,
}

impl Args {
    #[expect(clippy::unnecessary_wraps, reason = "as all subcommands")]
    pub fn run(self, _: &Log) -> Done {
        // Into memory first: a pipe that was closed must not end in a panic.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "ops", &mut script);
        super::diagnostics::unchanged(&String::from_utf8_lossy(&script));
        Ok(DONE)
    }
}
