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

/// Hosts, groups and variables. Cloning it is cheap, and clones share what was decrypted.
#[derive(Debug, Clone)]
pub struct Inventory {
    world: Arc<World>,
    /// The names of the hosts that `--limit` leaves.
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

    /// Likely mistakes in the sources, with their places.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.world.warnings
    }

    /// Every host, in the order of the sources, whatever `--limit` says.
    #[must_use]
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &Arc<Host>> {
        self.world.hosts.values()
    }

    /// The host of that name; `localhost` always exists.
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

    /// The hosts of a group that it names itself.
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

    /// The same inventory, of which [`select`](Self::select) gives only what the pattern selects. `@FILE` in
    /// it stands for the patterns in the lines of a file. A pattern that only excludes hosts keeps
    /// `localhost`.
    ///
    /// # Errors
    ///
    /// As for [`select`](Self::select), and a file that cannot be read.
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
    /// It is empty only if `--limit` leaves none of those that match.
    ///
    /// # Errors
    ///
    /// A name that is neither a host nor a group, nothing matched, a pattern that cannot be parsed.
    pub fn select(&self, pattern: &str) -> Result<Vec<Arc<Host>>, SelectError> {
        let mut hosts = pattern::select(&self.world, pattern)?;
        hosts.retain(|host| self.within_limit(host));
        Ok(hosts)
    }

    /// Whether `--limit` leaves the host, or there is no limit.
    #[must_use]
    pub fn within_limit(&self, host: &Host) -> bool {
        self.limit
            .as_ref()
            .is_none_or(|limit| limit.contains(&host.name))
    }

    /// A variable of a host, rendered. None if it has no such variable. Knows the magic ones too (`groups`,
    /// `group_names`, `inventory_hostname`, ...).
    ///
    /// # Errors
    ///
    /// A name that is not defined, an unknown filter, a cycle, a vault that cannot be opened.
    pub fn var(&self, host: &Host, name: &str) -> Result<Option<Value>, RenderError> {
        variable::rendered(&self.world, host, name)
    }

    /// The variables of a host as names of a template: each renders when the template uses it. Magic ones are
    /// among them.
    #[must_use]
    pub fn context(&self, host: &Host) -> minijinja::Value {
        render::context(&self.world, host)
    }

    /// Every variable of a host for a person to read, by name.
    #[must_use]
    pub fn show(&self, host: &Host) -> Vec<Shown> {
        variable::shown(&self.world, host)
    }

    /// How a host is reached.
    ///
    /// # Errors
    ///
    /// A setting that cannot be rendered, does not fit its type, or that ops does not have.
    pub fn connection(
        &self,
        host: &Host,
        overrides: &Overrides,
    ) -> Result<Connection, InventoryError> {
        connection::connection(&self.world, host, overrides)
    }

    /// What the variables of these hosts ask for and ops cannot do to reach them: one error for each place.
    /// Passwords are not read, and what cannot be rendered is left to the run, which knows more.
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

    /// The values that were decrypted so far, and the passwords.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.world.secrets.list()
    }

    /// Calls `watcher` for each value that was decrypted, and from now on for each that will be, before it
    /// can be used. There is one watcher: a later one replaces an earlier one.
    pub fn on_secret(&self, watcher: impl Fn(&str) + Send + Sync + 'static) {
        self.world.secrets.watch(Box::new(watcher));
    }
}
