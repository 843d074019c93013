//! The first line of an attempt in a journal: what the run was started with.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::Source;
use super::hide::Hide;
use crate::model::{Recorded, Secrets, UnknownSecret};
use crate::store::Controller;

/// The version of the format. Version 1 had no header.
pub const FORMAT: u64 = 2;

/// What a run was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunInputs {
    /// The command line, with the name of the program.
    pub command: Vec<OsString>,
    /// The working directory.
    pub directory: PathBuf,
    /// As the user named it. Subcommands that change hosts have none.
    pub playbook: Option<String>,
    /// The playbook, its modules, and what else was read by now.
    pub sources: Vec<Source>,
    /// A digest of the loaded inventory.
    pub inventory: Option<String>,
    /// Where the run is kept.
    pub controller: Controller,
}

/// The header of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Is [`FORMAT`].
    pub(super) journal: u64,
    /// Counts from 1. A run that is resumed makes another attempt.
    pub attempt: u32,
    pub ts: Timestamp,
    /// The version of ops.
    pub version: String,
    command: Vec<Recorded>,
    directory: Recorded,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    #[serde(default)]
    pub sources: Vec<Source>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<String>,
    #[serde(default)]
    pub controller: Controller,
}

impl Header {
    pub(super) fn new(attempt: u32, inputs: &RunInputs, secrets: &Secrets) -> Self {
        let record = |text: &std::ffi::OsStr| secrets.record(text.as_bytes(), None);
        let mut header = Self {
            journal: FORMAT,
            attempt,
            ts: Timestamp::now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: inputs.command.iter().map(|word| record(word)).collect(),
            directory: record(inputs.directory.as_os_str()),
            playbook: inputs.playbook.clone(),
            sources: inputs.sources.clone(),
            inventory: inputs.inventory.clone(),
            controller: inputs.controller.clone(),
        };
        header.hide(secrets);
        header
    }

    /// The command line.
    ///
    /// # Errors
    /// It holds a secret that this process does not know.
    pub fn command(&self, secrets: &Secrets) -> Result<Vec<OsString>, UnknownSecret> {
        let word = |word| Ok(OsString::from_vec(secrets.reveal(word)?.into_owned()));
        self.command.iter().map(word).collect()
    }

    /// The working directory.
    ///
    /// # Errors
    /// As for [`command`](Self::command).
    pub fn directory(&self, secrets: &Secrets) -> Result<PathBuf, UnknownSecret> {
        let bytes = secrets.reveal(&self.directory)?.into_owned();
        Ok(OsString::from_vec(bytes).into())
    }
}

impl Hide for Header {
    fn hide(&mut self, secrets: &Secrets) {
        self.command.hide(secrets);
        self.directory.hide(secrets);
        self.playbook.hide(secrets);
        self.sources.hide(secrets);
    }
}
