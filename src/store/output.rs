//! Whole outputs of commands, kept beside the events.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::StoreError;
use super::kept::{new_dir, new_file};
use crate::model::StreamScrubber;

/// An output up to this many bytes stays in its event, and no file is written.
pub const OUTPUT_IN_EVENT: usize = 64 * 1024;

/// Takes one output of a step as it comes, and writes it to a file once it is longer than
/// [`OUTPUT_IN_EVENT`]. What is written is scrubbed.
pub struct OutputFile {
    path: PathBuf,
    scrubber: StreamScrubber,
    /// What came so far, while there is no file.
    head: Vec<u8>,
    /// The file, once there is one; the first error ends the writing.
    file: Option<io::Result<File>>,
}

impl OutputFile {
    pub(super) const fn new(path: PathBuf, scrubber: StreamScrubber) -> Self {
        Self {
            path,
            scrubber,
            head: Vec::new(),
            file: None,
        }
    }

    /// Takes a chunk. An error shows in [`OutputFile::finish`]: a command is not stopped for its log.
    pub fn push(&mut self, chunk: &[u8]) {
        let safe = self.scrubber.push(chunk);
        self.take(&safe);
    }

    /// The end of the output. Gives the file, if the output was long enough for one.
    ///
    /// # Errors
    /// It could not be written whole.
    pub fn finish(mut self) -> Result<Option<PathBuf>, StoreError> {
        let rest = self.scrubber.finish();
        self.take(&rest);
        match self.file {
            None => Ok(None),
            Some(Ok(_)) => Ok(Some(self.path)),
            Some(Err(error)) => Err(StoreError::io("write", &self.path)(error)),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        match &mut self.file {
            None => {
                self.head.extend_from_slice(bytes);
                if self.head.len() > OUTPUT_IN_EVENT {
                    self.file = Some(self.spill());
                    self.head = Vec::new();
                }
            }
            Some(Ok(file)) => {
                if let Err(error) = file.write_all(bytes) {
                    self.file = Some(Err(error));
                }
            }
            Some(Err(_)) => {}
        }
    }

    fn spill(&self) -> io::Result<File> {
        if let Some(dir) = self.path.parent() {
            new_dir(dir, true)?;
        }
        let mut file = new_file(&self.path)?;
        file.write_all(&self.head)?;
        Ok(file)
    }
}
