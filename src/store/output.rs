//! Outputs of commands that are too long for their events, kept in files: the first part and the last.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use super::StoreError;
use super::private::{new_dir, new_file};

/// An output of up to this many bytes is in its event, and no file is written.
pub const OUTPUT_IN_EVENT: usize = 64 * 1024;

/// How many of the first bytes of an output are kept.
pub const OUTPUT_KEPT: u64 = 8 << 20;

/// Bytes of all outputs of a run that are kept in files. With its events and the results in its journal a run
/// takes less than 100 MB on disk.
pub const OUTPUTS_KEPT: u64 = 24 << 20;

/// How many of the last bytes of an output are kept if it is cut.
const LAST: usize = 64 * 1024;

/// The name of a file about a step. The identity of a step may contain any character, so it is a hash.
pub(super) fn step_hash(step: &str) -> String {
    let mut hash = String::new();
    for byte in Sha256::digest(step).iter().take(8) {
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}

/// How many bytes the outputs of a run have used.
pub(super) type Taken = Arc<AtomicU64>;

/// Receives an output of a step in chunks, and writes it to a file once it is longer than
/// [`OUTPUT_IN_EVENT`]. What is between the first [`OUTPUT_KEPT`] bytes and the last ones is left out, and a
/// line in the file says so.
pub struct OutputFile {
    path: PathBuf,
    /// The output so far, while there is no file.
    head: Vec<u8>,
    /// The file, once there is one. The first error ends the writing.
    file: Option<io::Result<File>>,
    written: u64,
    taken: Taken,
    left_out: u64,
    last: VecDeque<u8>,
}

impl OutputFile {
    pub(super) const fn new(path: PathBuf, taken: Taken) -> Self {
        Self {
            path,
            head: Vec::new(),
            file: None,
            written: 0,
            taken,
            left_out: 0,
            last: VecDeque::new(),
        }
    }

    /// Takes a chunk, which must be scrubbed of secrets. Errors are returned by [`OutputFile::finish`]: they
    /// do not stop the command.
    pub fn push(&mut self, bytes: &[u8]) {
        match &self.file {
            None => {
                self.head.extend_from_slice(bytes);
                if self.head.len() > OUTPUT_IN_EVENT {
                    self.file = Some(self.create());
                    let head = std::mem::take(&mut self.head);
                    self.write(&head);
                }
            }
            Some(_) => self.write(bytes),
        }
    }

    /// The end of the output. Returns the file, if the output was long enough for one.
    ///
    /// # Errors
    /// It could not be written completely.
    pub fn finish(mut self) -> Result<Option<PathBuf>, StoreError> {
        if self.left_out > 0 {
            let left_out = self.left_out - self.last.len() as u64;
            let last = std::mem::take(&mut self.last);
            self.put(format!("\n[... {left_out} bytes left out ...]\n").as_bytes());
            let (first, second) = last.as_slices();
            self.put(first);
            self.put(second);
        }
        match self.file {
            None => Ok(None),
            Some(Ok(_)) => Ok(Some(self.path)),
            Some(Err(error)) => Err(StoreError::io("write", &self.path)(error)),
        }
    }

    /// Writes as much as there is room for.
    fn write(&mut self, bytes: &[u8]) {
        let fits = if self.left_out > 0 {
            0
        } else {
            self.take(bytes.len())
        };
        let (bytes, rest) = bytes.split_at(fits);
        self.put(bytes);
        self.written += bytes.len() as u64;
        self.left_out += rest.len() as u64;
        let rest = &rest[rest.len().saturating_sub(LAST)..];
        let beyond = (self.last.len() + rest.len()).saturating_sub(LAST);
        self.last.drain(..beyond);
        self.last.extend(rest);
    }

    /// How many of these bytes there is room for.
    fn take(&self, bytes: usize) -> usize {
        let wanted = (OUTPUT_KEPT - self.written).min(bytes as u64);
        let before = self.taken.fetch_add(wanted, Ordering::Relaxed);
        let fits = wanted.min(OUTPUTS_KEPT.saturating_sub(before));
        // At most `bytes`, so it fits.
        usize::try_from(fits).unwrap_or(bytes)
    }

    fn put(&mut self, bytes: &[u8]) {
        if let Some(Ok(file)) = &mut self.file
            && let Err(error) = file.write_all(bytes)
        {
            self.file = Some(Err(error));
        }
    }

    fn create(&self) -> io::Result<File> {
        if let Some(dir) = self.path.parent() {
            new_dir(dir, true)?;
        }
        new_file(&self.path)
    }
}
