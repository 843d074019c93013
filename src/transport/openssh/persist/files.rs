//! The files of a kept connection.

use std::path::{Path, PathBuf};

/// The files of one kept connection.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub socket: PathBuf,
    /// The log of `ssh`. The lock is on this file, too.
    pub log: PathBuf,
    /// Its target, for users.
    pub leads_to: PathBuf,
}

impl Files {
    pub(crate) fn new(dir: &Path, name: &str) -> Self {
        let file = |end: &str| dir.join(format!("{name}{end}"));
        Self {
            socket: file(""),
            log: file(".log"),
            leads_to: file(".host"),
        }
    }

    /// Removes what a dead connection has left. The caller must hold its lock.
    pub(crate) fn remove(&self) {
        for file in [&self.socket, &self.leads_to, &self.log] {
            let _ = std::fs::remove_file(file);
        }
    }
}
