//! A group of the inventory.

use std::sync::{Arc, OnceLock};

use crate::model::Vars;

/// A group: what it holds itself, and by its children.
#[derive(Debug)]
pub struct Group {
    pub name: String,
    /// The groups directly below, in the order of the sources.
    pub children: Vec<String>,
    /// Its own variables, the weakest first: what the sources say, then `group_vars`.
    pub vars: Vec<Arc<Vars>>,
    /// The hosts that it names itself, as indices of the inventory's hosts.
    pub(super) own: Vec<usize>,
    /// These and those of all groups below, found out when first asked for.
    pub(super) members: OnceLock<Vec<usize>>,
}

impl Group {
    pub(super) const fn new(
        name: String,
        children: Vec<String>,
        own: Vec<usize>,
        vars: Vec<Arc<Vars>>,
    ) -> Self {
        Self {
            name,
            children,
            vars,
            own,
            members: OnceLock::new(),
        }
    }
}
