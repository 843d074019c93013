//! The progress of a host.

use crate::model::{Failure, Fate, HostEnd, OnAbort, Version};

use super::gate::Gate;
use super::order::{Course, Start, Step, Time};

/// What is being done with a host right now.
#[derive(Debug)]
pub(super) enum At {
    /// Nothing: it was not started, or is finished.
    Rest,
    Doing {
        step: Step,
        cut: Option<Cut>,
    },
    /// Waits for the next health check.
    Polling {
        next: Time,
    },
}

/// Why a step was told to end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The rollout was aborted or interrupted: the host turns back. Not a failure of its own.
    Turn,
    /// No host had become healthy for too long.
    Progress,
    /// The host's own time was up.
    Deadline,
}

#[expect(clippy::struct_excessive_bools, reason = "each is used independently")]
#[derive(Debug)]
pub(super) struct Host {
    pub name: String,
    /// Its batch, counted from 0.
    pub batch: usize,
    pub at: At,
    pub course: Course,
    pub gate: Option<Gate>,
    /// Out of service, because of us or from the start.
    pub out: bool,
    /// The balancer had it out of service before the rollout.
    pub found_out: bool,
    /// When to report next that the current phase continues.
    pub say: Time,
    /// Work on it has started.
    pub begun: bool,
    /// Its update has started.
    pub touched: bool,
    pub version: Version,
    /// Nothing but its being out of service is known until it is finished.
    pub fate: Option<Fate>,
    /// When the current phase started.
    pub phase_since: Time,
    /// When work on it started.
    pub since: Time,
    /// The deadline for putting it back, once it is on its way back.
    pub back_deadline: Time,
    /// The first thing that failed.
    pub failure: Option<Box<Failure>>,
    /// Why it is not in the intended state.
    pub unrestored: Option<Box<Failure>>,
    /// Why it keeps the new version although the rollout was rolled back.
    pub kept: Option<String>,
    /// It was being worked on when the rollout was interrupted.
    pub interrupted: bool,
    /// It was being worked on when an earlier attempt of the run was cut short.
    pub was_in_flight: bool,
    /// That attempt was rolling it back.
    pub goes_back: bool,
    /// That attempt updated it, and it is not healthy now.
    pub unhealthy: Option<Box<Failure>>,
}

impl Host {
    pub(super) fn new(start: &Start, batch: usize) -> Self {
        Self {
            name: start.name.clone(),
            batch,
            at: At::Rest,
            course: Course::Forward,
            gate: None,
            out: start.down || start.found_out,
            found_out: start.found_out,
            say: Time::ZERO,
            begun: false,
            touched: false,
            version: Version::Old,
            fate: None,
            phase_since: Time::ZERO,
            since: Time::ZERO,
            back_deadline: Time::ZERO,
            failure: None,
            unrestored: None,
            kept: None,
            interrupted: false,
            was_in_flight: false,
            goes_back: false,
            unhealthy: None,
        }
    }

    pub(super) const fn in_flight(&self) -> bool {
        !matches!(self.at, At::Rest)
    }

    /// Whether it is being worked on and still moves towards the new version.
    pub(super) fn goes_forward(&self) -> bool {
        self.in_flight() && self.course == Course::Forward
    }

    /// Whether it still has to be updated. Also an updated host that is not healthy any more: it is put back,
    /// unless hosts are left as they are.
    pub(super) fn is_open(&self, on_abort: OnAbort) -> bool {
        match self.fate {
            None => true,
            Some(Fate::Updated) => self.failure.is_some() && on_abort != OnAbort::Stop,
            Some(_) => false,
        }
    }

    /// Whether it is in its former state.
    pub(super) fn is_whole(&self) -> bool {
        !self.begun
            || self.is_as_found()
            || matches!(self.fate, Some(Fate::Untouched | Fate::RolledBack))
    }

    /// Whether it was out of service before the rollout, and still is, with its former version.
    pub(super) fn is_as_found(&self) -> bool {
        self.found_out && self.fate == Some(Fate::LeftOut) && self.version == Version::Old
    }

    /// Whether a rollback must include it: it has the new version, in service or not.
    pub(super) fn is_changed(&self) -> bool {
        self.fate.is_some() && self.version == Version::New
    }

    /// Its result. `reason` is why it is not in service with the new version, if it has no reason of its
    /// own.
    pub(super) fn end(&self, reason: Option<String>) -> HostEnd {
        // What an earlier run did to a host that was found out of service is unknown.
        let (fate, version) = match self.fate {
            None if self.found_out => (Fate::LeftOut, Version::Unknown),
            None if self.was_in_flight => (Fate::LeftOut, self.version),
            fate => (fate.unwrap_or(Fate::Untouched), self.version),
        };
        HostEnd {
            fate,
            version,
            batch: Some(self.batch + 1),
            failure: self.failure.clone(),
            unrestored: self.unrestored.clone(),
            reason,
        }
    }
}
