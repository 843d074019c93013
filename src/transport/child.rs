//! An `sh` that is a child of this process: on this machine, or behind a command such as `docker exec -i
//! web1`.

use std::process::Stdio;

use futures_util::future::BoxFuture;
use tokio::process::{Child, Command};

use super::error::{TransportError, TransportErrorKind};
use super::transport::{FailedAttempt, Transport};
use crate::shell::{Guard, INNER_COMMAND, Stream};

/// Starts `PREFIX... sh -c ...` for every stream.
#[derive(Debug)]
pub struct ChildTransport {
    /// Empty for a shell on this machine.
    prefix: Vec<String>,
}

impl ChildTransport {
    /// A shell on this machine, as the user who runs ops.
    #[must_use]
    pub const fn local() -> Self {
        Self { prefix: Vec::new() }
    }

    /// A shell behind a command: `["docker", "exec", "-i", "web1"]`.
    #[must_use]
    pub const fn exec(prefix: Vec<String>) -> Self {
        Self { prefix }
    }
}

impl Transport for ChildTransport {
    fn open_watched<'a>(
        &'a self,
        _: &'a FailedAttempt<'a>,
    ) -> BoxFuture<'a, Result<Stream, TransportError>> {
        Box::pin(async move {
            let mut words =
                self.prefix
                    .iter()
                    .map(String::as_str)
                    .chain(["sh", "-c", INNER_COMMAND]);
            let program = words.next().unwrap_or("sh");
            let mut command = Command::new(program);
            command.args(words);
            let child = spawn(&mut command).map_err(|error| TransportError {
                kind: TransportErrorKind::Start,
                message: format!("failed to start `{program}`: {error}"),
                hint: Some(format!("Is `{program}` installed, and on the PATH?")),
            })?;
            Ok(stream(child))
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn describe(&self) -> String {
        if self.prefix.is_empty() {
            "local".into()
        } else {
            self.prefix.join(" ")
        }
    }
}

/// Starts a child with three pipes, in a separate process group: a Ctrl-C at the terminal is for ops, which
/// shuts down its children itself.
pub(super) fn spawn(command: &mut Command) -> std::io::Result<Child> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Starts a child without pipes: a background process of that child then holds none of ours.
pub(super) fn spawn_quiet(command: &mut Command) -> std::io::Result<Child> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

fn stream(mut child: Child) -> Stream {
    let (stdin, stdout, stderr) = pipes(&mut child);
    Stream {
        stdin,
        stdout,
        stderr,
        guard: Box::new(EndOnDrop(child)),
    }
}

pub(super) type Pipes = (
    Box<dyn tokio::io::AsyncWrite + Send + Unpin>,
    Box<dyn tokio::io::AsyncRead + Send + Unpin>,
    Box<dyn tokio::io::AsyncRead + Send + Unpin>,
);

pub(super) fn pipes(child: &mut Child) -> Pipes {
    (
        child.stdin.take().map_or_else(
            || Box::new(tokio::io::sink()) as _,
            |pipe| Box::new(pipe) as _,
        ),
        child.stdout.take().map_or_else(
            || Box::new(tokio::io::empty()) as _,
            |pipe| Box::new(pipe) as _,
        ),
        child.stderr.take().map_or_else(
            || Box::new(tokio::io::empty()) as _,
            |pipe| Box::new(pipe) as _,
        ),
    )
}

/// Sends the child a TERM when dropped. The loop on the other side sees the end of its stream, so it still
/// kills what it started. tokio reaps the child later.
struct EndOnDrop(Child);

impl Guard for EndOnDrop {}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        end(&self.0);
    }
}

/// Sends TERM to a child that is still running.
pub(super) fn end(child: &Child) {
    // `id` is `None` once the child was waited for, so the number cannot belong to another process.
    if let Some(pid) = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()))
    {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}
