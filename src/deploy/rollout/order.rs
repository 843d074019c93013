//! What the machine is told, and what it tells.

use std::time::Duration;

use crate::model::{Failure, HostEnd, OnAbort, Phase, RolloutEnd, Waiting};

/// Time since the rollout began.
pub type Time = Duration;

/// Something that is done with a host, by a closure of the playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Drain,
    Update,
    /// One look at its health with the new version.
    Healthy,
    Readmit,
    /// Puts it back.
    Rollback,
    /// One look at its health after that.
    RollbackHealthy,
    /// Asks the balancer whether it is in service.
    InService,
    /// Makes sure that it answers, before it is drained to be rolled back.
    Reach,
}

/// A host as a rollout finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub name: String,
    /// It is unhealthy, or the balancer has taken it out of service.
    pub down: bool,
    /// The balancer has it out of service. It is put into service only with the new version.
    pub found_out: bool,
}

/// Which way a host goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Course {
    /// Towards the new version.
    Forward,
    /// Back to where it was.
    Back,
}

/// How a step ended.
#[derive(Debug, Clone)]
pub enum StepResult {
    Done,
    Failed {
        failure: Box<Failure>,
        /// The host itself could not be reached: that says nothing of any version.
        lost: bool,
    },
    /// It was cancelled and did not get to its end.
    Cancelled,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// Time passed.
    Tick,
    /// The step of a host ended.
    Ended(usize, StepResult),
    /// The operator was asked. `Err` is why there is no answer.
    Answered(Result<bool, Box<Failure>>),
    /// Ctrl-C: hosts in flight are put back, and no further one is begun.
    Interrupted,
    /// Ctrl-C again: nothing further is begun at all.
    Killed,
}

/// What is to be done next.
#[derive(Debug, Clone)]
pub enum Order {
    /// Begins a step of a host. A step that is shielded goes on after Ctrl-C.
    Do {
        host: usize,
        step: Step,
        shielded: bool,
    },
    /// Cuts short the step of a host. Its end is told all the same.
    Cancel(usize),
    Ask(Question),
    Tell(News),
}

/// What the operator is asked between two batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The batch that has ended, counted from 1, of how many.
    pub batch: usize,
    pub batches: usize,
    /// The hosts of the next one.
    pub next: Vec<usize>,
    pub on_abort: OnAbort,
}

/// What happened, for the events of the run.
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
    /// A host's work begins: in a batch forward, and again where it is rolled back later.
    HostStarted(usize),
    Host {
        host: usize,
        phase: Phase,
        batch: usize,
        /// How long the phase took that ended with this one.
        took: Option<Duration>,
        failure: Option<Box<Failure>>,
    },
    HostFinished {
        host: usize,
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
        /// What is in the way, where that is known.
        reason: Option<String>,
    },
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Report {
    pub end: RolloutEnd,
    /// Why it was aborted.
    pub reason: Option<String>,
    /// By the index of the host. Each that does not have the new version in service has its reason.
    pub hosts: Vec<HostEnd>,
}
