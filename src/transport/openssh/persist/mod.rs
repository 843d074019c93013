//! Connections that outlive a run: `--persist`.
//!
//! What holds one is `ssh` itself, in the background (`ControlPersist`, ssh_config(5)), behind a control socket in a directory
//! that only this user can enter. A later run opens its channels there: no process, no handshake. The name of the socket is
//! made of all that matters for the connection, so one that was opened otherwise is not found. Who finds none opens one, under a lock,
//! so that of several runs that begin at once one does.

mod directory;
mod identity;
mod listing;
mod lock;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;

use crate::model::Connection;
use crate::shell::Stream;
use crate::transport::child::spawn_quiet;
use crate::transport::{TransportError, TransportErrorKind};

use super::arguments::{self, Holds};
use super::diagnosis;
use super::master::{Ending, LOGIN, Master, NoChannel};
use lock::Lock;

pub(super) use listing::listens;
pub use listing::{Persisted, persisted};

/// A log that a connection has written so much into is begun anew.
const LONGEST_LOG: u64 = 1 << 20;

/// What belongs to one connection that is kept.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub socket: PathBuf,
    /// What `ssh` says. It is what the lock is held on, too.
    pub log: PathBuf,
    /// Where it leads, for people.
    pub leads_to: PathBuf,
}

impl Files {
    fn new(dir: &Path, name: &str) -> Self {
        let file = |end: &str| dir.join(format!("{name}{end}"));
        Self {
            socket: file(""),
            log: file(".log"),
            leads_to: file(".host"),
        }
    }

    /// Takes away what a connection that is no more has left. Under its lock.
    fn remove(&self) {
        for file in [&self.socket, &self.leads_to, &self.log] {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// A stream of the kept connection that this one asks for, which is opened if there is none. `None`: it cannot be used, and a
/// connection of one's own may do: the server grants no more channels on it, or there is no safe place for its socket.
pub(super) async fn open(
    connection: &Connection,
    leads_to: &str,
    persist: Duration,
    connect_timeout: Duration,
) -> Result<Option<(Arc<Master>, Stream)>, TransportError> {
    let dir = match directory::ensure() {
        Ok(dir) => dir,
        Err(error) => {
            tracing::warn!(%error, "the connection is not kept");
            return Ok(None);
        }
    };
    let files = Files::new(&dir, &identity::name(connection, persist));
    match use_it(&files, connect_timeout).await {
        Err(NoChannel::Gone) => {}
        Err(NoChannel::Refused) => return Ok(None),
        Ok(opened) => return Ok(Some(opened)),
    }
    // Whoever has it connects.
    let limit = connect_timeout + LOGIN;
    let lock = match tokio::time::timeout(limit, Lock::on(&files.log)).await {
        Ok(Ok(lock)) => lock,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the connection is not kept");
            return Ok(None);
        }
        Err(_) => return Ok(None),
    };
    match use_it(&files, connect_timeout).await {
        Err(NoChannel::Gone) => {}
        Err(NoChannel::Refused) => return Ok(None),
        Ok(opened) => return Ok(Some(opened)),
    }
    // Left behind by one that was killed: nobody listens there.
    let _ = std::fs::remove_file(&files.socket);
    start(connection, leads_to, persist, connect_timeout, &files).await?;
    let opened = use_it(&files, connect_timeout).await.ok();
    drop(lock);
    Ok(opened)
}

async fn use_it(files: &Files, patience: Duration) -> Result<(Arc<Master>, Stream), NoChannel> {
    let length = std::fs::metadata(&files.log).map_or(0, |log| log.len());
    if length > LONGEST_LOG {
        // `ssh` appends.
        let _ = std::fs::OpenOptions::new()
            .write(true)
            .open(&files.log)
            .and_then(|log| log.set_len(0));
    }
    let master = Arc::new(Master::kept(files, length));
    if let Ok(opened) = tokio::time::timeout(patience, master.open_channel()).await {
        return opened.map(|stream| (master, stream));
    }
    // Its host is gone, and `ssh` has not seen it yet. What others do on it may go on; nobody else comes to it.
    listing::end(&files.socket).await;
    Err(NoChannel::Gone)
}

/// Has `ssh` connect, log in and go into the background.
async fn start(
    connection: &Connection,
    leads_to: &str,
    persist: Duration,
    connect_timeout: Duration,
    files: &Files,
) -> Result<(), TransportError> {
    let failed = |what: &str, error: &std::io::Error| TransportError {
        kind: TransportErrorKind::Start,
        message: format!("failed to {what}: {error}"),
        hint: None,
    };
    std::fs::write(&files.log, "")
        .and_then(|()| std::fs::write(&files.leads_to, leads_to))
        .map_err(|error| failed("write in the directory of kept connections", &error))?;
    let mut command = Command::new("ssh");
    command.args(arguments::arguments(
        connection,
        &files.socket,
        &files.log,
        connect_timeout,
        Holds::Nothing { persist },
    ));
    let child = spawn_quiet(&mut command).map_err(|error| TransportError {
        hint: Some("Is OpenSSH's client installed?".into()),
        ..failed("start `ssh`", &error)
    })?;
    let mut child = Ending(Some(child));
    let Some(ssh) = &mut child.0 else {
        return Ok(());
    };
    let limit = connect_timeout + LOGIN;
    let log = || super::master::read(&files.log, 0);
    match tokio::time::timeout(limit, ssh.wait()).await {
        // It has logged in; what waits in the background is its child.
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(_) => Err(diagnosis::diagnose(connection, &log())),
        Err(_) => Err(diagnosis::too_slow(&log(), limit)),
    }
}
