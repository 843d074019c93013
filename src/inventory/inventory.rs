//! The inventory of a run.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Environment;
use serde_json::Value;

use super::build::Built;
use super::connection::{self, Overrides};
use super::error::{InventoryError, RenderError, SelectError, Warning};
use super::group::Group;
use super::secrets::Secrets;
use super::{limit, password, pattern, render};
use crate::model::{Connection, Host, Origin};
use crate::template;

/// Hosts, groups and variables. Cloning it is cheap, and clones share what was decrypted.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub(super) world: Arc<World>,
    /// The names of the hosts that `--limit` leaves.
    limit: Option<Arc<HashSet<String>>>,
}

/// What does not change once the inventory is loaded.
#[derive(Debug)]
pub(super) struct World {
    pub hosts: IndexMap<String, Arc<Host>>,
    pub groups: IndexMap<String, Group>,
    /// The host `localhost` where no source names one.
    pub localhost: Arc<Host>,
    pub playbook_dir: Option<PathBuf>,
    pub secrets: Secrets,
    pub environment: Environment<'static>,
    pub warnings: Vec<Warning>,
}

/// Names of this machine, for which Ansible makes up a host when the inventory has none.
pub(super) const LOCALHOST: [&str; 3] = ["127.0.0.1", "::1", "localhost"];

/// A variable for a person to look at.
#[derive(Debug, Clone)]
pub struct Shown {
    pub name: String,
    /// Rendered, or why it cannot be.
    pub value: Result<Value, RenderError>,
    /// As it was written. An encrypted value is still encrypted here.
    pub written: Value,
    pub origin: Origin,
    /// The value was encrypted, lies in an encrypted file, refers to one that was, or is a password by its name.
    pub secret: bool,
}

impl World {
    pub fn host(&self, name: &str) -> Option<&Arc<Host>> {
        self.hosts
            .get(name)
            .or_else(|| (name == self.localhost.name).then_some(&self.localhost))
    }

    /// The hosts of a group and of all groups below it, in Ansible's order: those of the group itself, then level by level.
    pub fn members<'w>(&'w self, group: &'w Group) -> &'w [usize] {
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

    /// What the sources may say and hardly mean to, with the places.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.world.warnings
    }

    /// Every host, in the order of the sources. `--limit` has no say here.
    #[must_use]
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &Arc<Host>> {
        self.world.hosts.values()
    }

    /// The host of that name; `localhost` is always there.
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

    /// The same inventory, of which [`select`](Self::select) gives only what the pattern selects. `@FILE` in it stands for the
    /// patterns in the lines of a file. One that only takes hosts out leaves `localhost` in.
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

    /// The hosts that a pattern of Ansible's selects, each once.
    ///
    /// It is empty only if `--limit` leaves none of those that match.
    ///
    /// # Errors
    ///
    /// A name that is no host and no group, nothing matched, a pattern that cannot be read.
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

    /// A variable of a host, rendered. None if it has no such variable. Knows the magic ones too (`groups`, `group_names`,
    /// `inventory_hostname`, ...).
    ///
    /// # Errors
    ///
    /// A name that is not defined, a filter that is not there, a cycle, a vault that does not open.
    pub fn var(&self, host: &Host, name: &str) -> Result<Option<Value>, RenderError> {
        let value = render::var(&self.world, host, name)?;
        if let Some(value) = &value
            && password::is_password(name)
        {
            password::keep_value(value, &self.world.secrets);
        }
        Ok(value)
    }

    /// Every variable of a host, rendered, by name.
    ///
    /// # Errors
    ///
    /// As for [`var`](Self::var), for the first that fails.
    pub fn vars(&self, host: &Host) -> Result<IndexMap<String, Value>, RenderError> {
        let names = host.vars();
        names
            .keys()
            .map(|name| {
                Ok((
                    (*name).to_owned(),
                    self.var(host, name)?.unwrap_or_default(),
                ))
            })
            .collect()
    }

    /// Renders a text with the variables of a host, as if it stood in the inventory. `at` is for errors.
    ///
    /// # Errors
    ///
    /// As for [`var`](Self::var).
    pub fn render(
        &self,
        host: &Host,
        text: &str,
        at: Option<&Origin>,
    ) -> Result<Value, RenderError> {
        render::text(&self.world, host, text, at)
    }

    /// The variables of a host as names of a template: each renders when the template uses it. Magic ones are among them.
    #[must_use]
    pub fn context(&self, host: &Host) -> minijinja::Value {
        render::context(&self.world, host)
    }

    /// Every variable of a host for a person to look at, by name.
    #[must_use]
    pub fn show(&self, host: &Host) -> Vec<Shown> {
        let mut vars = render::show(&self.world, host);
        for var in &mut vars {
            if password::is_password(&var.name) {
                var.secret = true;
                if let Ok(value) = &var.value {
                    password::keep_value(value, &self.world.secrets);
                }
            }
        }
        vars
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
        connection::connection(self, host, overrides)
    }

    /// What ops cannot do of what the variables of these hosts say of how they are reached: one error for each place. No
    /// password is looked at, and what cannot be rendered is left to the run, which knows more.
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

    /// Calls `watcher` for each value that was decrypted, and from now on for each that will be, before anybody can use
    /// it. There is one watcher: a later one takes the place of an earlier one.
    pub fn on_secret(&self, watcher: impl Fn(&str) + Send + Sync + 'static) {
        self.world.secrets.watch(Box::new(watcher));
    }
}
