//! Reading a journal.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::entry::{Entry, JournalEntry, Source};
use super::header::{FORMAT, Header};
use super::hide::Hide;
use crate::model::Secrets;
use crate::store::StoreError;

/// A longer line is not written, and not read: ops holds a line in memory as a whole.
pub(super) const MAX_LINE: usize = 16 << 20;

/// How the header of each format begins.
const HEADER: &[u8] = b"{\"journal\":";

/// What the journal of a run says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunRecord {
    /// The header of each attempt. There is at least one.
    pub attempts: Vec<Header>,
    /// The entries of all attempts, in order.
    pub entries: Vec<JournalEntry>,
    /// The bytes of complete lines.
    len: u64,
    torn: bool,
}

impl RunRecord {
    /// Reads a journal. A last line without an end is left out: the process was killed while it wrote it.
    pub(in crate::store) fn read(path: &Path) -> Result<Self, StoreError> {
        let failed = || StoreError::io("read", path);
        let broken = |line: usize, reason: String| StoreError::BrokenJournal {
            path: path.to_owned(),
            line,
            reason,
        };
        let mut file = BufReader::new(File::open(path).map_err(StoreError::io("open", path))?);
        let mut record = Self::default();
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let mut bounded = (&mut file).take(MAX_LINE as u64 + 1);
            if bounded.read_until(b'\n', &mut line).map_err(failed())? == 0 {
                break;
            }
            if line.last() != Some(&b'\n') {
                if line.len() > MAX_LINE {
                    let reason = format!("it is longer than {} MiB", MAX_LINE >> 20);
                    return Err(broken(number, reason));
                }
                record.torn = true;
                break;
            }
            if number == 1 {
                format(&line, path)?;
            }
            record
                .add(&line)
                .map_err(|error| broken(number, error.to_string()))?;
            record.len += line.len() as u64;
        }
        if record.attempts.is_empty() {
            return Err(StoreError::EmptyJournal(path.to_owned()));
        }
        Ok(record)
    }

    fn add(&mut self, line: &[u8]) -> serde_json::Result<()> {
        if line.starts_with(HEADER) {
            self.attempts.push(serde_json::from_slice(line)?);
        } else {
            self.entries.push(serde_json::from_slice(line)?);
        }
        Ok(())
    }

    /// The sources of the run, each as it was last read.
    #[must_use]
    pub fn sources(&self) -> Vec<&Source> {
        let of_header = self.attempts.iter().flat_map(|header| &header.sources);
        let of_entry = self.entries.iter().filter_map(|entry| match &entry.entry {
            Entry::Source { source } => Some(source),
            _ => None,
        });
        let mut last: BTreeMap<&str, &Source> = BTreeMap::new();
        last.extend(of_header.map(|source| (source.path.as_str(), source)));
        last.extend(of_entry.map(|source| (source.path.as_str(), source)));
        last.into_values().collect()
    }

    /// Whether the last line was incomplete and is left out.
    #[must_use]
    pub const fn is_torn(&self) -> bool {
        self.torn
    }

    /// The bytes of complete lines.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }
}

/// Checks the format by the first line.
fn format(line: &[u8], path: &Path) -> Result<(), StoreError> {
    #[derive(Deserialize)]
    struct First {
        journal: Option<u64>,
        entry: Option<IgnoredAny>,
    }
    match serde_json::from_slice(line) {
        Ok(First {
            journal: Some(FORMAT),
            ..
        }) => Ok(()),
        Ok(First {
            journal: Some(format),
            ..
        }) => Err(StoreError::NewerJournal {
            path: path.to_owned(),
            format,
        }),
        Ok(First {
            journal: None,
            entry: Some(_),
        }) => Err(StoreError::OldJournal(path.to_owned())),
        _ => Err(StoreError::BrokenJournal {
            path: path.to_owned(),
            line: 1,
            reason: "it is no header".to_owned(),
        }),
    }
}

/// A line without the secrets that are known now; `None` if there are none in it.
pub(super) fn without_secrets(line: &[u8], secrets: &Secrets) -> io::Result<Option<Vec<u8>>> {
    fn hide<T>(line: &[u8], secrets: &Secrets) -> io::Result<Option<Vec<u8>>>
    where
        T: serde::de::DeserializeOwned + serde::Serialize + Clone + PartialEq + Hide,
    {
        let before: T = serde_json::from_slice(line)?;
        let mut after = before.clone();
        after.hide(secrets);
        if after == before {
            return Ok(None);
        }
        let mut bytes = serde_json::to_vec(&after)?;
        bytes.push(b'\n');
        Ok(Some(bytes))
    }
    if line.starts_with(HEADER) {
        hide::<Header>(line, secrets)
    } else {
        hide::<JournalEntry>(line, secrets)
    }
}

impl Hide for JournalEntry {
    fn hide(&mut self, secrets: &Secrets) {
        self.entry.hide(secrets);
    }
}
