//! What is known about a run without reading its events.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::private::new_file;
use crate::model::Totals;

/// `meta.json`. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The version of ops.
    pub version: String,
    /// A playbook's path, or a subcommand such as `exec`.
    pub playbook: String,
    pub check: bool,
    pub started: Timestamp,
    /// The process id on the controller.
    pub pid: u32,
    /// Missing while the run goes on, and if it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Finished>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    pub at: Timestamp,
    pub exit_code: u8,
    pub totals: Totals,
    /// The number of hosts that took part.
    pub hosts: usize,
}

impl Meta {
    pub(super) fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(dir.join("meta.json")).ok()?).ok()
    }

    /// Replaces the file atomically, so that a reader never finds an incomplete one. It is not synced: after
    /// a crash of the machine the events and the journal are enough.
    pub(super) fn write(&self, dir: &Path) -> Result<(), StoreError> {
        let (path, fresh) = (dir.join("meta.json"), dir.join("meta.json.new"));
        let write = || {
            std::io::Write::write_all(&mut new_file(&fresh)?, &serde_json::to_vec_pretty(self)?)?;
            std::fs::rename(&fresh, &path)
        };
        write().map_err(StoreError::io("write", &path))
    }
}
