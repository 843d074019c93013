//! The jobs of a batch that run as one user: the planner decides, this module sends, records and reports.

mod commands;
mod keep_undos;

use std::sync::PoisonError;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::{Emission, Failure, FailureKind, Kind, Outcome};
use crate::shell::{Body, End, Request, Step, StepReply};
use crate::task::{Change, Next, Planned, Planner, Query, Ran, RunMode};

use super::applied::Applied;
use super::ask::{Questions, ask, ran};
use super::change_step::{bring_functions, change_step};
use super::entries::{fingerprint, task_result};
use super::follow::{Followed, Follower};
use super::guarded::send_change;
use super::host::HostHandle;
use super::job::Job;
use super::kept_undo::keep;
use super::label::label;
use super::output::{Lines, Source};
use super::pending_user::pending_user;
use super::record::{Record, StepState};
use super::recording::{key, record};
use super::script_messages::says_untouched;
use super::step_failure::step_failure;
use super::step_ids::{StepId, StepIds, StepKey};
use super::waits::{LastLine, Wait};

/// Applies consecutive jobs of the same user, or skips them all because an earlier job failed. Returns their
/// outcomes, and why it stopped, if it did.
pub(super) fn apply_part(
    host: &HostHandle,
    jobs: &[Job],
    steps: &StepIds,
    cancel: &CancellationToken,
    skips: bool,
) -> (Vec<Applied>, Option<Failure>) {
    let mut part = Part::new(host, jobs, steps, cancel);
    let failure = if skips {
        part.planner.skip_rest("an earlier task failed");
        None
    } else {
        part.go().err()
    };
    part.report();
    part.record_untouched();
    host.history().set_outlook(part.planner.outlook().clone());
    (part.into_applied(), failure)
}

/// Consecutive jobs of a batch that run as the same user.
struct Part<'a> {
    host: &'a HostHandle,
    jobs: &'a [Job],
    cancel: &'a CancellationToken,
    planner: Planner,
    labels: Vec<String>,
    steps: Vec<StepId>,
    ran: Vec<Option<(Ran, Duration)>>,
    /// Why the output of a job that an earlier attempt did is not known.
    lost: Vec<Option<String>>,
    /// What is known of the change of each job, if one was sent.
    states: Vec<StepState>,
    started: Vec<bool>,
    /// The name of the change of each job whose intention is in the journal.
    names: Vec<String>,
    /// The failures of steps, with their full output.
    failures: Vec<Option<Failure>>,
    /// The jobs whose decisions have been reported.
    reported: Vec<bool>,
    /// The last line printed by the step that is running on the host.
    last: LastLine,
    /// The wait in progress.
    wait: Option<Wait>,
}

impl<'a> Part<'a> {
    fn new(
        host: &'a HostHandle,
        jobs: &'a [Job],
        steps: &StepIds,
        cancel: &'a CancellationToken,
    ) -> Self {
        let tasks = jobs.iter().map(|job| job.task.clone()).collect();
        let labels: Vec<String> = jobs
            .iter()
            .map(|job| label(&job.task.label(), &host.run.secrets))
            .collect();
        let ids = jobs.iter().zip(&labels).map(|(job, label)| {
            let text = match job.task.sent() {
                None => label,
                Some(sent) => &fingerprint([sent.as_bytes()], &host.run.secrets),
            };
            steps.next(&StepKey {
                host: host.name(),
                user: host.user.as_deref(),
                at: job.at.as_ref(),
                text,
                has_effect: true,
            })
        });
        Self {
            host,
            jobs,
            cancel,
            planner: Planner::new(tasks, host.run.settings.mode).after(host.history().outlook()),
            steps: ids.collect(),
            labels,
            ran: jobs.iter().map(|_| None).collect(),
            lost: vec![None; jobs.len()],
            states: vec![StepState::NotStarted; jobs.len()],
            started: vec![false; jobs.len()],
            names: vec![String::new(); jobs.len()],
            failures: jobs.iter().map(|_| None).collect(),
            reported: vec![false; jobs.len()],
            last: LastLine::default(),
            wait: None,
        }
    }

    /// Goes through the jobs, unless their user does not exist yet (in check mode).
    fn go(&mut self) -> Result<(), Failure> {
        match pending_user(self.host, self.cancel) {
            Ok(None) => self.work(),
            Ok(Some(reason)) => {
                self.planner.set_unknown(&reason);
                Ok(())
            }
            Err(failure) => {
                self.planner.skip_rest("the host was lost");
                Err(failure)
            }
        }
    }

    /// Goes through the jobs. `Err` contains why it stopped.
    fn work(&mut self) -> Result<(), Failure> {
        self.recall()?;
        loop {
            let next = self.planner.next();
            self.report();
            let sent = match next {
                Next::Done => break,
                Next::Interrupted => Err(Failure::interrupted()),
                Next::Ask(queries) => {
                    let _wait = self.host.wait_for(self.asking());
                    ask(self.host, self.cancel, queries)
                        .map(|answers| self.planner.answered(answers))
                }
                Next::Apply { changes, ask } => self.change(&changes, ask),
            };
            if let Err(failure) = sent {
                self.planner.stop(self.cause(&failure));
                self.report();
                return Err(failure);
            }
        }
        let failed = self.planner.decisions().iter().position(|decision| {
            decision
                .as_ref()
                .is_some_and(|decision| decision.outcome == Outcome::Failed)
        });
        failed.map_or(Ok(()), |index| Err(self.failure(index)))
    }

    /// The description of the wait for the probes.
    fn asking(&self) -> String {
        let open = |index: &usize| self.planner.decisions()[*index].is_none();
        let mut open = (0..self.jobs.len()).filter(open);
        let first = open.next().map_or("", |index| &self.labels[index]);
        match open.count() {
            0 => format!("for the probe of {first}"),
            more => format!("for the probes of {first} and {more} more"),
        }
    }

    /// Why the batch stops, as a clause.
    fn cause(&self, failure: &Failure) -> &'static str {
        match failure.kind {
            // Only this part of the run was cancelled.
            FailureKind::Interrupted if !self.host.run.cancel.work.is_cancelled() => {
                "a `timeout` around it expired"
            }
            FailureKind::Interrupted => "the run was interrupted",
            FailureKind::Unreachable => "the connection was lost",
            FailureKind::Held => "the lock was lost",
            _ => "an earlier task failed",
        }
    }

    /// Makes changes, and sends the queries that verify them and the queries that are needed next.
    fn change(&mut self, changes: &[Planned], queries: Vec<Query>) -> Result<(), Failure> {
        let host = self.host;
        let run = &host.run;
        debug_assert_eq!(
            run.settings.mode,
            RunMode::Apply,
            "check mode stops at the plan"
        );
        self.intend(changes)?;
        // If nothing was queried before, the facts have not arrived yet. A script of the user does not wait
        // for them.
        let state = if changes.iter().all(|planned| planned.change.bare) {
            String::new()
        } else {
            host.facts(self.cancel)?.state_dir
        };
        let mut request = Request::default();
        let mut sources = Vec::new();
        for planned in changes {
            let source = self.source(planned.index);
            sources.push(planned.change.command.then_some(source));
            request.steps.push(self.step(planned, &state));
        }
        self.keep_undos(changes, &mut request);
        bring_functions(&mut request);
        record(run, &mut request);
        let questions = Questions::new(queries);
        questions.put(&mut request);
        // Data sent with the request (the content of a file) belongs to the first step, and sending it may
        // take a while.
        let lines = Lines::new(run, sources);
        self.last = lines.last();
        if let Some(first) = changes.first() {
            self.emit_started(first.index);
        }
        let cancel = self.cancel;
        let part = &mut *self;
        let followed = Followed::new(Changes { part, changes }, changes.len(), lines);
        let reply = send_change(host, cancel, request, &followed);
        let (_, record) = followed.close();
        self.wait = None;
        let reply = reply.and_then(|reply| {
            if reply.cancelled {
                Err(Failure::interrupted())
            } else {
                Ok(reply)
            }
        });
        self.settle(changes, &record, reply.as_ref().err());
        let reply = reply?;
        self.keeps(changes, &reply);
        // A failed probe leaves the changes unverified: the planner would query again.
        let answers = questions
            .answers(&reply, changes.len())
            .map_err(|message| Failure::new(FailureKind::Failed, message).on(host.name()))?;
        self.planner.answered(answers);
        Ok(())
    }

    /// The host reports that a step has ended.
    fn step_ended(&mut self, planned: &Planned, state: StepState, reply: &StepReply) {
        let index = planned.index;
        self.states[index] = state;
        let came_back = ran(reply);
        if matches!(state, StepState::Ended(_)) {
            let result = if is_ok(reply, &planned.change) {
                Ok(&came_back)
            } else {
                let failure = step_failure(reply, &planned.change, &self.host.run.secrets);
                let note = failure.message.clone();
                self.failures[index] = Some(failure);
                Err(note)
            };
            self.planner.ran(planned, result);
            if !matches!(reply.end, End::Code(_)) {
                self.planner.may_go_on(index);
            } else if self.failures[index].is_some()
                && !planned.change.bare
                && says_untouched(&reply.stderr.text())
            {
                self.planner.untouched(index);
            }
        }
        self.ran[index] = Some((came_back, reply.duration));
        if self.planner.decisions()[index].is_none() && matches!(state, StepState::Ended(_)) {
            let applied = self.emission(index, Kind::TaskApplied);
            self.host.run.bus.emit(applied.duration(reply.duration));
            if let Some(journal) = &self.host.run.journal {
                journal.applied(&self.steps[index].id);
            }
        }
        self.report();
    }

    /// The request has ended: decides on the steps that did not end by themselves.
    fn settle(&mut self, changes: &[Planned], record: &Record, failure: Option<&Failure>) {
        let mut before = StepState::NotStarted;
        for (at, planned) in changes.iter().enumerate() {
            let mut state = record.state(at);
            // The script of the previous change does the work of this one too.
            let taken_over = planned.change.apply.is_empty() && !planned.change.command;
            if taken_over && !matches!(state, StepState::Ended(_)) {
                state = before;
                if matches!(state, StepState::Ended(End::Code(0))) {
                    self.planner.ran(planned, Ok(&Ran::default()));
                }
            }
            before = state;
            self.states[planned.index] = state;
            if let StepState::InDoubt { started } = state {
                let cause = failure.map_or("its shell was killed", |failure| self.cause(failure));
                let note = if started {
                    format!(
                        "{cause} while this was being applied: \
                         it may have been made in full or in part"
                    )
                } else {
                    format!(
                        "{cause}, and the host had not reported whether this had started: \
                         it may have been made"
                    )
                };
                // The undo of the previous change restores both.
                self.planner.doubt(planned, note, !taken_over);
            }
        }
        if let Some(held) = failure.filter(|failure| failure.kind == FailureKind::Held)
            && let Some(first) = changes.first()
        {
            self.failures[first.index] = Some(held.clone());
            self.planner.refuse(first.index, &held.message);
        }
    }

    fn step(&self, planned: &Planned, state: &str) -> Step {
        let change = &planned.change;
        let keep = keep(&self.host.run.id, &self.names[planned.index]);
        let record = key(&self.steps[planned.index].id);
        let mut step = change_step(&change.apply, change.form(), state, &keep, &record);
        step.ok.clone_from(&change.ok);
        step.timeout = Some(change.timeout.unwrap_or(self.host.run.settings.timeout));
        step.body = change.body.as_ref().map(|body| Body {
            path: body.path.clone().into_bytes(),
            content: body.content.clone(),
        });
        step
    }

    fn source(&self, index: usize) -> Source {
        Source {
            step: self.steps[index].id.clone(),
            host: self.host.name().to_owned(),
            task: self.labels[index].clone(),
        }
    }

    fn emission(&self, index: usize, kind: Kind) -> Emission {
        Emission::new(kind)
            .step(&self.steps[index].id)
            .host(self.host.name())
            .task(&self.labels[index])
            .at(self.jobs[index].at.clone())
    }

    fn emit_started(&mut self, index: usize) {
        if !std::mem::replace(&mut self.started[index], true) {
            let started = self.emission(index, Kind::TaskStarted);
            self.host.run.bus.emit(started);
            let waited = self.host.waited(format!("for {}", self.labels[index]));
            // The output of the previous step is irrelevant to this one.
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.wait = Some(self.host.run.waits.begin(waited.with(self.last.clone())));
        }
    }

    /// Reports the new decisions, in the order of the jobs.
    fn report(&mut self) {
        for index in 0..self.jobs.len() {
            if self.reported[index] {
                continue;
            }
            let Some(decision) = &self.planner.decisions()[index] else {
                continue;
            };
            let failed = decision.outcome == Outcome::Failed;
            let kind = Kind::TaskFinished {
                diff: decision.diff.clone(),
                note: decision.note.clone(),
                failure: failed.then(|| Box::new(self.host.run.told(self.failure(index)))),
            };
            let mut emission = self.emission(index, kind).outcome(decision.outcome);
            if let Some((_, duration)) = &self.ran[index] {
                emission = emission.duration(*duration);
            }
            self.host.run.bus.emit(emission);
            if !self.names[index].is_empty()
                && let Some(journal) = &self.host.run.journal
            {
                let command = decision.change.as_ref().filter(|change| change.command);
                let ran = self.ran[index].as_ref().filter(|_| command.is_some());
                let result = ran.map(|(ran, _)| task_result(self.host, ran));
                journal.done(&self.steps[index].id, decision.outcome, result.as_ref());
            }
            self.reported[index] = true;
        }
    }

    /// The failure of a job, with everything known about it.
    fn failure(&self, index: usize) -> Failure {
        let mut failure = self.failures[index].clone().unwrap_or_else(|| {
            let note = self.planner.decisions()[index]
                .as_ref()
                .and_then(|decision| decision.note.clone());
            Failure::new(FailureKind::Failed, note.unwrap_or_default())
        });
        failure.host = Some(self.host.name().to_owned());
        failure.task = Some(self.labels[index].clone());
        failure.at(self.jobs[index].at.clone())
    }

    fn into_applied(mut self) -> Vec<Applied> {
        let past = self.host.run.past.as_ref();
        self.planner.skip_rest("an earlier task failed");
        let mut decisions = self.planner.decisions().to_vec();
        // The playbook may log them.
        let scrubber = self.host.run.secrets.scrubber();
        for diff in decisions.iter_mut().flatten().flat_map(|v| &mut v.diff) {
            diff.hide_old_secrets(&scrubber);
        }
        let parts = self
            .steps
            .into_iter()
            .zip(self.labels)
            .zip(self.ran)
            .zip(self.states)
            .zip(self.names)
            .zip(self.lost);
        decisions
            .into_iter()
            .flatten()
            .zip(parts)
            .zip(self.jobs)
            .map(
                |((decision, (((((step, label), ran), state), change_name), lost)), job)| {
                    let (ran, duration) =
                        ran.map_or((None, Duration::ZERO), |(ran, took)| (Some(ran), took));
                    let user = self.host.user.clone();
                    let changed_before =
                        past.is_some_and(|past| past.has_changed(&step.id, decision.outcome));
                    Applied {
                        step: step.id,
                        label,
                        decision,
                        changed_before,
                        ran,
                        lost,
                        duration,
                        at: job.at.clone(),
                        user,
                        state,
                        change_name,
                        task: job.task.clone(),
                    }
                },
            )
            .collect()
    }
}

/// The changes of a request, followed while it is in progress.
struct Changes<'p, 'a> {
    part: &'p mut Part<'a>,
    changes: &'p [Planned],
}

impl Follower for Changes<'_, '_> {
    fn started(&mut self, step: usize) {
        if let Some(planned) = self.changes.get(step) {
            self.part.emit_started(planned.index);
        }
    }

    fn ended(&mut self, step: usize, state: StepState, reply: &StepReply) {
        if let Some(planned) = self.changes.get(step) {
            self.part.step_ended(planned, state, reply);
        }
    }
}

fn is_ok(step: &StepReply, change: &Change) -> bool {
    matches!(step.end, End::Code(code) if change.ok.contains(&code))
}
