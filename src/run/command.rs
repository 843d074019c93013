//! `h.run`: a command of a playbook, outside any task.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::{Emission, Failure, FailureKind, Kind, LogLevel, Outcome, Position};
use crate::shell::{End, Request, Step, StepReply};
use crate::store::Intent;
use crate::task::{Ran, RunMode};

use super::ask::ran;
use super::entries::{command_intent, fingerprint, record_command};
use super::guarded::send_change;
use super::host::HostHandle;
use super::label::label;
use super::output::{Lines, Source};
use super::output_tail::tail;
use super::past::Recalled;
use super::recall::{Reached, recalled};
use super::recording::{key, record};
use super::script_messages;
use super::step_failure::how_it_ended;
use super::step_ids::{StepId, StepIds, StepKey};

/// The note of a command that does not run again.
pub(super) const IN_EARLIER_ATTEMPT: &str =
    "ran in an earlier attempt of this run: its result is used";

/// A command to run.
#[derive(Debug, Clone)]
pub struct Command {
    /// A script for the host's `sh`.
    pub script: String,
    /// The command as shown to the user.
    pub shown: String,
    /// The name shown to the user instead.
    pub name: Option<String>,
    /// No event is emitted for it unless it fails.
    pub quiet: bool,
    pub ok: Vec<u8>,
    /// The success codes that mean that it has changed nothing.
    pub unchanged: Vec<u8>,
    pub timeout: Option<Duration>,
    pub stdin: Option<Vec<u8>>,
    /// Declared as read-only: it also runs in check mode, and counts as unchanged.
    pub reads: bool,
    /// It may run twice, if nobody knows whether it ran.
    pub repeatable: bool,
    pub at: Option<Position>,
}

impl Command {
    fn label(&self) -> String {
        let named = self.name.clone();
        named.unwrap_or_else(|| format!("run {}", self.shown))
    }

    /// What is sent: the script and its input.
    fn sent(&self) -> [&[u8]; 2] {
        let input = self.stdin.as_deref().unwrap_or_default();
        [self.script.as_bytes(), input]
    }

    fn step(&self, host: &HostHandle, steps: &StepIds) -> StepId {
        steps.next(&StepKey {
            host: host.name(),
            user: host.user.as_deref(),
            at: self.at.as_ref(),
            text: &fingerprint(self.sent(), &host.run.secrets),
            has_effect: !self.reads,
        })
    }

    /// Whether its exit code means that it has changed nothing.
    fn changed_nothing(&self, ran: &Ran) -> bool {
        u8::try_from(ran.code).is_ok_and(|code| self.unchanged.contains(&code))
    }
}

/// Runs a command and waits for it to finish. Returns `None` in check mode if it failed after tasks that
/// would change the host: they may be the reason, so its real result is unknown.
///
/// # Errors
/// The command did not exit with a success code, or there is no reply.
pub fn run(
    host: &HostHandle,
    command: &Command,
    steps: &StepIds,
    cancel: &CancellationToken,
) -> Result<Option<Recalled>, Failure> {
    let run = &host.run;
    let called = Called {
        host,
        command,
        step: command.step(host, steps),
        label: label(&command.label(), &run.secrets),
    };
    if let Some(recalled) = called.recalled(cancel)? {
        return Ok(Some(recalled));
    }
    called.intend()?;
    let quiet = command.quiet || host.is_polled();
    if !quiet {
        run.bus.emit(called.emission(Kind::TaskStarted));
    }
    let request = called.request();
    let (step_id, label) = (&called.step.id, &called.label);
    let source = Source {
        step: step_id.clone(),
        host: host.name().to_owned(),
        task: label.clone(),
    };
    let lines = Lines::new(run, vec![(!quiet).then_some(source)]);
    let _wait = run
        .waits
        .begin(host.waited(format!("for {label}")).with(lines.last()));
    let send = if command.reads {
        HostHandle::request
    } else {
        send_change
    };
    let reply = send(host, cancel, request, &lines);
    lines.finish();
    let step = reply.map(|reply| reply.steps.into_iter().next());
    let result = match &step {
        Ok(step) => judged(host, command, label, step.as_ref()),
        Err(failure) => Err(failure.clone()),
    };
    let too_early = |failure: &Failure| {
        run.settings.mode == RunMode::Check
            && failure.code.is_some()
            && !host.history().outlook().is_empty()
    };
    let (outcome, failure) = match &result {
        Ok((ran, _)) if command.reads || command.changed_nothing(ran) => (Outcome::Unchanged, None),
        Ok(_) => (Outcome::Changed, None),
        Err(failure) if too_early(failure) => (Outcome::Unknown, None),
        Err(failure) => (Outcome::Failed, Some(Box::new(run.told(failure.clone())))),
    };
    let note = match &result {
        Err(failure) if outcome == Outcome::Unknown => Some(format!(
            "{}, but earlier tasks would change this host first",
            failure.message
        )),
        _ => None,
    };
    let mut finished = called.finished(outcome, note, failure);
    if let Ok((_, duration)) = &result {
        finished = finished.duration(*duration);
    }
    // The result of a poll is reported by the poller.
    if !(quiet && (result.is_ok() || host.is_polled())) {
        run.bus.emit(finished);
    }
    if !command.reads
        && let Some(journal) = &run.journal
    {
        let reply = step.as_ref().map(Option::as_ref);
        record_command(journal, host, step_id, outcome, reply);
    }
    match result {
        Err(_) if outcome == Outcome::Unknown => Ok(None),
        result => result.map(|(ran, _)| Some(Recalled { ran, lost: None })),
    }
}

/// A command that a playbook has come to.
struct Called<'c> {
    host: &'c HostHandle,
    command: &'c Command,
    step: StepId,
    label: String,
}

impl Called<'_> {
    fn emission(&self, kind: Kind) -> Emission {
        Emission::new(kind)
            .step(&self.step.id)
            .host(self.host.name())
            .task(&self.label)
            .at(self.command.at.clone())
    }

    fn finished(
        &self,
        outcome: Outcome,
        note: Option<String>,
        failure: Option<Box<Failure>>,
    ) -> Emission {
        let diff = Vec::new();
        let kind = Kind::TaskFinished {
            diff,
            note,
            failure,
        };
        self.emission(kind).outcome(outcome)
    }

    fn intent(&self) -> Intent<'_> {
        let (command, at) = (self.command, self.command.at.as_ref());
        command_intent(
            self.host,
            &self.step,
            &self.label,
            command.sent(),
            command.repeatable,
            at,
        )
    }

    /// In a resumed run: the result of an earlier attempt, if the command does not run again.
    fn recalled(&self, cancel: &CancellationToken) -> Result<Option<Recalled>, Failure> {
        let reached = Reached {
            step: &self.step,
            label: &self.label,
            at: self.command.at.as_ref(),
            ok: &self.command.ok,
            repeatable: self.command.repeatable,
        };
        let run = &self.host.run;
        let recalled = recalled(self.host, &reached, || self.intent(), cancel);
        match &recalled {
            Ok(None) => {}
            Ok(Some(_)) => {
                let note = Some(IN_EARLIER_ATTEMPT.to_owned());
                run.bus.emit(self.finished(Outcome::Unchanged, note, None));
            }
            Err(failure) => {
                let told = Some(Box::new(run.told(failure.clone())));
                run.bus.emit(self.finished(Outcome::Failed, None, told));
            }
        }
        recalled
    }

    fn intend(&self) -> Result<(), Failure> {
        let journal = self.host.run.journal.as_ref();
        let Some(journal) = journal.filter(|_| !self.command.reads) else {
            return Ok(());
        };
        journal.intend(self.intent()).map_err(|error| {
            let message = format!("the command was not run: {error}");
            Failure::new(FailureKind::Failed, message)
                .hint(error.hint())
                .on(self.host.name())
        })
    }

    fn request(&self) -> Request {
        let (run, command) = (&self.host.run, self.command);
        let mut step = Step::command(command.script.as_bytes());
        step.ok.clone_from(&command.ok);
        step.timeout = Some(command.timeout.unwrap_or(run.settings.timeout));
        step.stdin = command.stdin.as_deref().map(Into::into);
        if self.step.slot.is_some() {
            step.record = Some(key(&self.step.id));
        }
        let mut request = Request::step(step);
        record(run, &mut request);
        request
    }
}

/// Checks that a host answers, and that it still accepts changes from this run.
///
/// # Errors
/// `Unreachable` if it does not answer, `Held` if a lock has passed to another run, `Interrupted` if
/// `cancel` comes first.
pub fn answers(host: &HostHandle, cancel: &CancellationToken) -> Result<(), Failure> {
    let lines = Lines::new(&host.run, Vec::new());
    send_change(host, cancel, Request::probe(":"), &lines).map(drop)
}

/// The result of the command, if it succeeded.
fn judged(
    host: &HostHandle,
    command: &Command,
    label: &str,
    step: Option<&StepReply>,
) -> Result<(Ran, Duration), Failure> {
    let step = step.ok_or_else(|| {
        Failure::new(FailureKind::Unreachable, "the host did not answer").on(host.name())
    })?;
    let came_back = ran(step);
    if matches!(step.end, End::Code(code) if command.ok.contains(&code)) {
        for (name, printed) in [("stdout", &step.stdout), ("stderr", &step.stderr)] {
            if printed.elided() > 0 && !host.is_polled() {
                let message = format!(
                    "{label}: `{name}` contains the first and the last half MiB, \
                     without the {} bytes between",
                    printed.elided()
                );
                host.run.log(LogLevel::Warn, Some(host.name()), message);
            }
        }
        return Ok((came_back, step.duration));
    }
    let kind = if step.end == End::Cancelled {
        FailureKind::Interrupted
    } else {
        FailureKind::Failed
    };
    let mut failure = Failure::new(kind, how_it_ended(step))
        .on(host.name())
        .at(command.at.clone());
    failure.task = Some(label.to_owned());
    failure.command = Some(command.shown.clone());
    failure.code = if let End::Code(code) = step.end {
        Some(i32::from(code))
    } else {
        None
    };
    failure.stderr = tail(step, &host.run.secrets);
    script_messages::take_reason(&mut failure);
    Err(failure)
}

/// Reports in check mode that the command was not sent. `because` is the reason, unless it is that the
/// command may change something.
pub fn not_sent(host: &HostHandle, command: &Command, steps: &StepIds, because: Option<String>) {
    let run = &host.run;
    let note = because.unwrap_or_else(|| {
        "not run in check mode: what follows on this host is unknown".to_owned()
    });
    let kind = Kind::TaskFinished {
        diff: Vec::new(),
        note: Some(note),
        failure: None,
    };
    run.bus.emit(
        Emission::new(kind)
            .step(command.step(host, steps).id)
            .host(host.name())
            .task(label(&command.label(), &run.secrets))
            .outcome(Outcome::Unknown)
            .at(command.at.clone()),
    );
}
