//! The state that a running playbook works with.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use indexmap::IndexMap;
use rhai::{Dynamic, Engine};

use crate::model::Host;
use crate::run::Run;

use super::artifacts::Artifacts;
use super::deadline::Deadlines;
use super::local::{self, Unavailable};
use super::source::{Sources, sha256};
use crate::store::{Source, SourceKind};
use crate::tasks::Artifact;
use crate::template::Templates;

/// The run and the data of its script.
pub struct World {
    pub run: Arc<Run>,
    pub sources: Arc<Sources>,
    /// The directory of the playbook, from which a script may read.
    pub directory: PathBuf,
    /// What it may also read: files and directories that the operator named.
    granted: Vec<PathBuf>,
    /// The files that it copies to hosts unchanged.
    artifacts: Arc<Artifacts>,
    /// The templates that have been read.
    pub templates: Arc<Templates>,
    /// The values of the parameters by name.
    pub params: BTreeMap<String, Dynamic>,
    /// Set once, when the engine is complete. Weak: the engine holds the world.
    engine: OnceLock<Weak<Engine>>,
    /// The tokens that cancel the scripts of each thread.
    pub deadlines: Deadlines,
    /// The number of running clean-ups.
    shields: AtomicUsize,
    /// By rollout and host: how often its update was begun before, in rollouts that are tried again.
    tries: Mutex<HashMap<String, HashMap<String, usize>>>,
    /// The hosts that the playbook has selected so far, regardless of `--limit`.
    named: Mutex<IndexMap<String, Arc<Host>>>,
}

impl World {
    #[must_use]
    pub fn new(
        run: Arc<Run>,
        sources: Arc<Sources>,
        directory: PathBuf,
        params: BTreeMap<String, Dynamic>,
    ) -> Self {
        Self {
            run,
            sources,
            directory,
            granted: Vec::new(),
            artifacts: Arc::default(),
            templates: Arc::default(),
            params,
            engine: OnceLock::new(),
            deadlines: Deadlines::default(),
            shields: AtomicUsize::new(0),
            tries: Mutex::default(),
            named: Mutex::default(),
        }
    }

    /// How often the update of each host of a rollout was begun before.
    #[must_use]
    pub fn tries(&self, rollout: &str) -> HashMap<String, usize> {
        let tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.get(rollout).cloned().unwrap_or_default()
    }

    pub fn set_tries(&self, rollout: &str, hosts: HashMap<String, usize>) {
        let tries = self.tries.lock();
        let mut tries = tries.unwrap_or_else(PoisonError::into_inner);
        tries.insert(rollout.to_owned(), hosts);
    }

    /// The same world, for a rehearsal of the run.
    #[must_use]
    pub fn rehearsal(&self) -> Self {
        Self {
            granted: self.granted.clone(),
            artifacts: self.artifacts.clone(),
            templates: self.templates.clone(),
            engine: self.engine.clone(),
            ..Self::new(
                Arc::new(self.run.rehearsal()),
                self.sources.clone(),
                self.directory.clone(),
                self.params.clone(),
            )
        }
    }

    /// Allows the script to read these files and directories, and everything below them.
    #[must_use]
    pub fn granting(mut self, paths: Vec<PathBuf>) -> Self {
        self.granted = paths;
        self
    }

    /// The real path of a file that the script may read.
    ///
    /// # Errors
    /// The script may not read it, or it does not exist.
    pub(crate) fn find(&self, path: &str) -> Result<PathBuf, Unavailable> {
        local::find(&self.directory, &self.granted, path)
    }

    /// The bytes of a local file that the script may read.
    ///
    /// # Errors
    /// The script may not read it, or it cannot be read. A lower-case fragment.
    pub fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let file = local::find(&self.directory, &self.granted, path)?;
        let bytes: Arc<[u8]> = local::read_bounded(&file)?.into();
        if let Some(journal) = &self.run.journal {
            journal.source(Source {
                kind: SourceKind::File,
                path: file.to_string_lossy().into_owned(),
                sha256: sha256(&bytes),
            });
        }
        Ok(bytes)
    }

    /// A local file or directory to copy to hosts.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn artifact(&self, path: &str) -> Result<Arc<Artifact>, String> {
        let path = local::find(&self.directory, &self.granted, path)?;
        let artifact = self.artifacts.get(&path)?;
        if let Some(journal) = &self.run.journal {
            let name = path.to_string_lossy();
            let content = artifact.clone();
            let sha256 = move || content.known_sha256().map(ToOwned::to_owned);
            journal.source_later(SourceKind::Artifact, &name, sha256);
        }
        Ok(artifact)
    }

    pub fn set_engine(&self, engine: &Arc<Engine>) {
        // A second call would set the same engine.
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    /// The engine, while the playbook runs.
    #[must_use]
    pub fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.get().and_then(Weak::upgrade)
    }

    /// Records that the playbook has selected these hosts.
    pub fn name_hosts(&self, hosts: Vec<Arc<Host>>) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.extend(hosts.into_iter().map(|host| (host.name.clone(), host)));
    }

    /// The hosts that it has selected so far.
    #[must_use]
    pub fn named_hosts(&self) -> Vec<Arc<Host>> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.values().cloned().collect()
    }

    /// Shields scripts from cancellation until the result is dropped.
    pub fn shield(&self) -> Shield<'_> {
        self.shields.fetch_add(1, Ordering::SeqCst);
        Shield(self)
    }

    /// Whether scripts must stop now.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let cancel = &self.run.cancel;
        cancel.cleanup.is_cancelled()
            || cancel.work.is_cancelled() && self.shields.load(Ordering::SeqCst) == 0
    }

    /// Whether the script that this thread runs has to stop: the run or what it does is cancelled.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.is_cancelled() || self.deadlines.passed(0)
    }
}

/// While this exists, a clean-up is running.
pub struct Shield<'a>(&'a World);

impl Drop for Shield<'_> {
    fn drop(&mut self) {
        self.0.shields.fetch_sub(1, Ordering::SeqCst);
    }
}
