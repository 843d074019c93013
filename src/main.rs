//! Parses the arguments, runs the subcommand, and maps the result to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ops::cli::main()
}
