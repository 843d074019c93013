//! Keeps the key of a host that was taken for the first time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::PoisonError;

use super::cache::{Shown, Status};
use super::decision::Verdict;
use super::key::Key;
use super::names::Hashed;
use super::refusal::{Refusal, Why};
use super::{HostKeys, KnownHosts};
use crate::transport::TransportError;

impl HostKeys {
    /// Does what was decided: learns, and tells what the user has to know.
    pub(super) async fn accept(&self, verdict: Verdict) -> Result<(), TransportError> {
        for warning in &verdict.warnings {
            tracing::warn!("{warning}; it is taken, as StrictHostKeyChecking is no");
        }
        let Some(key) = verdict.key.filter(|_| !verdict.learn.is_empty()) else {
            return Ok(());
        };
        let (keys, names) = (self.clone(), verdict.learn);
        let learnt = tokio::task::spawn_blocking(move || keys.learn(&names, &key));
        match learnt.await {
            Ok(result) => result.map_err(|refusal| self.error(&refusal)),
            // The run ends: nothing is learnt any more.
            Err(_) => Ok(()),
        }
    }

    /// Keeps a key under these names in the first of the user's files. A file that cannot be written is a warning, as it
    /// is to `ssh`. Refuses what another connection of this run has meanwhile learnt otherwise.
    fn learn(&self, names: &[String], key: &Key) -> Result<(), Refusal> {
        let Some(path) = self.policy.user_files.first() else {
            return Ok(());
        };
        let _learning = self
            .known
            .learning
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut new = Vec::new();
        for name in names {
            match self.known.status(&self.files(), name, Shown::Key(key)) {
                Status::New => new.push(name.as_str()),
                Status::Known(_) => {}
                Status::Changed(found) => {
                    return Err(self.meanwhile(name, key, Why::Changed(found)));
                }
                Status::Revoked(found) => {
                    return Err(self.meanwhile(name, key, Why::Revoked(found)));
                }
            }
        }
        new.dedup();
        if new.is_empty() {
            return Ok(());
        }
        let (kind, listed) = (key.kind(), new.join(","));
        match self.entry(&new, key).and_then(|entry| append(path, &entry)) {
            Ok(()) => tracing::info!(
                "the {kind} key of {listed} is now kept in {}: {}",
                path.display(),
                key.fingerprint()
            ),
            Err(error) => tracing::warn!(
                "the {kind} key of {listed} is taken, but not kept in {}: {error}",
                path.display()
            ),
        }
        KnownHosts::learn(&self.known, path, &listed, key);
        Ok(())
    }

    fn meanwhile(&self, name: &str, key: &Key, why: Why) -> Refusal {
        let _ = self;
        Refusal::Key {
            name: name.to_owned(),
            key: key.clone(),
            why,
            unvouched: None,
        }
    }

    fn entry(&self, names: &[&str], key: &Key) -> io::Result<String> {
        let key = key.to_text();
        if !self.policy.hash_names {
            return Ok(format!("{} {key}\n", names.join(",")));
        }
        let mut entry = String::new();
        for name in names {
            let mut salt = [0; 20];
            getrandom::fill(&mut salt).map_err(io::Error::from)?;
            entry.push_str(&format!("{} {key}\n", Hashed::new(name, salt)));
        }
        Ok(entry)
    }
}

/// Adds lines to a file, in one piece. One that is not there is made, for its owner alone, with its directory.
fn append(path: &Path, lines: &str) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        DirBuilder::new().mode(0o700).create(directory)?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    // Other runs of ops wait; `ssh` takes no lock, but adds its line in one piece too.
    file.lock()?;
    let begin = if ends_in_a_line(&mut file)? { "" } else { "\n" };
    file.write_all(format!("{begin}{lines}").as_bytes())
}

fn ends_in_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
