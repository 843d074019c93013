//! A local file or directory that is sent to hosts.

use std::fmt;
use std::sync::OnceLock;

use crate::shell::Payload;
use crate::tasks::fs::{Content, compressed};

/// A local file, or a local directory as a tar file.
pub struct Artifact {
    pub(in crate::tasks) content: Content,
    /// It was packed from a directory.
    pub(in crate::tasks) packed: bool,
    /// The owner may execute the file.
    pub(in crate::tasks) executable: bool,
    /// Created for the first host that needs it.
    compressed: OnceLock<Result<Option<Payload>, String>>,
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Artifact({:?})", self.content)
    }
}

impl Artifact {
    /// The digest of its content, if it is computed by now.
    #[must_use]
    pub fn known_sha256(&self) -> Option<&str> {
        self.content.known_sha256()
    }

    /// The digest of its content.
    #[must_use]
    pub fn sha256(&self) -> &str {
        self.content.sha256()
    }

    /// An artifact for a file.
    #[must_use]
    pub const fn file(content: Content, executable: bool) -> Self {
        Self {
            content,
            packed: false,
            executable,
            compressed: OnceLock::new(),
        }
    }

    /// An artifact for a directory packed into a tar file.
    #[must_use]
    pub const fn packed(tar: Content) -> Self {
        Self {
            content: tar,
            packed: true,
            executable: false,
            compressed: OnceLock::new(),
        }
    }

    /// Its bytes compressed, once for all hosts; `None`: compressed bytes would not be smaller.
    pub(in crate::tasks) fn compressed(&self) -> Result<Option<Payload>, String> {
        let compress = || compressed(&self.content).map_err(|error| error.to_string());
        self.compressed.get_or_init(compress).clone()
    }
}
