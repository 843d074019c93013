//! The inventory of a run.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::build::Built;
use super::connection::{self, Overrides};
use super::error::{InventoryError, RenderError, SelectError, Warning};
use super::group::Group;
use super::secrets::Secrets;
use super::shown::Shown;
use super::world::{LOCALHOST, World};
use super::{limit, pattern, render, variable};
use crate::model::{Connection, Host};
use crate::template;

/// Hosts, groups and variables. Cloning it is cheap, and clones share the decrypted values.
#[derive(Debug, Clone)]
pub struct Inventory {
    world: Arc<World>,
    /// The names of the hosts within `--limit`.
    limit: Option<Arc<HashSet<String>>>,
}

impl Inventory {
    pub(super) fn new(built: Built, playbook_dir: Option<PathBuf>, secrets: Secrets) -> Self {
        let Built {
            hosts,
            groups,
            localhost,
            warnings,
        } = built;
        let localhost = LOCALHOST
            .iter()
            .find_map(|name| hosts.get(*name).cloned())
            .unwrap_or(localhost);
        let environment = template::environment();
        let world = World {
            hosts,
            groups,
            localhost,
            playbook_dir,
            secrets,
            environment,
            warnings,
        };
        Self {
            world: Arc::new(world),
            limit: None,
        }
    }

    /// Likely mistakes in the sources, with their location.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.world.warnings
    }

    /// Every host, in the order of the sources, ignoring `--limit`.
    #[must_use]
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &Arc<Host>> {
        self.world.hosts.values()
    }

    /// The host with that name; `localhost` always exists.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<&Arc<Host>> {
        self.world.host(name)
    }

    /// Every group, `all` and `ungrouped` first, then in the order of the sources.
    #[must_use]
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.world.groups.values()
    }

    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.world.groups.get(name)
    }

    /// The hosts that are directly in a group.
    pub fn own_hosts<'i>(&'i self, group: &'i Group) -> impl Iterator<Item = &'i Arc<Host>> {
        group.own.iter().map(|index| &self.world.hosts[*index])
    }

    /// The hosts of a group and of all groups below it.
    pub fn members<'i>(&'i self, group: &'i Group) -> impl Iterator<Item = &'i Arc<Host>> {
        self.world
            .members(group)
            .iter()
            .map(|index| &self.world.hosts[*index])
    }

    /// The same inventory, restricted so that [`select`](Self::select) returns only hosts that this pattern
    /// selects too. `@FILE` in it stands for the patterns in the lines of a file. A pattern that only
    /// excludes hosts keeps `localhost`.
    ///
    /// # Errors
    ///
    /// Those of [`select`](Self::select), and a file that cannot be read.
    pub fn limited(&self, limit: &str) -> Result<Self, SelectError> {
        let limit = limit::names(&self.world, limit)?;
        Ok(Self {
            world: Arc::clone(&self.world),
            limit: Some(Arc::new(limit)),
        })
    }

    /// The same inventory without `--limit`.
    #[must_use]
    pub fn unlimited(&self) -> Self {
        Self {
            world: Arc::clone(&self.world),
            limit: None,
        }
    }

    /// The hosts that an Ansible pattern selects, each once.
    ///
    /// The list is empty only if `--limit` excludes all hosts that match.
    ///
    /// # Errors
    ///
    /// An unknown host or group, a pattern that matches nothing, a pattern that cannot be parsed.
    pub fn select(&self, pattern: &str) -> Result<Vec<Arc<Host>>, SelectError> {
        let mut hosts = pattern::select(&self.world, pattern)?;
        hosts.retain(|host| self.within_limit(host));
        Ok(hosts)
    }

    /// Whether the host is within `--limit`, or there is no limit.
    #[must_use]
    pub fn within_limit(&self, host: &Host) -> bool {
        self.limit
            .as_ref()
            .is_none_or(|limit| limit.contains(&host.name))
    }

    /// A variable of a host, rendered, or `None` if it has no such variable. Supports magic variables too
    /// (`groups`, `group_names`, `inventory_hostname`, ...).
    ///
    /// # Errors
    ///
    /// An undefined name, an unknown filter, a cycle, a vault value that cannot be decrypted.
    pub fn var(&self, host: &Host, name: &str) -> Result<Option<Value>, RenderError> {
        variable::rendered(&self.world, host, name)
    }

    /// The variables of a host as names for a template, magic variables included. Each is rendered when the
    /// template uses it.
    #[must_use]
    pub fn context(&self, host: &Host) -> minijinja::Value {
        render::context(&self.world, host)
    }

    /// Every variable of a host in a form for display, by name.
    #[must_use]
    pub fn show(&self, host: &Host) -> Vec<Shown> {
        variable::shown(&self.world, host)
    }

    /// How a host is reached.
    ///
    /// # Errors
    ///
    /// A setting that cannot be rendered, has the wrong type, or is not supported by ops.
    pub fn connection(
        &self,
        host: &Host,
        overrides: &Overrides,
    ) -> Result<Connection, InventoryError> {
        connection::connection(&self.world, host, overrides)
    }

    /// Errors for connection settings of these hosts that ops does not support, one for each location.
    /// Passwords are not read, and values that cannot be rendered are left to the run, which knows more
    /// variables.
    #[must_use]
    pub fn unsupported<'h>(&self, hosts: impl Iterator<Item = &'h Host>) -> Vec<InventoryError> {
        let overrides = Overrides {
            password: Some(String::new()),
            become_password: Some(String::new()),
            ..Overrides::default()
        };
        let is_setting = |name: &&str| name.starts_with("ansible_") || name.starts_with("ops_");
        let mut seen = HashSet::new();
        hosts
            .filter(|host| host.vars().keys().any(is_setting))
            .filter_map(|host| self.connection(host, &overrides).err())
            .filter(|error| !error.is_rendering)
            .filter(|error| match &error.at {
                Some(at) => seen.insert((at.to_string(), error.hint.clone())),
                None => true,
            })
            .collect()
    }

    /// The values decrypted so far, and the passwords.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.world.secrets.list()
    }

    /// Calls `watcher` for each value decrypted so far and its name, and from now on for each newly decrypted
    /// value before it can be used. There is only one watcher: a new one replaces the previous one.
    pub fn on_secret(&self, watcher: impl Fn(&str, &str) + Send + Sync + 'static) {
        self.world.secrets.watch(Box::new(watcher));
    }
}
