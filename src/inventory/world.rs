//! The content of an inventory: its hosts, groups and secrets. It does not change after the inventory is
//! loaded.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Environment;

use super::error::Warning;
use super::group::Group;
use super::secrets::Secrets;
use crate::model::Host;

/// The content of an inventory.
#[derive(Debug)]
pub(super) struct World {
    pub hosts: IndexMap<String, Arc<Host>>,
    pub groups: IndexMap<String, Group>,
    /// The host `localhost`, used if no source names one.
    pub localhost: Arc<Host>,
    pub playbook_dir: Option<PathBuf>,
    pub secrets: Secrets,
    pub environment: Environment<'static>,
    pub warnings: Vec<Warning>,
}

/// Names of the controller. Ansible creates a host for them if the inventory has none.
pub(super) const LOCALHOST: [&str; 3] = ["127.0.0.1", "::1", "localhost"];

impl World {
    pub(crate) fn host(&self, name: &str) -> Option<&Arc<Host>> {
        self.hosts
            .get(name)
            .or_else(|| (name == self.localhost.name).then_some(&self.localhost))
    }

    /// The hosts of a group and of all groups below it, in Ansible's order: first the hosts directly in the
    /// group, then level by level.
    pub(crate) fn members<'w>(&'w self, group: &'w Group) -> &'w [usize] {
        group.members.get_or_init(|| {
            let mut order = vec![group];
            let mut seen: HashSet<&str> = HashSet::from([group.name.as_str()]);
            let mut at = 0;
            while let Some(next) = order.get(at) {
                let below = next
                    .children
                    .iter()
                    .filter_map(|child| self.groups.get(child));
                let below: Vec<&Group> = below.filter(|child| seen.insert(&child.name)).collect();
                order.extend(below);
                at += 1;
            }
            let mut seen = HashSet::new();
            order
                .iter()
                .flat_map(|group| &group.own)
                .copied()
                .filter(|host| seen.insert(*host))
                .collect()
        })
    }
}
