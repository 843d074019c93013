//! Lines of a journal that are written together.

use jiff::Timestamp;
use serde::Serialize;

use super::entry::{Entry, JournalEntry};
use super::hide::Hide as _;
use super::read::MAX_LINE;
use crate::model::Secrets;

/// Lines that are written together.
#[derive(Default)]
pub(super) struct Lines {
    pub bytes: Vec<u8>,
    pub count: u64,
    /// Why they must not be written.
    pub failed: Option<String>,
}

impl Lines {
    pub(super) fn entry(&mut self, mut entry: Entry, secrets: &Secrets) {
        entry.hide(secrets);
        let ts = Timestamp::now();
        self.add(&JournalEntry { ts, entry });
    }

    pub(super) fn add(&mut self, line: &impl Serialize) {
        let before = self.bytes.len();
        // Writing into memory does not fail. If it did, no intent could be accepted.
        if let Err(error) = serde_json::to_writer(&mut self.bytes, line) {
            self.failed = Some(error.to_string());
        }
        self.bytes.push(b'\n');
        self.count += 1;
        if self.bytes.len() - before > MAX_LINE {
            self.failed = Some("an entry is too long".to_owned());
        }
    }
}
