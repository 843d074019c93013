//! Reports of a host that stays in a phase: what it waits for, and why.

use std::time::Duration;

use crate::model::{Phase, Waiting};

use super::host::At;
use super::machine::{Rollout, Stage};
use super::order::{News, Step, Time};

/// How long a phase may take before it is reported.
pub(super) const FIRST_SAID: Duration = Duration::from_secs(10);

/// The time between two reports about a host that is not healthy.
const WHILE_UNHEALTHY: Duration = Duration::from_secs(10);

/// The time between two reports about anything else.
const LATER: Duration = Duration::from_secs(25);

/// If it will be healthy this soon, nothing is reported.
const ALMOST: Duration = Duration::from_secs(2);

impl Rollout {
    /// Reports hosts that have been in their phase for a while.
    pub(super) fn say_what_goes_on(&mut self, now: Time) {
        for host in 0..self.hosts.len() {
            let state = &mut self.hosts[host];
            if !state.in_flight() || now < state.say {
                continue;
            }
            let passes = state.gate.as_ref().and_then(super::gate::Gate::passes_at);
            match passes {
                Some(passes) if passes <= now + ALMOST => state.say = now + ALMOST,
                _ => self.say(host, now),
            }
        }
    }

    /// Reports that the rollout still pauses, and for how long.
    pub(super) fn say_that_it_pauses(&mut self, now: Time) {
        if let Stage::Pause { after, until } = *self.stage()
            && now >= self.say
            && now < until
        {
            self.say = now + LATER;
            self.tell(News::Waiting {
                batch: after + 1,
                on: Waiting::Pause,
                time: Some(until.saturating_sub(now)),
            });
        }
    }

    /// Reports the phase of a host, and returns when to report again.
    pub(super) fn say(&mut self, host: usize, now: Time) {
        let state = &mut self.hosts[host];
        let phase = match state.at {
            At::Rest => return,
            At::Polling { .. } => Phase::WaitingHealthy,
            At::Doing { step, .. } => match step {
                Step::Drain => Phase::Draining,
                Step::Update => Phase::Updating,
                Step::Readmit | Step::InService => Phase::Readmitting,
                Step::Rollback | Step::Reach => Phase::RollingBack,
                Step::Healthy | Step::RollbackHealthy => Phase::WaitingHealthy,
            },
        };
        let gate = state.gate.as_ref();
        let reason = gate.and_then(|gate| gate.in_the_way()).map(str::to_owned);
        let next = if reason.is_some() {
            WHILE_UNHEALTHY
        } else {
            LATER
        };
        state.say = now + next;
        let news = News::Still {
            host,
            phase,
            batch: state.batch + 1,
            so_far: now.saturating_sub(state.phase_since),
            reason,
        };
        self.tell(news);
    }
}
