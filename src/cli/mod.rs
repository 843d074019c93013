//! The command line: one file a subcommand, and the only place that wires reporters.
//!
//! [`main`] parses, sets up the diagnostics, runs the subcommand and turns its result into the exit code.
//! Data goes to stdout, everything else to stderr.

mod active_run;
mod args;
mod check;
mod completions;
mod connections;
mod diagnostics;
mod doc;
mod each_host;
mod exec;
mod health;
mod help;
mod history;
mod inventory;
mod inventory_args;
mod lock;
mod logging;
mod login_args;
#[cfg(test)]
mod message_tests;
mod new;
mod open_files;
mod passphrase;
mod ping;
mod program;
mod reporters;
mod resume;
mod resumed;
mod run;
mod show;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use program::{Done, Program, exit_code};

/// Deployments as scripts: idempotent tasks in parallel over SSH, on hosts with nothing but a POSIX shell.
#[derive(Debug, Parser)]
#[command(name = "ops", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    logging: logging::Args,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    a bug in ops
  2    the playbook, its parameters or the inventory are wrong; no host was contacted
  3    a task failed, or the playbook did
  4    hosts could not be reached
  5    a lock is held by another run
  6    a rollout was aborted and rolled back
  7    a rollout was aborted and could not be rolled back completely
  8    --check --fail-on-change found something that would or might change
  130  interrupted";

/// Declares the subcommands. Their help is the doc comment of their arguments.
macro_rules! subcommands {
    ($($name:ident($args:ty),)*) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($name($args),)*
        }

        impl Command {
            fn run(self, program: &Program) -> Done {
                match self {
                    $(Self::$name(args) => args.run(program),)*
                }
            }
        }
    };
}

subcommands! {
    Run(run::Args),
    Resume(resume::Args),
    Exec(exec::Args),
    Ping(ping::Args),
    Health(health::Args),
    History(history::Args),
    Show(show::Args),
    Check(check::Args),
    Doc(doc::Args),
    New(new::Args),
    Inventory(inventory::Args),
    Lock(lock::Args),
    Connections(connections::Args),
    Completions(completions::Args),
}

/// Runs `ops` with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    diagnostics::install_panic_hook();
    let code = std::panic::catch_unwind(|| {
        let cli = match Cli::try_parse() {
            Ok(cli) => cli,
            Err(error) => return usage(&error),
        };
        let program = Program {
            log: cli.logging.install(),
            command: Cli::command,
        };
        cli.command.run(&program).unwrap_or_else(|failures| {
            diagnostics::print(&failures);
            exit_code(&failures)
        })
    });
    // The panic hook has printed the message.
    ExitCode::from(code.unwrap_or(crate::model::FailureKind::Internal.exit_code()))
}

/// Wrong arguments, or `--help`, which goes to stdout.
fn usage(error: &clap::Error) -> u8 {
    // If the terminal is gone, nobody can be told.
    let _ = error.print();
    u8::try_from(error.exit_code()).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
