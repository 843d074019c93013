//! Errors about kept runs.

use std::io;
use std::path::{Path, PathBuf};

/// Why a run cannot be kept or shown.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no directory to keep runs in: neither XDG_STATE_HOME nor HOME is an absolute path")]
    NoPlace,
    #[error("failed to {doing} {path}: {source}", path = path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{path} belongs to another user (uid {owner})", path = .path.display())]
    Foreign { path: PathBuf, owner: u32 },
    #[error("there are no kept runs in {path}", path = .0.display())]
    NoRuns(PathBuf),
    #[error("there is no kept run `{0}`")]
    NotFound(String),
    #[error("`{which}` matches {count} runs: {examples}")]
    Ambiguous {
        which: String,
        count: usize,
        examples: String,
    },
    #[error("the run {0} is still going")]
    Running(String),
    #[error(
        "{path} was written by an older version of ops: the run can be shown, but not resumed",
        path = .0.display()
    )]
    OldJournal(PathBuf),
    #[error("{path} has format {format}, and this version of ops reads format 2", path = path.display())]
    NewerJournal { path: PathBuf, format: u64 },
    #[error(
        "{path} has no header: the run was only checked, \
         or was killed before it could change anything",
        path = .0.display()
    )]
    EmptyJournal(PathBuf),
    #[error("line {line} of {path} cannot be read: {reason}", path = path.display())]
    BrokenJournal {
        path: PathBuf,
        line: usize,
        reason: String,
    },
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    /// What to try, as a sentence.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoPlace => Some("Set HOME, or set XDG_STATE_HOME to a writable directory."),
            Self::Io { .. } => Some("Set XDG_STATE_HOME to a writable directory with free space."),
            Self::Foreign { .. } => Some(
                "Set XDG_STATE_HOME to a directory of your own: \
                 ops does not use a directory of another user.",
            ),
            Self::NoRuns(_) | Self::NotFound(_) => Some("`ops history` lists the kept runs."),
            Self::Running(_) => Some("Wait until it has ended, or stop it."),
            Self::OldJournal(_) | Self::EmptyJournal(_) => Some("Run the playbook again."),
            Self::NewerJournal { .. } => {
                Some("Use the version of ops that the run was started with.")
            }
            Self::BrokenJournal { .. } => Some(
                "Something other than ops has changed the file, or the disk is damaged: \
                 the run cannot be resumed.",
            ),
            Self::Ambiguous { .. } => Some("Give more of the beginning or the end of its id."),
        }
    }
}
