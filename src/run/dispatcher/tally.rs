//! Counting how tasks ended, by host and in all.

use std::collections::BTreeMap;

use crate::model::{Emission, Failure, FailureKind, Kind, Outcome, Totals};

/// The totals of a run so far.
#[derive(Default)]
pub(super) struct Tally {
    all: Totals,
    hosts: BTreeMap<String, Totals>,
}

impl Tally {
    pub(super) fn take(&mut self) -> (Totals, BTreeMap<String, Totals>) {
        (
            std::mem::take(&mut self.all),
            std::mem::take(&mut self.hosts),
        )
    }

    pub(super) fn count(&mut self, emission: &Emission) {
        let host = emission.host.as_deref();
        match &emission.kind {
            Kind::HostStarted => self.with(host, |_| {}),
            Kind::TaskFinished { failure, .. } => match (emission.outcome, failure) {
                (Some(Outcome::Failed), Some(failure)) if lost(failure) => self.unreachable(host),
                (Some(outcome), _) => self.with(host, |totals| totals.count(outcome)),
                (None, _) => {}
            },
            Kind::HostUnreachable { .. } => self.unreachable(host),
            Kind::HostFinished {
                failure: Some(failure),
            } if lost(failure) => self.unreachable(host),
            Kind::HostFinished {
                failure: Some(failure),
            } if failure.kind != FailureKind::Interrupted => {
                // The closure failed in something that is no task: it shows as one, so that a host with
                // no failed task is a host that is well.
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

    /// A host counts once, however often it is found gone.
    fn unreachable(&mut self, host: Option<&str>) {
        let Some(host) = host else { return };
        let totals = self.hosts.entry(host.to_owned()).or_default();
        if totals.unreachable == 0 {
            totals.unreachable = 1;
            self.all.unreachable += 1;
        }
    }
}

fn lost(failure: &Failure) -> bool {
    failure.kind == FailureKind::Unreachable
}
