//! The bytes of a body: held in memory, or read from a file while they are sent.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

/// The bytes of a body. A clone is another reference to the same bytes: any number of hosts share them.
#[derive(Clone)]
pub enum Payload {
    Held(Arc<[u8]>),
    File(Arc<SourceFile>),
}

impl Payload {
    /// In bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::File(file) => file.stamp.size,
        }
    }

    /// The bytes, unless they stay in their file.
    #[must_use]
    pub const fn held(&self) -> Option<&Arc<[u8]>> {
        match self {
            Self::Held(bytes) => Some(bytes),
            Self::File(_) => None,
        }
    }
}

impl<T: Into<Arc<[u8]>>> From<T> for Payload {
    fn from(bytes: T) -> Self {
        Self::Held(bytes.into())
    }
}

/// A file that stays open, so that all readers read the same one, whatever happens to its path. Writing to
/// it is detected.
pub struct SourceFile {
    file: File,
    name: String,
    stamp: Stamp,
}

/// Used to detect that a file was changed. If someone resets its times, the host detects the change, as it
/// has the hash.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let found = file.metadata()?;
        Ok(Self {
            size: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
        })
    }
}

impl SourceFile {
    /// Creates one; `name` is its name in errors.
    ///
    /// # Errors
    /// The metadata of the file cannot be read.
    pub fn new(file: File, name: impl Into<String>) -> io::Result<Self> {
        let stamp = Stamp::of(&file)?;
        let name = name.into();
        Ok(Self { file, name, stamp })
    }

    /// In bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Fills `bytes` with the content from the offset `at`.
    ///
    /// # Errors
    /// The file cannot be read, or it was changed since it was opened. A lower-case fragment.
    pub fn read(&self, at: u64, bytes: &mut [u8]) -> Result<(), String> {
        let read = self.file.read_exact_at(bytes, at);
        match Stamp::of(&self.file) {
            Ok(now) if now == self.stamp => {}
            Ok(_) => {
                return Err(format!(
                    "{} was changed while it was sent: run it again",
                    self.name
                ));
            }
            Err(error) => return Err(format!("cannot read {}: {error}", self.name)),
        }
        read.map_err(|error| format!("cannot read {}: {error}", self.name))
    }
}
