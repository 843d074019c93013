//! What a batch needs next from its host.

use std::sync::Arc;

use super::{Change, Query};

/// The failure of a task whose plan never ends.
pub(super) const ASKED_AGAIN: &str = "the task asked again for what it was told";

/// What has to be done next.
#[derive(Debug)]
pub enum Next {
    /// Ask the host, then call [`Planner::answered`].
    Ask(Vec<Query>),
    /// Make the changes in this order, stop at the first that fails, ask in any case. Call
    /// [`Planner::ran`] for each that was gone through, then [`Planner::answered`].
    Apply {
        changes: Vec<Planned>,
        ask: Vec<Query>,
    },
    Done,
    /// A plan was interrupted: call [`Planner::stop`].
    Interrupted,
}

/// A change of the task at `index` of the batch.
#[derive(Debug, Clone)]
pub struct Planned {
    pub index: usize,
    pub change: Arc<Change>,
}
