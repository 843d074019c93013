//! All kept runs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::path::PathBuf;

use super::journal::DieAt;
use super::private::is_ours;
use super::{Locks, Meta, RunDirectory, RunId, RunSummary, StoreError, StoredRun};
use crate::model::Secrets;

/// How many runs are kept by default.
pub const KEEP: usize = 100;

/// The directory of runs.
#[derive(Debug, Clone)]
pub struct Store {
    runs: PathBuf,
    keep: usize,
    die_at: DieAt,
}

impl Store {
    /// The store of the current user, as the XDG base directory specification says: a relative
    /// `XDG_STATE_HOME` is ignored. `env` reads a variable.
    ///
    /// # Errors
    /// Neither `XDG_STATE_HOME` nor `HOME` is an absolute path.
    pub fn locate(env: impl Fn(&str) -> Option<OsString>) -> Result<Self, StoreError> {
        let absolute = |name: &str| {
            env(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let state =
            absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        let store = Self::at(state.ok_or(StoreError::NoPlace)?.join("ops"));
        Ok(Self {
            die_at: DieAt::of(env),
            ..store
        })
    }

    /// A store in this directory.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self {
            runs: dir.into().join("runs"),
            keep: KEEP,
            die_at: DieAt::default(),
        }
    }

    /// Keeps this many runs instead of [`KEEP`], including the current one.
    #[cfg(test)]
    pub(super) const fn keep(mut self, runs: usize) -> Self {
        self.keep = runs;
        self
    }

    /// Creates the directory of a new run, and removes old runs. `playbook` is what the user ran.
    ///
    /// # Errors
    /// The directory cannot be written. The caller should report that and use
    /// [`super::Journal::unavailable`].
    pub fn begin(
        &self,
        playbook: &str,
        check: bool,
        secrets: &Secrets,
    ) -> Result<RunDirectory, StoreError> {
        let run = RunDirectory::begin(
            &self.runs,
            playbook,
            check,
            secrets.clone(),
            self.die_at.clone(),
        )?;
        self.prune();
        Ok(run)
    }

    /// The locks of this machine.
    #[must_use]
    pub fn locks(&self) -> Locks {
        Locks::at(self.runs.with_file_name("locks"))
    }

    /// Every kept run, newest first; empty if there is no directory.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn list(&self) -> Result<Vec<RunSummary>, StoreError> {
        let ids = self.ids()?;
        Ok(ids
            .into_iter()
            .rev()
            .map(|id| self.stored(id).summary())
            .collect())
    }

    /// The last run of the same playbook before this one, if it was killed: it may be resumed.
    #[must_use]
    pub fn killed_before(&self, run: &RunDirectory) -> Option<RunId> {
        let own = Meta::read(run.dir())?;
        let ids = self.ids().ok()?;
        let before = ids.into_iter().rev().filter(|id| id < run.id());
        let last = before.map(|id| self.stored(id)).find_map(|stored| {
            let meta = Meta::read(stored.dir())?;
            (meta.playbook == own.playbook && !meta.check).then_some((stored, meta))
        });
        let (stored, meta) = last?;
        let is_killed = meta.finished.is_none() && !stored.is_locked();
        is_killed.then(|| stored.id().clone())
    }

    /// A kept run, by the beginning or the end of its id, or `last`.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn open(&self, which: &str) -> Result<StoredRun, StoreError> {
        let ids = self.ids()?;
        let Some(last) = ids.last() else {
            return Err(StoreError::NoRuns(self.runs.clone()));
        };
        if which == "last" {
            return Ok(self.stored(last.clone()));
        }
        let fits = |id: &&RunId| id.as_str().starts_with(which) || id.as_str().ends_with(which);
        let found: Vec<&RunId> = ids.iter().filter(fits).collect();
        match found.as_slice() {
            _ if which.is_empty() => Err(StoreError::NotFound(which.to_owned())),
            [] => Err(StoreError::NotFound(which.to_owned())),
            [one] => Ok(self.stored((*one).clone())),
            more => Err(StoreError::Ambiguous {
                which: which.to_owned(),
                count: more.len(),
                examples: more
                    .iter()
                    .rev()
                    .take(3)
                    .map(|id| id.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    fn stored(&self, id: RunId) -> StoredRun {
        let dir = self.runs.join(id.as_str());
        StoredRun::new(id, dir, self.die_at.clone())
    }

    /// The ids of all runs, oldest first.
    fn ids(&self) -> Result<Vec<RunId>, StoreError> {
        let entries = match std::fs::read_dir(&self.runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::io("read", &self.runs)(error)),
        };
        let mut ids: Vec<RunId> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let id = RunId::parse(entry.file_name().to_str()?)?;
                // Skip links, and files that another user created while the directory was open.
                let is_run = |meta: &Metadata| meta.is_dir() && is_ours(meta);
                entry.metadata().ok().filter(is_run).map(|_| id)
            })
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Removes old runs beyond the limit, except those that are going on. The next run tries again to remove
    /// what could not be removed.
    fn prune(&self) {
        let Ok(ids) = self.ids() else { return };
        for id in self.surplus(ids) {
            let dir = self.runs.join(id.as_str());
            let removed = match File::open(dir.join("lock")) {
                // Held until after the removal, so that no other process uses it.
                Ok(lock) => lock.try_lock().is_ok() && std::fs::remove_dir_all(&dir).is_ok(),
                Err(_) => std::fs::remove_dir_all(&dir).is_ok(),
            };
            if !removed {
                tracing::debug!("run {id} is not removed");
            }
        }
    }

    /// The runs to remove: each time the oldest one of the playbook that was run most often, so that a health
    /// check every minute does not displace the deployments.
    fn surplus(&self, ids: Vec<RunId>) -> Vec<RunId> {
        let count = ids.len().saturating_sub(self.keep.max(1));
        if count == 0 {
            return Vec::new();
        }
        let mut by_playbook: BTreeMap<String, VecDeque<RunId>> = BTreeMap::new();
        for id in ids {
            let meta = Meta::read(&self.runs.join(id.as_str()));
            let playbook = meta.map(|meta| meta.playbook).unwrap_or_default();
            by_playbook.entry(playbook).or_default().push_back(id);
        }
        let oldest_of_most = |_| {
            let runs = by_playbook.values_mut();
            // If there are as many of two playbooks, the older run goes.
            let most = runs.max_by_key(|runs| (runs.len(), Reverse(runs.front().cloned())))?;
            most.pop_front()
        };
        (0..count).filter_map(oldest_of_most).collect()
    }
}
