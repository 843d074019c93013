//! Builds the inventory from what the sources define: which groups each host is in, and which variables win.
//!
//! The order is Ansible's ("Understanding variable precedence"): the group variables of a source, then
//! `group_vars/all`, then the other `group_vars`, then the host variables of a source, then `host_vars`. For
//! each of these directories, the one beside the inventory comes before the one beside the playbook. Among
//! groups, the deeper one wins, then the higher `ansible_group_priority`, then the later name.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use super::draft::{ALL, Draft};
use super::error::{InventoryError, Warning};
use super::group::Group;
use super::password;
use super::secrets::Secrets;
use super::source::{self, Sources};
use super::vars_files::VarsDir;
use crate::model::{Host, Origin, Var, Vars};

pub(super) struct Built {
    pub hosts: IndexMap<String, Arc<Host>>,
    pub groups: IndexMap<String, Group>,
    /// Used for `localhost` if no source names it.
    pub localhost: Arc<Host>,
    pub warnings: Vec<Warning>,
}

pub(super) fn build(
    mut draft: Draft,
    sources: &Sources,
    secrets: &Secrets,
) -> Result<Built, InventoryError> {
    reconcile(&mut draft);
    keep_passwords(&draft, secrets);
    for (name, var) in &sources.defaults {
        password::keep(name, var, secrets);
    }
    warn_of_twins(&mut draft);
    let mut warnings = std::mem::take(&mut draft.warnings);
    let depths = depths(&draft);
    let group_files = VarsDirs::open(sources, "group_vars", secrets)?;
    let mut host_files = VarsDirs::open(sources, "host_vars", secrets)?;
    let extra = extra_vars(sources);
    let inline: Vec<Arc<Vars>> = draft
        .groups
        .values_mut()
        .map(|group| Arc::new(std::mem::take(&mut group.vars)))
        .collect();
    let own: Vec<Vars> = draft
        .hosts
        .values_mut()
        .map(|host| std::mem::take(&mut host.vars))
        .collect();
    let draft = draft;
    let mut stacks = Stacks {
        draft: &draft,
        depths,
        defaults: (!sources.defaults.is_empty()).then(|| Arc::new(sources.defaults.clone())),
        inline,
        files: group_files,
        known: HashMap::new(),
    };
    let mut finish = |name: &str, own: Vars, groups: &[usize], source: Option<Arc<Path>>| {
        let shared = stacks.of(groups)?;
        let mut layers = Vec::with_capacity(shared.layers.len() + 2);
        layers.extend(shared.layers.iter().cloned());
        if !own.is_empty() {
            layers.push(Arc::new(own));
        }
        host_files.layers(std::slice::from_ref(&name), &mut layers)?;
        layers.extend(extra.clone());
        Ok::<_, InventoryError>(Arc::new(Host {
            name: name.to_owned(),
            groups: shared.names,
            layers,
            source,
        }))
    };
    let mut hosts = IndexMap::with_capacity(draft.hosts.len());
    for ((name, host), own) in draft.hosts.iter().zip(own) {
        hosts.insert(
            name.clone(),
            finish(name, own, &host.groups, Some(Arc::clone(&host.origin.file)))?,
        );
    }
    let localhost = finish("localhost", local_vars(), &[], None)?;
    let mut groups = IndexMap::with_capacity(draft.groups.len());
    for (index, (name, group)) in draft.groups.iter().enumerate() {
        let children = group
            .children
            .iter()
            .filter_map(|child| draft.groups.get_index(*child));
        let children = children.map(|(name, _)| name.clone()).collect();
        // Also for a group without hosts, because a mistake in its files is an error.
        stacks.own(index, name)?;
        let group = Group::new(name.clone(), children, group.hosts.clone());
        groups.insert(name.clone(), group);
    }
    warnings.extend(stacks.files.warnings());
    warnings.extend(host_files.warnings());
    Ok(Built {
        hosts,
        groups,
        localhost,
        warnings,
    })
}

/// Registers the plain-text passwords of the sources as secrets.
fn keep_passwords(draft: &Draft, secrets: &Secrets) {
    let groups = draft.groups.values().flat_map(|group| &group.vars);
    let hosts = draft.hosts.values().flat_map(|host| &host.vars);
    for (name, var) in groups.chain(hosts) {
        password::keep(name, var, secrets);
    }
}

/// Warns of names that a host and a group share.
fn warn_of_twins(draft: &mut Draft) {
    let twins: Vec<InventoryError> = draft
        .hosts
        .iter()
        .filter_map(|(name, host)| {
            let group = draft.groups.get(name)?;
            let place = match &group.origin {
                Some(at) => format!(", named at {at}"),
                None => String::new(),
            };
            let error = InventoryError::new(format!("`{name}` is both a host and a group{place}"));
            let hint = format!("The pattern `{name}` selects only the host. Rename one of them.");
            Some(error.hint(hint).at(&host.origin))
        })
        .collect();
    for twin in twins {
        draft.warn(twin);
    }
}

/// Makes groups without a parent children of `all`, and puts hosts without a group, and only those, into
/// `ungrouped`.
fn reconcile(draft: &mut Draft) {
    // `all` and `ungrouped` are the first two groups of the draft.
    let (all, ungrouped) = (0, 1);
    for index in 1..draft.groups.len() {
        if draft.groups[index].parents.is_empty() {
            draft.groups[index].parents.push(all);
            draft.groups[all].children.push(index);
        }
    }
    let mut leave = HashSet::new();
    let mut join = Vec::new();
    for (index, host) in draft.hosts.values_mut().enumerate() {
        if host.groups.iter().any(|group| *group > ungrouped) {
            if host.groups.contains(&ungrouped) {
                host.groups.retain(|group| *group != ungrouped);
                leave.insert(index);
            }
        } else if !host.groups.contains(&ungrouped) {
            join.push(index);
        }
    }
    if !leave.is_empty() {
        draft.groups[ungrouped]
            .hosts
            .retain(|host| !leave.contains(host));
    }
    for host in join {
        draft.join(host, ungrouped);
    }
}

/// The distance of each group from `all`, along the longest path. There are no cycles: `Draft::child` refuses
/// them.
fn depths(draft: &Draft) -> Vec<usize> {
    let mut missing: Vec<usize> = draft
        .groups
        .values()
        .map(|group| group.parents.len())
        .collect();
    let mut depths = vec![0; missing.len()];
    let mut ready: Vec<usize> = (0..missing.len())
        .filter(|index| missing[*index] == 0)
        .collect();
    while let Some(group) = ready.pop() {
        for &child in &draft.groups[group].children {
            depths[child] = depths[child].max(depths[group] + 1);
            missing[child] -= 1;
            if missing[child] == 0 {
                ready.push(child);
            }
        }
    }
    depths
}

/// The `group_vars` or `host_vars` directories, those beside the inventory first.
struct VarsDirs<'s> {
    inventory: Vec<VarsDir<'s>>,
    playbook: Option<VarsDir<'s>>,
}

impl<'s> VarsDirs<'s> {
    fn open(sources: &Sources, kind: &str, secrets: &'s Secrets) -> Result<Self, InventoryError> {
        let mut inventory = Vec::new();
        let mut seen: Vec<PathBuf> = Vec::new();
        for path in sources
            .paths
            .iter()
            .filter(|path| source::inline(path).is_none())
        {
            let dir = if path.is_dir() {
                path.as_path()
            } else {
                path.parent().unwrap_or(Path::new(""))
            };
            let dir = dir.join(kind);
            if !seen.contains(&dir) {
                inventory.extend(VarsDir::open(dir.clone(), secrets)?);
                seen.push(dir);
            }
        }
        let playbook = match &sources.playbook_dir {
            Some(dir) => VarsDir::open(dir.join(kind), secrets)?,
            None => None,
        };
        Ok(Self {
            inventory,
            playbook,
        })
    }

    fn warnings(self) -> impl Iterator<Item = Warning> {
        let dirs = self.inventory.into_iter().chain(self.playbook);
        dirs.flat_map(|dir| dir.warnings)
    }

    /// Adds the layers of the named groups or hosts, weakest first.
    fn layers(
        &mut self,
        names: &[&str],
        layers: &mut Vec<Arc<Vars>>,
    ) -> Result<(), InventoryError> {
        for dir in self.inventory.iter_mut().chain(&mut self.playbook) {
            for name in names {
                layers.extend(dir.get(name)?);
            }
        }
        Ok(())
    }
}

/// What the hosts in the same set of groups have in common.
#[derive(Clone)]
struct Stack {
    names: Arc<[String]>,
    layers: Arc<[Arc<Vars>]>,
}

/// Stacks of layers, by the groups that a host is directly in. Even ten thousand hosts are in only a few
/// different sets of groups.
struct Stacks<'d, 's> {
    draft: &'d Draft,
    depths: Vec<usize>,
    /// Weaker than all others.
    defaults: Option<Arc<Vars>>,
    inline: Vec<Arc<Vars>>,
    files: VarsDirs<'s>,
    known: HashMap<Vec<usize>, Stack>,
}

impl Stacks<'_, '_> {
    fn of(&mut self, groups: &[usize]) -> Result<Stack, InventoryError> {
        let mut key = groups.to_vec();
        key.sort_unstable();
        if let Some(stack) = self.known.get(&key) {
            return Ok(stack.clone());
        }
        let stack = self.make(&key)?;
        self.known.insert(key, stack.clone());
        Ok(stack)
    }

    fn make(&mut self, groups: &[usize]) -> Result<Stack, InventoryError> {
        let mut all: HashSet<usize> = groups.iter().copied().collect();
        let mut open = groups.to_vec();
        while let Some(group) = open.pop() {
            open.extend(
                self.draft.groups[group]
                    .parents
                    .iter()
                    .filter(|parent| all.insert(**parent)),
            );
        }
        // `all` is group 0, and every host is in it.
        all.remove(&0);
        let mut order: Vec<usize> = all.into_iter().collect();
        let draft = self.draft;
        let name = |group: usize| {
            draft
                .groups
                .get_index(group)
                .map_or("", |(name, _)| name.as_str())
        };
        order.sort_unstable_by_key(|group| {
            (
                self.depths[*group],
                self.draft.groups[*group].priority.unwrap_or(1),
                name(*group),
            )
        });
        let mut ordered: Vec<&str> = order.iter().map(|group| name(*group)).collect();
        let mut layers: Vec<Arc<Vars>> = Vec::new();
        layers.extend(self.defaults.clone());
        let inline = std::iter::once(0)
            .chain(order)
            .map(|group| &self.inline[group]);
        layers.extend(inline.filter(|vars| !vars.is_empty()).cloned());
        self.files.layers(&[ALL], &mut layers)?;
        self.files.layers(&ordered, &mut layers)?;
        ordered.sort_unstable();
        let names = ordered.into_iter().map(str::to_owned).collect();
        Ok(Stack {
            names,
            layers: layers.into(),
        })
    }

    /// The layers that one group defines itself.
    fn own(&mut self, index: usize, name: &str) -> Result<Vec<Arc<Vars>>, InventoryError> {
        let mut layers: Vec<Arc<Vars>> = Vec::new();
        layers.extend(
            Some(&self.inline[index])
                .filter(|vars| !vars.is_empty())
                .cloned(),
        );
        self.files.layers(&[name], &mut layers)?;
        Ok(layers)
    }
}

fn extra_vars(sources: &Sources) -> Option<Arc<Vars>> {
    let origin = Origin {
        file: Arc::from(Path::new("the command line")),
        line: None,
    };
    let vars: Vars = sources
        .extra_vars
        .iter()
        .map(|(name, value)| {
            (
                name.clone(),
                Var {
                    value: value.clone(),
                    origin: origin.clone(),
                },
            )
        })
        .collect();
    (!vars.is_empty()).then(|| Arc::new(vars))
}

/// The variables that Ansible gives its implicit `localhost`.
fn local_vars() -> Vars {
    let origin = Origin {
        file: Arc::from(Path::new("the built-in localhost")),
        line: None,
    };
    Vars::from_iter([(
        "ansible_connection".to_owned(),
        Var {
            value: "local".into(),
            origin,
        },
    )])
}
