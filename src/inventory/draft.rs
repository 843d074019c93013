//! Groups and hosts while the sources are read. Sources add to the draft in order, and `build` turns it into
//! the inventory.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::Value;

use super::error::{InventoryError, Warning};
use super::name;
use crate::model::{Origin, Var, Vars};

/// The group that every host is in.
pub(super) const ALL: &str = "all";
/// The group of hosts that are in no other group.
pub(super) const UNGROUPED: &str = "ungrouped";

#[derive(Debug, Clone, Default)]
pub(super) struct DraftGroup {
    pub vars: Vars,
    /// Hosts that are directly in the group, by index, in the order of the sources.
    pub hosts: Vec<usize>,
    members: HashSet<usize>,
    pub children: Vec<usize>,
    pub parents: Vec<usize>,
    /// `ansible_group_priority`; 1 by default.
    pub priority: Option<i64>,
    /// Where it is named first; `None` for `all` and `ungrouped`.
    pub origin: Option<Origin>,
}

#[derive(Debug, Clone)]
pub(super) struct DraftHost {
    pub vars: Vars,
    /// Groups that it is directly in, by index.
    pub groups: Vec<usize>,
    /// Where it is named first.
    pub origin: Origin,
}

#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub groups: IndexMap<String, DraftGroup>,
    pub hosts: IndexMap<String, DraftHost>,
    pub warnings: Vec<Warning>,
}

impl Draft {
    pub(crate) fn new() -> Self {
        let mut groups = IndexMap::new();
        groups.insert(
            ALL.to_owned(),
            DraftGroup {
                children: vec![1],
                ..DraftGroup::default()
            },
        );
        groups.insert(
            UNGROUPED.to_owned(),
            DraftGroup {
                parents: vec![0],
                ..DraftGroup::default()
            },
        );
        Self {
            groups,
            hosts: IndexMap::new(),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn warn(&mut self, warning: InventoryError) {
        self.warnings.push(warning.into());
    }

    pub(crate) fn group(&mut self, group: &str, at: &Origin) -> Result<usize, InventoryError> {
        if let Some(index) = self.groups.get_index_of(group) {
            return Ok(index);
        }
        name::check_group(group).map_err(|error| error.at(at))?;
        let draft = DraftGroup {
            origin: Some(at.clone()),
            ..DraftGroup::default()
        };
        Ok(self.groups.insert_full(group.to_owned(), draft).0)
    }

    /// Adds a host and puts it into a group. `all` contains every host anyway.
    pub(crate) fn host(
        &mut self,
        host: &str,
        group: usize,
        at: &Origin,
    ) -> Result<usize, InventoryError> {
        let index = if let Some(index) = self.hosts.get_index_of(host) {
            index
        } else {
            name::check_host(host).map_err(|error| error.at(at))?;
            let draft = DraftHost {
                vars: Vars::new(),
                groups: Vec::new(),
                origin: at.clone(),
            };
            self.hosts.insert_full(host.to_owned(), draft).0
        };
        self.join(index, group);
        Ok(index)
    }

    pub(crate) fn join(&mut self, host: usize, group: usize) {
        if self.groups[group].members.insert(host) {
            self.groups[group].hosts.push(host);
            self.hosts[host].groups.push(group);
        }
    }

    pub(crate) fn child(
        &mut self,
        parent: usize,
        child: usize,
        at: &Origin,
    ) -> Result<(), InventoryError> {
        if self.groups[parent].children.contains(&child) {
            return Ok(());
        }
        // In the end every group is below `all`.
        if parent == child || child == 0 || self.reaches(child, parent) {
            let name = |index: usize| self.groups.get_index(index).map_or("", |(name, _)| name);
            return Err(InventoryError::new(format!(
                "group `{}` cannot be a child of `{}`, which is already below it",
                name(child),
                name(parent)
            ))
            .at(at));
        }
        self.groups[parent].children.push(child);
        self.groups[child].parents.push(parent);
        Ok(())
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        let mut seen = HashSet::from([from]);
        let mut open = vec![from];
        while let Some(group) = open.pop() {
            for &child in &self.groups[group].children {
                if child == to {
                    return true;
                }
                if seen.insert(child) {
                    open.push(child);
                }
            }
        }
        false
    }

    pub(crate) fn group_var(
        &mut self,
        group: usize,
        name: &str,
        value: Value,
        at: &Origin,
    ) -> Result<(), InventoryError> {
        if name == "ansible_group_priority" {
            self.groups[group].priority = Some(priority(&value).map_err(|error| error.at(at))?);
        } else {
            self.groups[group].vars.insert(
                name.to_owned(),
                Var {
                    value,
                    origin: at.clone(),
                },
            );
        }
        Ok(())
    }

    pub(crate) fn host_var(&mut self, host: usize, name: &str, value: Value, at: &Origin) {
        self.hosts[host].vars.insert(
            name.to_owned(),
            Var {
                value,
                origin: at.clone(),
            },
        );
    }
}

fn priority(value: &Value) -> Result<i64, InventoryError> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .ok_or_else(|| InventoryError::new("`ansible_group_priority` must be a whole number"))
}
