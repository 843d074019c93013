//! What a command came back with, as it is recorded: its exit code and its output.
//!
//! An output of up to [`RESULT_IN_ENTRY`] bytes is in the entry, a longer one in a file of its own, which has
//! the same form. All of a run are limited to [`RESULTS_KEPT`] bytes: beyond that, only the length is
//! recorded.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::hide::Hide;
use crate::model::{Recorded, Secrets, UnknownSecret};
use crate::store::private::{new_dir, new_file};

/// An output of up to this many bytes is in its entry.
pub const RESULT_IN_ENTRY: usize = 64 * 1024;

/// How many bytes of the output of commands a run records.
pub const RESULTS_KEPT: usize = 16 << 20;

/// The largest file that is read: an output of 1 MiB, all of which is in escapes.
const MAX_FILE: u64 = 8 << 20;

/// The directory of long outputs, in that of the run.
pub(super) const DIR: &str = "results";

/// What a command came back with, to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct CommandResult<'r> {
    /// The host that it ran on.
    pub host: &'r str,
    /// `None` if it did not exit by itself.
    pub code: Option<i32>,
    pub stdout: &'r [u8],
    pub stderr: &'r [u8],
}

/// What a command came back with, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedResult {
    pub host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    #[serde(default, skip_serializing_if = "RecordedOutput::is_empty")]
    pub stdout: RecordedOutput,
    #[serde(default, skip_serializing_if = "RecordedOutput::is_empty")]
    pub stderr: RecordedOutput,
}

/// An output as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RecordedOutput {
    Here(Recorded),
    /// In a file, whose path is relative to the directory of the run. It is not synced: after a crash of the
    /// machine it may be missing or incomplete, which is an error when it is read.
    File {
        file: PathBuf,
        bytes: usize,
    },
    /// It had this many bytes, and there was no room for them.
    LeftOut {
        left_out: usize,
    },
}

/// Why a recorded output cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error(transparent)]
    Secret(#[from] UnknownSecret),
    #[error("it was too long to be kept: {0} bytes")]
    LeftOut(usize),
    #[error("failed to read {path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
}

impl Default for RecordedOutput {
    fn default() -> Self {
        Self::Here(Recorded::default())
    }
}

impl RecordedOutput {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The bytes as the command printed them. `dir` is the directory of the run.
    ///
    /// # Errors
    /// It was not kept, or holds a secret that this process does not know.
    pub fn bytes(&self, dir: &Path, secrets: &Secrets) -> Result<Vec<u8>, OutputError> {
        match self {
            Self::Here(recorded) => Ok(secrets.reveal(recorded)?.into_owned()),
            Self::LeftOut { left_out } => Err(OutputError::LeftOut(*left_out)),
            Self::File { file, .. } => {
                let path = dir.join(file);
                let failed = |source| OutputError::File {
                    path: path.clone(),
                    source,
                };
                let recorded = read(&path).map_err(failed)?;
                Ok(secrets.reveal(&recorded)?.into_owned())
            }
        }
    }
}

impl Hide for RecordedResult {
    fn hide(&mut self, secrets: &Secrets) {
        for output in [&mut self.stdout, &mut self.stderr] {
            if let RecordedOutput::Here(recorded) = output {
                secrets.record_again(recorded, Some(&self.host));
            }
        }
        self.host.hide(secrets);
    }
}

/// Where results of a run are recorded, and how much room is left.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// The directory of the run; without one, no files are written.
    pub dir: Option<PathBuf>,
    used: usize,
    /// The files so far, each with the host it is about.
    files: Vec<(PathBuf, String)>,
}

impl Results {
    /// `name` is that of the file for a long output, without its end.
    pub(super) fn record(
        &mut self,
        name: &str,
        result: &CommandResult<'_>,
        secrets: &Secrets,
    ) -> RecordedResult {
        let host = result.host;
        let mut output =
            |bytes, stream| self.output(bytes, &format!("{name}.{stream}"), host, secrets);
        let mut recorded = RecordedResult {
            host: String::new(),
            code: result.code,
            stdout: output(result.stdout, "stdout"),
            stderr: output(result.stderr, "stderr"),
        };
        recorded.host = secrets.scrub(host).into_owned();
        recorded
    }

    fn output(
        &mut self,
        bytes: &[u8],
        name: &str,
        host: &str,
        secrets: &Secrets,
    ) -> RecordedOutput {
        let left_out = RecordedOutput::LeftOut {
            left_out: bytes.len(),
        };
        if self.used + bytes.len() > RESULTS_KEPT {
            return left_out;
        }
        self.used += bytes.len();
        let recorded = secrets.record(bytes, Some(host));
        let Some(dir) = self.dir.as_ref().filter(|_| bytes.len() > RESULT_IN_ENTRY) else {
            return RecordedOutput::Here(recorded);
        };
        let file = Path::new(DIR).join(name);
        let path = dir.join(&file);
        self.files.push((path.clone(), host.to_owned()));
        match write(&path, &recorded) {
            Ok(()) => RecordedOutput::File {
                file,
                bytes: bytes.len(),
            },
            Err(error) => {
                tracing::warn!("failed to write {}: {error}", path.display());
                left_out
            }
        }
    }

    /// Takes an output of an earlier attempt into account.
    pub(super) fn take_over(&mut self, host: &str, output: &RecordedOutput) {
        match (output, &self.dir) {
            (RecordedOutput::Here(recorded), _) => self.used += recorded.len(),
            (RecordedOutput::File { file, bytes }, Some(dir)) => {
                self.used += bytes;
                self.files.push((dir.join(file), host.to_owned()));
            }
            (RecordedOutput::File { .. } | RecordedOutput::LeftOut { .. }, _) => {}
        }
    }

    /// Replaces a secret that has become known.
    pub(super) fn hide(&self, holds: impl Fn(&[u8]) -> bool, secrets: &Secrets) -> io::Result<()> {
        for (path, host) in &self.files {
            let bytes = match std::fs::read(path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if !holds(&bytes) {
                continue;
            }
            let Ok(before) = serde_json::from_slice::<Recorded>(&bytes) else {
                // Cut short by a crash of the machine: useless, and not searchable.
                std::fs::remove_file(path)?;
                continue;
            };
            let mut after = before.clone();
            secrets.record_again(&mut after, Some(host));
            if after != before {
                write(path, &after)?;
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Recorded> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(serde_json::from_slice(&bytes)?)
}

/// Writes a file, replacing it atomically.
fn write(path: &Path, recorded: &Recorded) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        new_dir(dir, true)?;
    }
    let new = path.with_added_extension("new");
    new_file(&new)?.write_all(&serde_json::to_vec(recorded)?)?;
    std::fs::rename(&new, path)
}
