//! `ops ping [PATTERN]`.

use crate::model::LogLevel;

use super::active_run::Changes;
use super::each_host::HostArgs;
use super::program::{Done, Program};

/// Connect to hosts and print what they are
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Hosts to connect to: a name, a group, or any pattern
    #[arg(default_value = "all")]
    pattern: String,
    #[command(flatten)]
    hosts: HostArgs,
}

impl Args {
    pub(crate) fn run(self, program: &Program) -> Done {
        let log = &program.log;
        self.hosts
            .on_each(&self.pattern, "ping", log, Changes::None, |host| {
                let facts = host.facts(&host.run.cancel.work)?;
                let cores = facts
                    .cores
                    .map(|cores| format!(", {cores} cores"))
                    .unwrap_or_default();
                let message = format!(
                    "{} {}, {} as {}{cores}",
                    facts.os_name, facts.architecture, facts.hostname, facts.user
                );
                host.run.log(LogLevel::Info, Some(host.name()), message);
                Ok(())
            })
    }
}
