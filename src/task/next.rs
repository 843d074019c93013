//! What a batch needs next from its host.

use std::sync::Arc;

use super::{Change, Query};

/// The failure of a task whose plan never ends.
pub(super) const ASKED_AGAIN: &str = "the task repeated a query that was already answered";

/// What to do next.
#[derive(Debug)]
pub enum Next {
    /// Query the host, then call [`Planner::answered`].
    Ask(Vec<Query>),
    /// Make the changes in this order, stop at the first that fails, and send the queries in any case. Call
    /// [`Planner::ran`] for each change that ended, then [`Planner::answered`].
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
