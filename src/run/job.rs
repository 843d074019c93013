//! A task of a batch.

use std::sync::Arc;

use crate::model::Position;
use crate::task::Task;

/// A task of a batch, and its place in the playbook.
#[derive(Clone)]
pub struct Job {
    pub task: Arc<dyn Task>,
    pub at: Option<Position>,
    /// The user to become for this task; `None`: the user of the host handle.
    pub user: Option<String>,
}
