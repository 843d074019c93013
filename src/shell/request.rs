//! What is asked of a session, and what comes back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::OutputStream;

use super::{Captured, Payload};

/// Steps that run one after the other, then a probe, in one round trip.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub steps: Vec<Step>,
    /// Text of ours for `sh`. Runs in a plain subshell after the steps, even if one failed, timed out
    /// or was lost; not after a cancel.
    pub probe: Option<Vec<u8>>,
    /// Text of ours for `sh`. Where it fails, no body lands, and no directory is made for one. It does not
    /// keep the steps from running: that is for the first of them.
    pub guard: Option<Vec<u8>>,
    /// Functions that the scripts of own steps may call. They are hidden from commands.
    pub functions: Vec<Function>,
}

/// A function of ours for `sh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    pub name: &'static str,
    /// With its name: `name() {`, to a line `}`.
    pub body: &'static str,
}

impl Request {
    /// A request that only looks.
    #[must_use]
    pub fn probe(script: impl Into<Vec<u8>>) -> Self {
        Self {
            probe: Some(script.into()),
            ..Self::default()
        }
    }

    /// A request of one step.
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
    /// Text for `sh`. No NUL byte.
    pub script: Vec<u8>,
    pub kind: StepKind,
    /// The exit codes that are success.
    pub ok: Vec<u8>,
    pub on_failure: OnFailure,
    /// A file that is put on the host before the first step runs.
    pub body: Option<Body>,
    /// What the script reads on its standard input; nothing if `None`. May hold any byte. Part of
    /// the request's program, so meant for a megabyte at most.
    pub stdin: Option<Arc<[u8]>>,
    /// Its answer counts, and half of it is none: it is ended as [`End::TimedOut`] once it prints more than
    /// is kept.
    pub bounded: bool,
    /// From the start of this step. [`SessionOptions::timeout`](super::SessionOptions) if `None`.
    pub timeout: Option<Duration>,
}

impl Step {
    /// Short file operations of our own.
    #[must_use]
    pub fn own(script: impl Into<Vec<u8>>) -> Self {
        Self::new(StepKind::Own, script.into())
    }

    /// A command of the user, or anything that may run long.
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
            timeout: None,
        }
    }
}

/// Scripts, bodies and inputs may hold secrets: only sizes are shown.
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
    /// A plain subshell under `LC_ALL=C`, with `$ops_state` (the state directory) at hand. For our own
    /// short file operations: it may not leave a process behind.
    Own,
    /// A shell in a session of its own, in the locale of the login, with output relays; it can be
    /// killed whole. For anything of the user's.
    Command,
}

/// What happens to the steps that follow one that failed. The probe runs either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    Stop,
    Continue,
}

/// A file for a step, sent in-band, with mode 0600.
///
/// The path names a new file (one that exists is refused, so a symlink cannot lead elsewhere);
/// missing directories above it are made, with mode 0700. The file is the step's to rename away:
/// what is still there when the request ends, however it ends, is removed. A body that could not be
/// written fails its step with exit code 1 and the reason on stderr.
#[derive(Clone)]
pub struct Body {
    pub path: Vec<u8>,
    pub content: Payload,
}

/// What came back. `steps` is shorter than asked when one of them stopped the request, or a cancel did.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub steps: Vec<StepReply>,
    pub probe: Option<StepReply>,
    /// The caller's cancel cut the request short. Nothing of it runs any more.
    pub cancelled: bool,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReply {
    pub end: End,
    pub stdout: Captured,
    pub stderr: Captured,
    /// As seen from here: from the start to the end marker.
    pub duration: Duration,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// What the shell says of it. A code of 128+n is either that very code or the end by signal n;
    /// no `sh` tells which.
    Code(u8),
    /// It killed its own shell, so how it ended is unknown.
    Lost,
    /// Its time was up; its processes were killed.
    TimedOut,
    /// The caller no longer wanted it; its processes were killed.
    Cancelled,
}

/// Hears what becomes of a request while it is under way, in order. Called from within
/// [`Session::request`](super::Session::request). Steps count from 0; the probe is not reported.
///
/// A request that ends without [`Listener::over`] was lost: of its steps that have not ended, the host may
/// have run any, and may still be running one.
pub trait Listener: Send + Sync {
    /// A step has printed this. In order for each stream.
    fn chunk(&self, step: usize, stream: OutputStream, bytes: &[u8]);

    /// The whole program is on its way: from now on the host may run it. Before that it runs nothing.
    fn sent(&self) {}

    /// A step has started.
    fn started(&self, _step: usize) {}

    /// A step that started has ended, or was ended.
    fn ended(&self, _step: usize, _reply: &StepReply) {}

    /// Nothing of the request runs any more, and nothing of it will.
    fn over(&self) {}
}

/// Nobody listens.
impl Listener for () {
    fn chunk(&self, _: usize, _: OutputStream, _: &[u8]) {}
}
