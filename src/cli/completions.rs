//! `ops completions SHELL`: completion of arguments in the shell.

use clap_complete::Shell;

use super::program::{DONE, Done, Program};

/// Print a completion script for a shell: `ops completions bash > /etc/bash_completion.d/ops`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    shell: Shell,
}

impl Args {
    #[expect(clippy::unnecessary_wraps, reason = "every subcommand returns it")]
    pub(crate) fn run(self, program: &Program) -> Done {
        // Into memory first: writing to a closed pipe would panic.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut (program.command)(), "ops", &mut script);
        super::diagnostics::unchanged(&String::from_utf8_lossy(&script));
        Ok(DONE)
    }
}
