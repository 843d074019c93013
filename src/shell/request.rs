//! The requests and replies of a session.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::OutputStream;

use super::{Captured, Payload};

/// Steps that run one after another, then a probe, in one round trip.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub steps: Vec<Step>,
    /// A script of ops for `sh`. Runs in a plain subshell after the steps, even if one failed, timed out or
    /// was lost; not after a cancel.
    pub probe: Option<Vec<u8>>,
    /// A script of ops for `sh`. If it fails, no body is written, and no directory is created for one. It
    /// does not prevent the steps from running: the first step must do that.
    pub guard: Option<Vec<u8>>,
    /// Functions that the scripts of own steps may call. Commands do not see them.
    pub functions: Vec<Function>,
    /// Where the host records those commands that have a [`Step::record`].
    pub records: Option<Records>,
}

/// The record of a run's commands on a host: one file for each user and attempt, in the state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// The id of the run: letters, digits and `-`. Ids sort by time.
    pub run: String,
    /// Which of the processes of ops that have worked on the run, counted from 1. The host ends the session
    /// of one that opens its record after a later one did.
    pub attempt: u32,
}

/// A function of ops for `sh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    pub name: &'static str,
    /// Including its name: `name() {`, up to a line `}`.
    pub body: &'static str,
}

impl Request {
    /// A read-only request.
    #[must_use]
    pub fn probe(script: impl Into<Vec<u8>>) -> Self {
        Self {
            probe: Some(script.into()),
            ..Self::default()
        }
    }

    /// A request with one step.
    #[must_use]
    pub fn step(step: Step) -> Self {
        Self {
            steps: vec![step],
            ..Self::default()
        }
    }
}

/// One step of a request.
#[derive(Clone)]
pub struct Step {
    /// A script for `sh`, without a NUL byte.
    pub script: Vec<u8>,
    pub kind: StepKind,
    /// The exit codes that mean success.
    pub ok: Vec<u8>,
    pub on_failure: OnFailure,
    /// A file that is written to the host before the first step runs.
    pub body: Option<Body>,
    /// The standard input of the script; empty if `None`. May contain any byte. It is part of the request's
    /// program, so it should be at most about a megabyte.
    pub stdin: Option<Arc<[u8]>>,
    /// Its output is an answer, which is useless in part: the step ends as [`End::TimedOut`] once it prints
    /// more than is kept.
    pub bounded: bool,
    /// The key under which the host records when the command begins and how it ends: letters and digits only.
    /// Requires [`Request::records`].
    pub record: Option<String>,
    /// A line of ops for `sh` that the shell of the request runs right before the step, once its body is
    /// there. It must print nothing, and leave everything as it was for the step.
    pub before: Option<Vec<u8>>,
    /// The same, right after the step, if it ended with one of the codes in `ok`.
    pub after: Option<Vec<u8>>,
    /// From the start of this step. [`SessionOptions::timeout`](super::SessionOptions) if `None`.
    pub timeout: Option<Duration>,
}

impl Step {
    /// Creates a step for short file operations of ops.
    #[must_use]
    pub fn own(script: impl Into<Vec<u8>>) -> Self {
        Self::new(StepKind::Own, script.into())
    }

    /// Creates a step for a command of the user, or anything that may run long.
    #[must_use]
    pub fn command(script: impl Into<Vec<u8>>) -> Self {
        Self::new(StepKind::Command, script.into())
    }

    fn new(kind: StepKind, script: Vec<u8>) -> Self {
        Self {
            script,
            kind,
            ok: vec![0],
            on_failure: OnFailure::Stop,
            body: None,
            stdin: None,
            bounded: false,
            record: None,
            before: None,
            after: None,
            timeout: None,
        }
    }
}

/// Scripts, bodies and inputs may contain secrets: only sizes are shown.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("kind", &self.kind)
            .field("script", &format_args!("{} bytes", self.script.len()))
            .finish_non_exhaustive()
    }
}

/// How a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// A plain subshell under `LC_ALL=C`, in which `$ops_state` is the state directory. For short file
    /// operations of ops: it must not leave a process behind.
    Own,
    /// A shell in a separate session, in the locale of the login, with output relays; all of it can be
    /// killed. For anything from the user.
    Command,
}

/// What happens to the steps after a failed one. The probe runs either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    Stop,
    Continue,
}

/// A file for a step, sent in-band, with mode 0600.
///
/// The path names a new file (an existing one is refused, so a symlink cannot redirect it); missing parent
/// directories are created with mode 0700. The step has to rename the file: if it still exists when the
/// request ends, however it ends, it is removed. A body that could not be written fails its step with exit
/// code 1 and the reason on stderr.
#[derive(Clone)]
pub struct Body {
    pub path: Vec<u8>,
    pub content: Payload,
}

/// The results. `steps` is shorter than requested if one of them stopped the request, or a cancel did.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub steps: Vec<StepReply>,
    pub probe: Option<StepReply>,
    /// The caller's cancel cut the request short. Nothing of it runs any more.
    pub cancelled: bool,
}

/// The result of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReply {
    pub end: End,
    pub stdout: Captured,
    pub stderr: Captured,
    /// Measured locally: from the start marker to the end marker.
    pub duration: Duration,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The status reported by the shell. A code of 128+n is either that very code or the end by signal n;
    /// no `sh` distinguishes them.
    Code(u8),
    /// It killed its own shell, so how it ended is unknown.
    Lost,
    /// Its time limit expired; its processes were killed.
    TimedOut,
    /// The caller cancelled it; its processes were killed.
    Cancelled,
}

/// Receives the progress of a request, in order. Called from within
/// [`Session::request`](super::Session::request). Steps count from 0; the probe is not reported.
///
/// A request that ends without [`Listener::over`] was lost: the host may have run any of its steps that
/// have not ended, and may still be running one.
pub trait Listener: Send + Sync {
    /// A step has printed this. In order for each stream.
    fn chunk(&self, step: usize, stream: OutputStream, bytes: &[u8]);

    /// The whole program was sent: from now on the host may run it. Before that it runs nothing.
    fn sent(&self) {}

    /// A step has started.
    fn started(&self, _step: usize) {}

    /// A step that started has ended, or was ended.
    fn ended(&self, _step: usize, _reply: &StepReply) {}

    /// The host could not record that a command began, or how it ended.
    fn unrecorded(&self) {}

    /// Nothing of the request runs any more, and nothing of it will.
    fn over(&self) {}
}

/// Ignores everything.
impl Listener for () {
    fn chunk(&self, _: usize, _: OutputStream, _: &[u8]) {}
}
