//! Diagnostics of ops itself, on stderr: `-v`, `-vv`, `OPS_LOG`, `--log-format json`.

use std::io::IsTerminal as _;

use clap::{ArgAction, ValueEnum};
use tracing_subscriber::EnvFilter;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Say more of what is done (-vv: most of it); OPS_LOG takes filters such as `ops::transport=debug`
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// How diagnostics are written on stderr
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "FORMAT"
    )]
    log_format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

impl Args {
    /// From now on what ops does is told on stderr, as far as it was asked for.
    pub fn install(&self) {
        let level = match self.verbose {
            0 => "warn",
            1 => "warn,ops=info,playbook=info",
            2 => "info,ops=debug,playbook=debug",
            _ => "debug,ops=trace,playbook=debug",
        };
        let filter = EnvFilter::try_from_env("OPS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
        // Only a test that runs several in one process has a subscriber already.
        let _ = match self.log_format {
            Format::Text => subscriber.with_target(self.verbose > 1).try_init(),
            Format::Json => subscriber.json().try_init(),
        };
    }
}
