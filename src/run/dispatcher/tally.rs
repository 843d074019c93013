//! Counting the outcomes of tasks, by host and in total.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Event, Failure, FailureKind, Kind, Outcome, Totals, undone_by};

/// The name of the machine that runs ops, if a playbook only reads from it. It is not a host of the run.
const CONTROLLER: &str = "controller";

/// The totals of a run so far.
#[derive(Default)]
pub(super) struct Tally {
    all: Totals,
    /// Whether a host of the inventory has the controller's name. ops connects to it, which it never does to
    /// the controller.
    is_controller_a_host: bool,
    hosts: BTreeMap<String, Totals>,
    /// How many changes of each step were not undone.
    standing: HashMap<String, usize>,
}

impl Tally {
    /// That of an attempt after others, in which these steps made changes.
    pub(super) fn after(standing: impl IntoIterator<Item = String>) -> Self {
        let mut tally = Self::default();
        for step in standing {
            *tally.standing.entry(step).or_default() += 1;
        }
        tally
    }

    pub(super) fn take(&mut self) -> (Totals, BTreeMap<String, Totals>) {
        (
            std::mem::take(&mut self.all),
            std::mem::take(&mut self.hosts),
        )
    }

    pub(super) fn count(&mut self, event: &Event) {
        let host = event.host.as_deref();
        if host == Some(CONTROLLER) {
            self.is_controller_a_host |= matches!(
                event.kind,
                Kind::HostStarted | Kind::HostConnecting { .. } | Kind::HostConnected { .. }
            );
        }
        let host = host.filter(|host| *host != CONTROLLER || self.is_controller_a_host);
        match &event.kind {
            Kind::HostStarted => self.with(host, |_| {}),
            Kind::TaskFinished { failure, .. } => match (event.outcome, failure) {
                (Some(Outcome::Failed), Some(failure)) if is_of_host(failure) => {
                    self.host(host, failure);
                }
                (Some(outcome), _) => self.task(host, event.step.as_deref(), outcome),
                (None, _) => {}
            },
            // In check mode, a check that a change might fix. Otherwise a check is not a task, and only its
            // failure counts.
            Kind::HealthChecked { .. } if event.outcome == Some(Outcome::Unknown) => {
                self.with(host, |totals| totals.unknown += 1);
            }
            Kind::HostUnreachable { failure } => self.host(host, failure),
            Kind::HostFinished {
                failure: Some(failure),
            } if is_of_host(failure) => self.host(host, failure),
            Kind::HostFinished { failure: Some(_) } => {
                // The closure failed outside of a task. It counts as one, so that a host without failed tasks
                // is a host without failures.
                let counted = host
                    .and_then(|host| self.hosts.get(host))
                    .is_some_and(|totals| totals.failed > 0);
                if !counted {
                    self.with(host, |totals| totals.failed += 1);
                }
            }
            _ => {}
        }
    }

    fn with(&mut self, host: Option<&str>, change: impl Fn(&mut Totals)) {
        change(&mut self.all);
        if let Some(host) = host {
            match self.hosts.get_mut(host) {
                Some(totals) => change(totals),
                None => change(self.hosts.entry(host.to_owned()).or_default()),
            }
        }
    }

    /// An undo is not a separate task: it cancels the change of another one. An undo that fails counts as
    /// failed.
    fn task(&mut self, host: Option<&str>, step: Option<&str>, outcome: Outcome) {
        match (outcome, undone_by(step)) {
            (Outcome::Changed, Some(undone)) => {
                if let Some(left @ 1..) = self.standing.get_mut(undone) {
                    *left -= 1;
                    self.with(host, |totals| totals.undone += 1);
                }
            }
            (Outcome::Changed, None) => {
                if let Some(step) = step {
                    *self.standing.entry(step.to_owned()).or_default() += 1;
                }
                self.with(host, |totals| totals.count(outcome));
            }
            _ => self.with(host, |totals| totals.count(outcome)),
        }
    }

    /// A host counts once, however often it is found lost or interrupted.
    fn host(&mut self, host: Option<&str>, failure: &Failure) {
        let Some(host) = host else { return };
        let totals = self.hosts.entry(host.to_owned()).or_default();
        let (here, all) = if failure.kind == FailureKind::Interrupted {
            (&mut totals.interrupted, &mut self.all.interrupted)
        } else {
            (&mut totals.unreachable, &mut self.all.unreachable)
        };
        if *here == 0 {
            *here = 1;
            *all += 1;
        }
    }
}

/// Whether a failure is about the host and not about a task.
fn is_of_host(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::Unreachable | FailureKind::Interrupted
    )
}
