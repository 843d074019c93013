//! Queries to a host: one request for all of them.

use tokio_util::sync::CancellationToken;

use crate::model::Failure;
use crate::shell::{Captured, End, OnFailure, Reply, Request, Step, StepReply};
use crate::task::{self, Answer, Query, Ran, Sections, render};

use super::host::HostHandle;

/// Queries that are added to a request.
pub(crate) struct Questions {
    asked: Vec<Query>,
    token: String,
}

impl Questions {
    #[must_use]
    pub(crate) fn new(asked: Vec<Query>) -> Self {
        let mut random = [0; 12];
        // Without randomness, no session could be opened either: see `shell`.
        let _ = getrandom::fill(&mut random);
        let token = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { asked, token }
    }

    /// Adds them to a request. The user's guards become commands, the rest one probe.
    pub(crate) fn put(&self, request: &mut Request) {
        for query in &self.asked {
            if let Some(script) = query.command() {
                // Only the exit code of a guard matters.
                let bounded = matches!(query, Query::Probe { .. });
                request.steps.push(Step {
                    bounded,
                    on_failure: OnFailure::Continue,
                    ok: (0..=255).collect(),
                    ..Step::command(script.as_bytes())
                });
            }
        }
        if self.asked.iter().any(|query| query.command().is_none()) {
            request.probe = Some(render(&self.asked, &self.token).into_bytes());
        }
    }

    /// Returns the answers from a reply to a request that began with `before` other steps.
    ///
    /// # Errors
    /// The probe did not finish, or its output was cut.
    pub(crate) fn answers(
        &self,
        reply: &Reply,
        before: usize,
    ) -> Result<Vec<(Query, Answer)>, String> {
        let mut answers = Vec::with_capacity(self.asked.len());
        if let Some(probe) = &reply.probe {
            // A partial answer would be taken for the whole.
            if probe.stdout.elided() > 0 {
                return Err("the answer of the host is too large".to_owned());
            }
            let printed = probe.stdout.bytes();
            let Some(sections) = Sections::split(&printed, &self.token) else {
                let said = probe.stderr.text();
                return Err(format!("the probe did not finish ({:?}) {said}", probe.end));
            };
            answers.extend(task::answers(&self.asked, &sections));
        }
        let guards = self.asked.iter().filter(|query| query.command().is_some());
        for (query, step) in guards.zip(reply.steps.iter().skip(before)) {
            let answer = match step.end {
                End::Code(_) => Answer::Ran(ran(step)),
                End::Lost => Answer::Unknowable("the guard killed its own shell".to_owned()),
                End::TimedOut if step.stdout.elided() + step.stderr.elided() > 0 => {
                    let limit = Captured::LIMIT >> 20;
                    Answer::Unknowable(format!("its probe printed more than {limit} MiB"))
                }
                End::TimedOut => Answer::Unknowable("the guard timed out".to_owned()),
                End::Cancelled => Answer::Unknowable("the guard was cancelled".to_owned()),
            };
            answers.push((query.clone(), answer));
        }
        Ok(answers)
    }
}

/// Sends queries to a host.
///
/// # Errors
/// There is no answer.
pub fn ask(
    host: &HostHandle,
    cancel: &CancellationToken,
    queries: Vec<Query>,
) -> Result<Vec<(Query, Answer)>, Failure> {
    let questions = Questions::new(queries);
    let mut request = Request::default();
    questions.put(&mut request);
    let reply = host.request(cancel, request, &())?;
    if reply.cancelled {
        return Err(Failure::interrupted());
    }
    questions
        .answers(&reply, 0)
        .map_err(|message| Failure::new(crate::model::FailureKind::Failed, message).on(host.name()))
}

/// The result of a step, for the code that decides on it.
#[must_use]
pub(crate) fn ran(step: &StepReply) -> Ran {
    let code = if let End::Code(code) = step.end {
        i32::from(code)
    } else {
        -1
    };
    Ran {
        code,
        stdout: step.stdout.text(),
        stderr: step.stderr.text(),
    }
}
