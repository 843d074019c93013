//! `ops exec PATTERN -- COMMAND`, and `ops ping`.

use std::collections::BTreeMap;

use crate::model::{Emission, Failure, FailureKind, Kind, LogLevel, Secrets};
use crate::run::{HostHandle, Turns, command};
use crate::shell::quote_str;
use crate::task::Mode;

use super::Done;
use super::args::{InventoryArgs, LoginArgs, OutputArgs, forks};
use super::logging::Log;
use super::stage::{Changes, Plan, Stage, load_inventory, overrides};

/// Run a command on hosts.
#[derive(Debug, clap::Args)]
pub struct ExecArgs {
    /// The hosts: a name, a group, or any pattern
    pattern: String,
    /// The command: one word is a text for the host's shell, several are a command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
    #[command(flatten)]
    common: Common,
    /// How long the command may take: 30s, 5m
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<std::time::Duration>,
}

/// Connect to hosts, and say what they are.
#[derive(Debug, clap::Args)]
pub struct PingArgs {
    /// The hosts: a name, a group, or any pattern
    #[arg(default_value = "all")]
    pattern: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    login: LoginArgs,
    /// At most so many hosts at once
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = forks)]
    forks: usize,
    #[command(flatten)]
    output: OutputArgs,
}

impl ExecArgs {
    pub fn run(self, log: &Log) -> Done {
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
            at: None,
        };
        self.common
            .on_each(&self.pattern, "exec", log, Changes::Made, |host| {
                let cancel = &host.run.cancel.work;
                command::run(host, &command, cancel).map(|_| ())
            })
    }
}

impl PingArgs {
    pub fn run(self, log: &Log) -> Done {
        self.common
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

impl Common {
    fn on_each(
        self,
        pattern: &str,
        what: &str,
        log: &Log,
        changes: Changes,
        work: impl Fn(&HostHandle) -> Result<(), Failure> + Sync,
    ) -> Done {
        let secrets = Secrets::new();
        let inventory = load_inventory(&self.inventory, None, BTreeMap::new(), &secrets)?;
        let hosts = inventory
            .select(pattern)
            .map_err(|error| vec![error.into()])?;
        // A playbook goes on with nobody; here there is nothing else to do.
        if hosts.is_empty() {
            let limit = self.inventory.limit.as_deref().unwrap_or_default();
            let message = format!("the pattern `{pattern}` matches no host within `{limit}`");
            return Err(vec![Failure::new(FailureKind::Input, message)]);
        }
        let plan = Plan {
            what: what.to_owned(),
            mode: Mode::Apply,
            forks: self.forks,
            yes: false,
            diff: false,
            log: log.clone(),
            output: self.output,
            overrides: overrides(&self.login)?,
            params: BTreeMap::new(),
            changes,
            hosts: Some(hosts.len()),
        };
        let stage = Stage::set(plan, inventory, &secrets)?;
        let run = stage.run.clone();
        let links: Vec<_> = hosts.iter().map(|host| run.link(host)).collect();
        let turns = Turns::new(
            run.runtime.clone(),
            links.iter().map(|link| link.as_ref().ok().cloned()),
            self.forks,
            run.cancel.work.clone(),
        );
        let hosts_and_links: Vec<_> = hosts.iter().zip(links).collect();
        let done = turns.all_used().fan_out(&hosts_and_links, |(host, link)| {
            run.bus
                .emit(Emission::new(Kind::HostStarted).host(&host.name));
            let result = link
                .clone()
                .and_then(|link| work(&HostHandle::new(run.clone(), link)));
            let failure = result.err();
            if let Some(failure) = &failure {
                run.host_failed(&host.name, failure);
            }
            let finished = Kind::HostFinished {
                failure: failure.map(Box::new),
            };
            run.bus.emit(Emission::new(finished).host(&host.name));
        });
        for (host, _) in hosts.iter().zip(done).filter(|(_, done)| done.is_none()) {
            let failure = Failure::new(FailureKind::Internal, "the host's thread ended early");
            run.host_failed(&host.name, &failure.on(&host.name));
        }
        drop(run);
        let result = if stage.run.cancel.work.is_cancelled() {
            Err(crate::run::interrupted())
        } else {
            Ok(())
        };
        Ok(stage.strike(result, false))
    }
}
