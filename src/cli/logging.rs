//! Diagnostics of ops itself, on stderr: `-v`, `-vv`, `OPS_LOG`, `--log-format json`.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, PoisonError, RwLock};

use clap::{ArgAction, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::model::Secrets;
use crate::report::{Terminal, runner};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show more of what is done (-vv: even more); OPS_LOG takes filters such as `ops::transport=debug`
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Write diagnostics on stderr in this format
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

/// How verbose ops is, and where its diagnostics go.
#[derive(Clone, Default)]
pub(crate) struct Log {
    pub verbose: u8,
    route: Arc<RwLock<Route>>,
}

/// Where a line of diagnostics goes.
#[derive(Default)]
struct Route {
    /// Secrets that are scrubbed from it.
    secrets: Secrets,
    /// The live display that it is written above.
    terminal: Option<Terminal>,
}

impl Args {
    /// From now on diagnostics are written on stderr.
    pub(crate) fn install(&self) -> Log {
        let log = Log {
            verbose: self.verbose,
            ..Log::default()
        };
        let level = match self.verbose {
            0 => "warn",
            1 => "warn,ops=info,playbook=info",
            2 => "info,ops=debug,playbook=debug",
            _ => "debug,ops=trace,playbook=debug",
        };
        let filter = EnvFilter::try_from_env("OPS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(log.clone())
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
        // Only a test that runs several in one process has a subscriber already.
        let _ = match self.log_format {
            Format::Text => subscriber.with_target(self.verbose > 1).try_init(),
            Format::Json => subscriber.json().try_init(),
        };
        log
    }
}

impl Log {
    /// From now on lines are scrubbed of these secrets, and written above a live display.
    pub(crate) fn redirect(&self, secrets: &Secrets, terminal: Option<Terminal>) {
        *self.route.write().unwrap_or_else(PoisonError::into_inner) = Route {
            secrets: secrets.clone(),
            terminal,
        };
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.route.clone())
    }
}

/// Takes one event, which the formatter writes in one piece.
pub(crate) struct Line(Arc<RwLock<Route>>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let route = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(bytes);
        let mut line = route.secrets.scrub(&text);
        if runner::is_step() {
            line = runner::harmless(&line).into();
        }
        let write = || io::stderr().write_all(line.as_bytes());
        match &route.terminal {
            Some(terminal) => terminal.suspend(write),
            None => write(),
        }?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
