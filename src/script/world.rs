//! What a running playbook has at hand.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use indexmap::IndexMap;
use rhai::{Dynamic, Engine};

use crate::model::Host;
use crate::run::Run;

use super::artifacts::Artifacts;
use super::deadline::Deadlines;
use super::local;
use super::source::Sources;
use crate::tasks::Artifact;
use crate::template::Templates;

/// The run, and what belongs to the script of it.
pub struct World {
    pub run: Arc<Run>,
    pub sources: Arc<Sources>,
    /// The directory of the playbook: what a script may read from.
    pub directory: PathBuf,
    /// What it may read besides: files and directories that the operator named.
    granted: Vec<PathBuf>,
    /// What it puts on hosts as it stands here.
    artifacts: Arc<Artifacts>,
    /// The templates that it has read.
    pub templates: Arc<Templates>,
    /// The values of the parameters by name.
    pub params: BTreeMap<String, Dynamic>,
    /// Set once, when the engine is complete. Weak: the engine holds the world.
    engine: OnceLock<Weak<Engine>>,
    /// What cancels the scripts of each thread.
    pub deadlines: Deadlines,
    /// How many clean-ups are running.
    shields: AtomicUsize,
    /// The hosts that the playbook has named so far, whatever `--limit` leaves of them.
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
            named: Mutex::default(),
        }
    }

    /// The same world for a rehearsal of the run.
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

    /// Lets the script read what the operator named, and what stands below.
    #[must_use]
    pub fn granting(mut self, paths: Vec<PathBuf>) -> Self {
        self.granted = paths;
        self
    }

    /// The real path of what the script may read.
    ///
    /// # Errors
    /// When it may not, or is not there. A lower-case fragment.
    pub fn find(&self, path: &str) -> Result<PathBuf, String> {
        local::find(&self.directory, &self.granted, path)
    }

    /// The bytes of a local file that the script may read.
    ///
    /// # Errors
    /// When it may not, or cannot be read. A lower-case fragment.
    pub fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let file = local::find(&self.directory, &self.granted, path)?;
        local::read_bounded(&file).map(Into::into)
    }

    /// A local file or a directory that goes to hosts.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn artifact(&self, path: &str) -> Result<Arc<Artifact>, String> {
        let path = local::find(&self.directory, &self.granted, path)?;
        self.artifacts.get(&path)
    }

    pub fn set_engine(&self, engine: &Arc<Engine>) {
        // Set a second time it would be the same one.
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    /// The engine, while the playbook runs.
    #[must_use]
    pub fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.get().and_then(Weak::upgrade)
    }

    /// Notes that the playbook names these hosts.
    pub fn name_hosts(&self, hosts: Vec<Arc<Host>>) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.extend(hosts.into_iter().map(|host| (host.name.clone(), host)));
    }

    /// The hosts that it has named so far.
    #[must_use]
    pub fn named_hosts(&self) -> Vec<Arc<Host>> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.values().cloned().collect()
    }

    /// Keeps the cancel away from scripts until it is dropped.
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
}

/// While it lives, a clean-up runs.
pub struct Shield<'a>(&'a World);

impl Drop for Shield<'_> {
    fn drop(&mut self) {
        self.0.shields.fetch_sub(1, Ordering::SeqCst);
    }
}
