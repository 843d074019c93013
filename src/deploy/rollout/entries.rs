//! What a journal records of a rollout, so that a later attempt of the run can go on: see `earlier`.

use super::order::{News, Step};
use crate::model::Phase;
use crate::store::{RolloutEntry, RolloutStep};

/// The entry that must be durable before a step of a host begins. `None`: it changes nothing.
#[must_use]
pub fn step_entry(host: &str, step: Step) -> Option<RolloutEntry> {
    let next = match step {
        Step::Drain => RolloutStep::Drain,
        Step::Update => RolloutStep::Update,
        Step::Readmit => RolloutStep::Readmit,
        Step::Rollback => RolloutStep::Rollback,
        Step::Healthy | Step::RollbackHealthy | Step::InService | Step::Reach => return None,
    };
    let host = host.to_owned();
    Some(RolloutEntry::Step { host, next })
}

/// The entry for something that has happened. It precedes the entries of the steps that follow from it.
#[must_use]
pub fn news_entry(news: &News, name: impl Fn(usize) -> String) -> Option<RolloutEntry> {
    match news {
        News::Host {
            host,
            phase: Phase::Failed,
            failure: Some(failure),
            ..
        } => Some(RolloutEntry::Failed {
            host: name(*host),
            failure: failure.kind,
            message: failure.message.clone(),
        }),
        News::HostFinished {
            host,
            fate,
            version,
            ..
        } => Some(RolloutEntry::Settled {
            host: name(*host),
            fate: *fate,
            version: *version,
        }),
        News::Aborted { reason } => Some(RolloutEntry::Aborted {
            reason: reason.clone(),
        }),
        _ => None,
    }
}
