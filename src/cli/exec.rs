//! `ops exec PATTERN -- COMMAND`.

use crate::run::{StepIds, command};
use crate::shell::quote_str;

use super::active_run::Changes;
use super::each_host::HostArgs;
use super::program::{Done, Program};

/// Run a command on hosts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Hosts to run it on: a name, a group, or any pattern
    pattern: String,
    /// Command to run: a single word is text for the host's shell, several are a command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
    #[command(flatten)]
    hosts: HostArgs,
    /// Stop the command after this time: 30s, 5m
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<std::time::Duration>,
}

impl Args {
    pub(crate) fn run(self, program: &Program) -> Done {
        let log = &program.log;
        let shown = match self.command.as_slice() {
            [text] => text.clone(),
            words => words
                .iter()
                .map(|word| quote_str(word))
                .collect::<Vec<_>>()
                .join(" "),
        };
        let command = command::Command {
            script: shown.clone(),
            shown,
            name: None,
            quiet: false,
            ok: vec![0],
            unchanged: Vec::new(),
            timeout: self.timeout,
            stdin: None,
            reads: false,
            repeatable: false,
            at: None,
        };
        self.hosts
            .on_each(&self.pattern, "exec", log, Changes::Made, |host| {
                let cancel = &host.run.cancel.work;
                command::run(host, &command, &StepIds::default(), cancel).map(|_| ())
            })
    }
}
