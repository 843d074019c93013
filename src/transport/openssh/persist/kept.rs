//! Opens a channel on a kept connection, or the connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;

use super::files::Files;
use super::lock::Lock;
use super::{directory, identity, listing};
use crate::model::Connection;
use crate::shell::Stream;
use crate::transport::child::spawn_quiet;
use crate::transport::error::{TransportError, TransportErrorKind};
use crate::transport::openssh::arguments::{self, Holds};
use crate::transport::openssh::diagnosis;
use crate::transport::openssh::master::{self, Ending, LOGIN, Master, NoChannel};

/// A longer log of a connection is truncated.
const MAX_LOG: u64 = 1 << 20;

/// Returns a stream of the kept connection, which is opened if there is none. `None`: it cannot be used,
/// but a connection of this run may work: the server allows no more channels on it, or there is no safe
/// directory for its socket.
pub(crate) async fn open(
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
    // The holder of the lock connects.
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
    // Left behind by a killed process: nobody listens on it.
    let _ = std::fs::remove_file(&files.socket);
    start(connection, leads_to, persist, connect_timeout, &files).await?;
    let opened = use_it(&files, connect_timeout).await.ok();
    drop(lock);
    Ok(opened)
}

async fn use_it(files: &Files, patience: Duration) -> Result<(Arc<Master>, Stream), NoChannel> {
    let length = std::fs::metadata(&files.log).map_or(0, |log| log.len());
    if length > MAX_LOG {
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
    // Its host is gone, and `ssh` has not noticed yet. Its current users may continue with it; there will
    // be no new ones.
    listing::end(&files.socket).await;
    Err(NoChannel::Gone)
}

/// Makes `ssh` connect, log in and go to the background.
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
        .map_err(|error| failed("write to the directory of kept connections", &error))?;
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
    let log = || master::read(&files.log, 0);
    match tokio::time::timeout(limit, ssh.wait()).await {
        // It has logged in; its child waits in the background.
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(_) => Err(diagnosis::diagnose(connection, &log())),
        Err(_) => Err(diagnosis::too_slow(&log(), limit)),
    }
}
