//! What a task may ask of the playbook that creates it.

use std::sync::Arc;

use super::fs::{Artifact, Content};
use crate::template::Compiled;

/// What a constructor may ask of the playbook that calls it.
pub trait Surroundings {
    /// The bytes of a local file, found beside the playbook. `Err` is a lower-case fragment without the path.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String>;

    /// A local file, or a local directory as a tar file, to be sent to hosts. Like [`read`](Self::read).
    fn artifact(&self, path: &str) -> Result<Arc<Artifact>, String> {
        self.read(path)
            .map(|bytes| Arc::new(Artifact::file(Content::new(bytes), false)))
    }

    /// The template with this text, under the name shown in errors.
    fn template(&self, name: &str, text: &str) -> Result<Arc<Compiled>, minijinja::Error> {
        Compiled::new(name, text).map(Arc::new)
    }

    /// The names that a template sees besides its own: the variables of the task's host, and what an
    /// inventory adds to them (`inventory_hostname`, `groups`, `hostvars`).
    fn vars(&self) -> minijinja::Value;
}
