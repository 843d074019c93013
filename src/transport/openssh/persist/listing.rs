//! The kept connections of this user: listing and ending them.

use std::io::{ErrorKind, Result};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::directory;
use super::files::Files;
use super::lock::Lock;

/// How long an `ssh` may take to confirm that it will end.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A kept connection.
#[derive(Debug, Clone)]
pub struct Persisted {
    /// `ssh amy@web1:22`.
    pub leads_to: String,
    /// When it was opened, if its files show that.
    pub since: Option<SystemTime>,
    socket: PathBuf,
}

impl Persisted {
    /// Ends it: at once, or with the last run that uses it. Returns false if it did not confirm that.
    pub async fn end(&self) -> bool {
        end(&self.socket).await
    }
}

/// Lists all kept connections, sorted by target. The remains of dead ones are removed.
///
/// # Errors
/// The directory is not safe.
pub fn persisted() -> Result<Vec<Persisted>> {
    let Some(dir) = directory::existing()? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in dir.read_dir()?.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".log")) else {
            continue;
        };
        let files = Files::new(&dir, name);
        if listens(&files.socket) {
            let leads_to = std::fs::read_to_string(&files.leads_to);
            let made = std::fs::metadata(&files.leads_to).and_then(|file| file.modified());
            found.push(Persisted {
                leads_to: leads_to.unwrap_or_else(|_| "unknown".to_owned()),
                since: made.ok(),
                socket: files.socket,
            });
        } else if let Ok(Some(_lock)) = Lock::attempt(&files.log)
            // Another run may have been connecting.
            && !listens(&files.socket)
        {
            files.remove();
        }
    }
    found.sort_by(|a, b| a.leads_to.cmp(&b.leads_to));
    Ok(found)
}

/// Tells the `ssh` behind a socket to accept no more channels, and to exit when nothing uses it.
pub(super) async fn end(socket: &Path) -> bool {
    let master = openssh::Session::resume_mux(socket.into(), None);
    matches!(
        tokio::time::timeout(ANSWER_TIMEOUT, master.close()).await,
        Ok(Ok(()))
    )
}

/// Whether a process listens on a socket.
pub(crate) fn listens(socket: &Path) -> bool {
    match UnixStream::connect(socket) {
        Ok(_) => true,
        Err(error) => !matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::ConnectionRefused
        ),
    }
}
