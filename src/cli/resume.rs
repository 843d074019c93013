//! `ops resume [RUN]`: goes on with a run that was killed, was interrupted, or failed.
//!
//! Everything that the run was started with comes from its journal: the command line is parsed again, in the
//! directory that it was given in. What has changed since then is refused before a host is contacted.

use std::ffi::OsString;

use clap::FromArgMatches as _;

use crate::model::{Failure, FailureKind, Secrets, UnknownSecret};
use crate::run::{Decision, Doubts, Past};
use crate::store::{Controller, RunRecord, RunState, RunSummary, StoredRun};

use super::args::name_and_value;
use super::history::{failures, store};
use super::program::{Done, Program};
use super::reporters::OutputArgs;
use super::resumed::Resumed;
use super::run;

/// Resume a run that was killed, was interrupted, or failed
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run to resume: the beginning or the end of its id. By default, the newest one that can be resumed
    run: Option<String>,
    /// Give a secret parameter of the run again. Can be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    vars: Vec<(String, String)>,
    /// Decide about commands that may have run: ask, again, done or stop
    ///
    /// `again` runs them again, `done` takes them as done, `stop` fails (exit code 3), and `ask` asks at the
    /// terminal; it is the default there, and `stop` elsewhere. STEP=again decides about one step. Can be
    /// given several times.
    #[arg(long, value_name = "[STEP=]ANSWER", value_parser = decision)]
    in_doubt: Vec<(Option<String>, Decision)>,
    /// Resume although the playbook, another file, the inventory or ops itself has changed
    #[arg(long)]
    accept_changes: bool,
    /// Resume although a later run has changed a host of this one
    #[arg(long)]
    over_later_runs: bool,
    /// Resume a copy of a run that was started elsewhere, whose process cannot be alive any more
    #[arg(long)]
    controller_is_gone: bool,
    /// Answer yes to every question of the playbook
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: OutputArgs,
}

fn decision(text: &str) -> Result<(Option<String>, Decision), String> {
    let (step, word) = match text.rsplit_once('=') {
        Some((step, word)) => (Some(step.to_owned()), word),
        None => (None, text),
    };
    let decision = match word {
        "ask" => Decision::Ask,
        "again" => Decision::Again,
        "done" => Decision::Done,
        "stop" => Decision::Stop,
        _ => return Err("expected ask, again, done or stop, or STEP=again and the like".into()),
    };
    Ok((step, decision))
}

impl Args {
    pub(crate) fn run(self, program: &Program) -> Done {
        let output = self.output.clone().absolute();
        let stored = self.find()?;
        let record = stored.journal().map_err(|error| failures(&error))?;
        if !self.controller_is_gone {
            is_here(&stored, &record)?;
        }
        let secrets = Secrets::new();
        let command = self.command(&record, &secrets)?;
        let mut args = parse(program, &command)?.show_as(output);
        if self.yes {
            args = args.answering_yes();
        }
        let Some(playbook) = args.playbook() else {
            return Err(refused("only runs of a playbook can be resumed".to_owned()));
        };
        let past = Past::new(stored.dir().to_owned(), &record).by_text(self.accept_changes);
        let mut doubts = Doubts::default();
        for (step, decision) in self.in_doubt {
            doubts.decide(step, decision);
        }
        let resumed = Resumed {
            past,
            stored,
            command,
            record,
            doubts,
            accept_changes: self.accept_changes,
            over_later_runs: self.over_later_runs,
        };
        args.start(program, &playbook, &secrets, Some(resumed))
    }

    /// The run to resume.
    fn find(&self) -> Result<StoredRun, Vec<Failure>> {
        let store = store()?;
        if let Some(which) = &self.run {
            let stored = store.open(which).map_err(|error| failures(&error))?;
            why_not(&stored.summary()).map_or(Ok(()), |why| Err(refused(why)))?;
            return Ok(stored);
        }
        let runs = store.list().map_err(|error| failures(&error))?;
        for run in runs.iter().filter(|run| why_not(run).is_none()) {
            let stored = store.open(run.id.as_str());
            let stored = stored.map_err(|error| failures(&error))?;
            let is_over = run.state != RunState::Killed;
            let of_a_playbook = match stored.journal() {
                Ok(record) => record
                    .attempts
                    .iter()
                    .any(|header| header.playbook.is_some()),
                // It failed before it could change anything: so does the same run again.
                Err(_) if is_over => false,
                Err(error) => return Err(failures(&error)),
            };
            if of_a_playbook {
                return Ok(stored);
            }
        }
        Err(refused("there is no run that can be resumed".to_owned()))
    }

    /// The command line that the run was started with. Enters the directory that it was given in.
    fn command(
        &self,
        record: &RunRecord,
        secrets: &Secrets,
    ) -> Result<Vec<OsString>, Vec<Failure>> {
        let header = &record.attempts[0];
        let mut given = self.vars.clone();
        let command = loop {
            match header.command(secrets) {
                Ok(command) => break command,
                Err(UnknownSecret::Name(name)) => {
                    let Some(at) = given.iter().position(|(given, _)| *given == name) else {
                        let message = format!("the secret parameter `{name}` is not kept");
                        let hint = format!("Give it again: `--var {name}=VALUE`.");
                        return Err(vec![Failure::new(FailureKind::Input, message).hint(hint)]);
                    };
                    let (name, value) = given.remove(at);
                    secrets
                        .add(&value, &name)
                        .map_err(|error| refused(error.to_string()))?;
                }
                Err(error) => return Err(refused(error.to_string())),
            }
        };
        if let Some((name, _)) = given.first() {
            let message = format!("the run has its own value of the parameter `{name}`");
            return Err(refused(message));
        }
        let directory = header
            .directory(secrets)
            .map_err(|error| refused(error.to_string()))?;
        std::env::set_current_dir(&directory).map_err(|error| {
            let directory = directory.display();
            refused(format!(
                "failed to enter {directory}, where the run was started: {error}"
            ))
        })?;
        Ok(command)
    }
}

fn parse(program: &Program, command: &[OsString]) -> Result<run::Args, Vec<Failure>> {
    let wrong = |error: clap::Error| {
        refused(format!(
            "this ops does not understand the command line of the run: {error}"
        ))
    };
    let matches = (program.command)()
        .try_get_matches_from(command)
        .map_err(wrong)?;
    match matches.subcommand() {
        Some(("run", matches)) => run::Args::from_arg_matches(matches).map_err(wrong),
        _ => Err(refused("only runs of a playbook can be resumed".to_owned())),
    }
}

/// Refuses a copy of a run: only the lock of the original shows whether its process is alive.
fn is_here(stored: &StoredRun, record: &RunRecord) -> Result<(), Vec<Failure>> {
    let Some(last) = record.attempts.last() else {
        return Ok(());
    };
    if last.controller == Controller::here(stored.dir()) {
        return Ok(());
    }
    let (id, name) = (stored.id(), &last.controller.name);
    let message = format!(
        "run {id} was started on {name}, and this is a copy of it: its process may be alive"
    );
    let hint =
        "If that machine is gone, or ops does not run there any more: `--controller-is-gone`.";
    Err(vec![Failure::new(FailureKind::Input, message).hint(hint)])
}

/// Why a run cannot be resumed, if it cannot.
fn why_not(run: &RunSummary) -> Option<String> {
    let id = &run.id;
    if run.check {
        return Some(format!("run {id} only checked what would change"));
    }
    match run.state {
        RunState::Running => Some(format!("run {id} is still going")),
        RunState::Finished { exit_code: 0 } => Some(format!("run {id} is done")),
        RunState::Finished { exit_code: 6 } => Some(format!("run {id} was rolled back")),
        RunState::Finished { exit_code: 2 } => {
            Some(format!("run {id} ended before it contacted a host"))
        }
        RunState::Finished { .. } | RunState::Killed => None,
    }
}

fn refused(message: String) -> Vec<Failure> {
    vec![Failure::new(FailureKind::Input, message)]
}
