//! A group of the inventory.

use std::sync::OnceLock;

/// A group: its own hosts, and the groups below it.
#[derive(Debug)]
pub struct Group {
    pub name: String,
    /// The groups directly below, in the order of the sources.
    pub children: Vec<String>,
    /// The hosts that are directly in the group, as indices into the inventory's hosts.
    pub(super) own: Vec<usize>,
    /// These hosts and those of all groups below, computed on first use.
    pub(super) members: OnceLock<Vec<usize>>,
}

impl Group {
    pub(super) const fn new(name: String, children: Vec<String>, own: Vec<usize>) -> Self {
        Self {
            name,
            children,
            own,
            members: OnceLock::new(),
        }
    }
}
