//! One `ssh` process: a connection, its first stream, and the channels that it carries.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::arguments::{self, Holds};
use super::control::{self, LOG, SOCKET};
use super::diagnosis;
use super::persist::files::Files;
use super::persist::listing;
use crate::model::Connection;
use crate::shell::{Guard, REMOTE_COMMAND, Stream};
use crate::transport::child::{end, pipes, spawn};
use crate::transport::error::{TransportError, TransportErrorKind};

/// Maximum streams on one connection. Servers allow ten (`MaxSessions`) by default.
const MAX_CHANNELS: usize = 8;

/// How often to check whether the connection is up. `ssh` creates its control socket then, and has no other
/// way to report it that does not affect its streams.
const CHECK_INTERVAL: Duration = Duration::from_millis(3);

/// The time for a login, in addition to that for connecting: the user may have to touch a security key.
pub(super) const LOGIN: Duration = Duration::from_secs(20);

/// How long `ssh` may take to exit after being told to.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Master {
    /// `None` once it is being waited for, and if it is not a child of this process.
    child: Mutex<Option<Child>>,
    /// The socket of a connection that other runs use too, and that outlives this run.
    kept: Option<PathBuf>,
    mux: Arc<openssh::Session>,
    channels: Arc<Semaphore>,
    /// The log of `ssh`, and its length before.
    log: (PathBuf, u64),
    /// Removed with the connection.
    _dir: Option<TempDir>,
}

/// Why a connection opens no further channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoChannel {
    /// It has ended, or is about to end.
    Gone,
    /// The server, or this process, allows no more.
    Refused,
}

impl Master {
    /// Connects and logs in. The stream is the connection's first; its `sh` accepts input at once.
    pub(crate) async fn connect(
        connection: &Connection,
        connect_timeout: Duration,
    ) -> Result<(Arc<Self>, Stream), TransportError> {
        let failed = |what: &str, error: &std::io::Error| TransportError {
            kind: TransportErrorKind::Start,
            message: format!("failed to {what}: {error}"),
            hint: None,
        };
        let dir = control::directory()
            .map_err(|error| failed("create a directory for the connection", &error))?;
        let (socket, log) = (dir.path().join(SOCKET), dir.path().join(LOG));
        std::fs::write(&log, "")
            .map_err(|error| failed("write to the directory of the connection", &error))?;
        // LC_ALL is not set here: ssh would send it to the host.
        let mut command = Command::new("ssh");
        command.args(arguments::arguments(
            connection,
            &socket,
            &log,
            connect_timeout,
            Holds::Stream,
        ));
        let mut child = spawn(&mut command).map_err(|error| TransportError {
            hint: Some("Is OpenSSH's client installed?".into()),
            ..failed("start `ssh`", &error)
        })?;
        let (stdin, mut stdout, mut stderr) = pipes(&mut child);
        let mut child = Ending(Some(child));

        let limit = connect_timeout + LOGIN;
        let ready = tokio::time::timeout(limit, ready(&mut child, &socket)).await;
        match ready {
            Ok(None) => {}
            Ok(Some(status)) => {
                let log = read(&log, 0);
                return Err(match status.code() {
                    Some(255) | None => diagnosis::with_printed(
                        diagnosis::diagnose(connection, &log),
                        &printed(&mut stderr).await,
                    ),
                    Some(code) => shell_ended(code, &mut stdout).await,
                });
            }
            Err(_) => {
                let error = diagnosis::too_slow(&read(&log, 0), limit);
                return Err(diagnosis::with_printed(error, &printed(&mut stderr).await));
            }
        }
        let channels = Arc::new(Semaphore::new(MAX_CHANNELS));
        let permit = Arc::clone(&channels).try_acquire_owned().ok();
        let mux = Arc::new(openssh::Session::resume_mux(socket.into_boxed_path(), None));
        // It was `Some` a moment ago.
        let Some(child) = child.0.take() else {
            return Err(diagnosis::diagnose(connection, ""));
        };
        let master = Arc::new(Self {
            child: Mutex::new(Some(child)),
            kept: None,
            mux,
            channels,
            log: (log, 0),
            _dir: Some(dir),
        });
        let guard = ChannelGuard {
            master: Arc::clone(&master),
            _permit: permit,
            _child: None,
        };
        Ok((
            master,
            Stream {
                stdin,
                stdout,
                stderr,
                guard: Box::new(guard),
            },
        ))
    }

    /// A connection that `ssh` keeps in the background, and the previous length of its log.
    pub(crate) fn kept(files: &Files, log_length: u64) -> Self {
        let socket = files.socket.clone().into_boxed_path();
        Self {
            child: Mutex::new(None),
            kept: Some(files.socket.clone()),
            mux: Arc::new(openssh::Session::resume_mux(socket, None)),
            channels: Arc::new(Semaphore::new(MAX_CHANNELS)),
            log: (files.log.clone(), log_length),
            _dir: None,
        }
    }

    /// Opens one more stream, if the server allows it.
    pub(crate) async fn channel(self: &Arc<Self>) -> Option<Stream> {
        self.open_channel().await.ok()
    }

    /// Opens one more stream, or returns why not.
    pub(crate) async fn open_channel(self: &Arc<Self>) -> Result<Stream, NoChannel> {
        let permit = Arc::clone(&self.channels)
            .try_acquire_owned()
            .map_err(|_| NoChannel::Refused)?;
        let mut command = openssh::Session::to_raw_command(Arc::clone(&self.mux), REMOTE_COMMAND);
        let piped = openssh::Stdio::piped;
        let spawned = command
            .stdin(piped())
            .stdout(piped())
            .stderr(piped())
            .spawn()
            .await;
        let mut child = spawned.map_err(|error| {
            tracing::debug!(%error, "no further channel");
            match error {
                openssh::Error::Disconnected => NoChannel::Gone,
                // It has ended meanwhile.
                _ if self.kept.is_some() && !self.is_alive() => NoChannel::Gone,
                _ => NoChannel::Refused,
            }
        })?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (
            child.stdin().take(),
            child.stdout().take(),
            child.stderr().take(),
        ) else {
            return Err(NoChannel::Refused);
        };
        let guard = ChannelGuard {
            master: Arc::clone(self),
            _permit: Some(permit),
            _child: Some(child),
        };
        Ok(Stream {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            guard: Box::new(guard),
        })
    }

    pub(crate) const fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    pub(crate) fn is_alive(&self) -> bool {
        if let Some(socket) = &self.kept {
            return listing::listens(socket);
        }
        let mut child = self.child();
        child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Ends the process, and waits for that. By itself it would end with its last stream, one round trip
    /// later: after the host has confirmed the end of that stream.
    pub(crate) async fn close(&self) {
        // A kept connection is not a child.
        let mut child = Ending(self.child().take());
        if let Some(child) = &mut child.0 {
            end(child);
            let _ = tokio::time::timeout(EXIT_TIMEOUT, child.wait()).await;
        }
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        drop(Ending(self.child().take()));
    }
}

/// A stream of a connection: it keeps the connection alive.
struct ChannelGuard {
    master: Arc<Master>,
    _permit: Option<OwnedSemaphorePermit>,
    _child: Option<openssh::Child<Arc<openssh::Session>>>,
}

impl Guard for ChannelGuard {
    fn epitaph(&self) -> Option<String> {
        let said = diagnosis::words(&read(&self.master.log.0, self.master.log.1));
        (!said.is_empty()).then_some(said)
    }

    /// `ssh` tells the server that it disconnects, and the server closes the input of its sessions. If even
    /// that message is lost, the server ends them once it notices that its client is gone.
    fn ends_with_transport(&self) -> bool {
        true
    }
}

/// A child that is ended if it still runs when nobody waits for it any more.
pub(super) struct Ending(pub(super) Option<Child>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(child) = &self.0 {
            end(child);
        }
    }
}

/// Waits until the connection is up (`None`) or `ssh` has ended.
async fn ready(child: &mut Ending, socket: &std::path::Path) -> Option<std::process::ExitStatus> {
    let mut look = tokio::time::interval(CHECK_INTERVAL);
    loop {
        look.tick().await;
        if socket.exists() {
            return None;
        }
        if let Some(Ok(Some(status))) = child.0.as_mut().map(Child::try_wait) {
            return Some(status);
        }
    }
}

/// The stderr output so far: a process that `ssh` started may still hold it open.
async fn printed(stderr: &mut (dyn AsyncRead + Send + Unpin)) -> String {
    let mut said = Vec::new();
    let mut stderr = stderr.take(16 << 10);
    let whole = stderr.read_to_end(&mut said);
    let _ = tokio::time::timeout(Duration::from_millis(200), whole).await;
    String::from_utf8_lossy(&said).into_owned()
}

/// The error of a login whose shell exited at once: `nologin`, a forced command.
async fn shell_ended(code: i32, stdout: &mut (dyn AsyncRead + Send + Unpin)) -> TransportError {
    let mut said = Vec::new();
    let _ = stdout.take(1024).read_to_end(&mut said).await;
    let said = String::from_utf8_lossy(&said);
    let said = said.trim();
    TransportError {
        kind: TransportErrorKind::Other,
        message: format!(
            "the login shell exited with code {code}{}{said}",
            if said.is_empty() { "" } else { ": " }
        ),
        hint: Some("Does this user have a login shell on the host?".into()),
    }
}

/// The contents of a log after its first bytes; all of it if it was truncated.
pub(super) fn read(log: &Path, from: u64) -> String {
    let said = std::fs::read(log).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or_default();
    String::from_utf8_lossy(said.get(from..).unwrap_or(&said)).into_owned()
}
