//! The inputs and outputs of the machine.

use std::time::Duration;

use crate::model::{Failure, Fate, HostEnd, OnAbort, Phase, RolloutEnd, Version, Waiting};

/// Time since the rollout started.
pub type Time = Duration;

/// A step of a host, done by a closure of the playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Drain,
    Update,
    /// A health check with the new version.
    Healthy,
    Readmit,
    /// Puts it back.
    Rollback,
    /// A health check after that.
    RollbackHealthy,
    /// Asks the balancer whether it is in service.
    InService,
    /// Checks that it can be reached, before it is drained for its rollback.
    Reach,
}

/// The state in which a rollout finds a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub name: String,
    /// It is unhealthy, or the balancer has taken it out of service.
    pub down: bool,
    /// The balancer has it out of service. It is put into service only with the new version.
    pub found_out: bool,
}

/// The direction of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Course {
    /// Towards the new version.
    Forward,
    /// Back to its former state.
    Back,
}

/// How a step ended.
#[derive(Debug, Clone)]
pub enum StepResult {
    Done,
    Failed {
        failure: Box<Failure>,
        /// The host itself could not be reached: that says nothing about any version.
        lost: bool,
    },
    /// It was cancelled before its end.
    Cancelled,
}

/// An event.
#[derive(Debug, Clone)]
pub enum Input {
    /// Time passed.
    Tick,
    /// The step of a host ended.
    Ended(usize, StepResult),
    /// The operator answered. `Err` is why there is no answer.
    Answered(Result<bool, Box<Failure>>),
    /// Ctrl-C: hosts in flight are put back, and no further host is started.
    Interrupted,
    /// A second Ctrl-C: nothing further is started at all.
    Killed,
}

/// What to do next.
#[derive(Debug, Clone)]
pub enum Order {
    /// Starts a step of a host. A shielded step continues after Ctrl-C.
    Do {
        host: usize,
        step: Step,
        shielded: bool,
    },
    /// Interrupts the step of a host. Its end is reported all the same.
    Cancel(usize),
    Ask(Question),
    Tell(News),
}

/// The question to the operator between two batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The batch that has ended, counted from 1, and the number of batches.
    pub batch: usize,
    pub batches: usize,
    /// The hosts of the next batch.
    pub next: Vec<usize>,
    pub on_abort: OnAbort,
}

/// An event of the rollout, for the events of the run.
#[derive(Debug, Clone)]
pub enum News {
    BatchStarted {
        batch: usize,
        batches: usize,
        hosts: Vec<usize>,
        course: Course,
    },
    BatchFinished {
        batch: usize,
        batches: usize,
        failed: usize,
        course: Course,
        took: Duration,
    },
    /// Work on a host starts: in a batch forward, and again if it is rolled back later.
    HostStarted(usize),
    Host {
        host: usize,
        phase: Phase,
        batch: usize,
        /// The duration of the phase that ended.
        took: Option<Duration>,
        failure: Option<Box<Failure>>,
    },
    HostFinished {
        host: usize,
        fate: Fate,
        version: Version,
        failure: Option<Box<Failure>>,
        took: Duration,
    },
    /// Between two batches.
    Waiting {
        batch: usize,
        on: Waiting,
        time: Option<Duration>,
    },
    Aborted {
        reason: String,
    },
    /// A host has been in a phase for a while.
    Still {
        host: usize,
        phase: Phase,
        batch: usize,
        so_far: Duration,
        /// The cause of the delay, if known.
        reason: Option<String>,
    },
}

/// The result.
#[derive(Debug, Clone)]
pub struct Report {
    pub end: RolloutEnd,
    /// Why it was aborted.
    pub reason: Option<String>,
    /// By the index of the host. Each host that does not have the new version in service has a reason.
    pub hosts: Vec<HostEnd>,
}
