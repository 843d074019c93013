//! What a running playbook has at hand.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use rhai::{Dynamic, Engine};

use crate::run::Run;

use super::source::Sources;

/// The run, and what belongs to the script of it.
pub struct World {
    pub run: Arc<Run>,
    pub sources: Arc<Sources>,
    /// The directory of the playbook: what a script may read from.
    pub directory: PathBuf,
    /// The values of the parameters by name.
    pub params: BTreeMap<String, Dynamic>,
    /// Set once, when the engine is complete. Weak: the engine holds the world.
    engine: OnceLock<Weak<Engine>>,
    /// How many clean-ups are running.
    shields: AtomicUsize,
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
            params,
            engine: OnceLock::new(),
            shields: AtomicUsize::new(0),
        }
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
