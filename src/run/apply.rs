//! A batch of tasks on a host: `h.apply`.

use tokio_util::sync::CancellationToken;

use crate::model::Failure;
use crate::task::Query;

use super::applied::Applied;
use super::batch::apply_part;
use super::host::HostHandle;
use super::job::Job;
use super::step_ids::StepIds;

/// The result of a batch: the outcome of every job that was decided, and why it stopped, if it did.
pub struct Batch {
    pub applied: Vec<Applied>,
    pub failure: Option<Failure>,
}

/// Applies jobs in order. Consecutive jobs of the same user share requests.
#[must_use]
pub fn apply(
    host: &HostHandle,
    jobs: &[Job],
    steps: &StepIds,
    cancel: &CancellationToken,
) -> Batch {
    let mut batch = Batch {
        applied: Vec::with_capacity(jobs.len()),
        failure: None,
    };
    host.link().expect(later_users(host, jobs));
    for jobs in jobs.chunk_by(|a, b| a.user == b.user) {
        let host = match jobs.first().and_then(|job| job.user.as_deref()) {
            Some(user) => host.become_user(user),
            None => host.clone(),
        };
        let skips = batch.failure.is_some();
        let (applied, failure) = apply_part(&host, jobs, steps, cancel, skips);
        batch.failure = batch.failure.or(failure);
        batch.applied.extend(applied);
    }
    batch
}

/// The users needed after the first one, unless an earlier job may create or change them: their sessions
/// can be opened ahead.
fn later_users(host: &HostHandle, jobs: &[Job]) -> Vec<String> {
    let user_of = |job: &Job| job.user.as_ref().or(host.user.as_ref()).cloned();
    let first = jobs.first().and_then(user_of);
    let mut seen: Vec<String> = first.into_iter().collect();
    let mut users = Vec::new();
    let mut written = Vec::new();
    for job in jobs {
        if let Some(user) = user_of(job).filter(|user| !seen.contains(user)) {
            let may_be_new = user != "root" && Query::User(user.clone()).depends_on(&written);
            seen.push(user.clone());
            users.extend((!may_be_new).then_some(user));
        }
        written.extend(job.task.touches().writes);
    }
    users
}
