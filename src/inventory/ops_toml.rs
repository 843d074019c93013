//! The native inventory format of ops, described in docs/inventory.md.
//!
//! Connection settings have keys of their own, which are typed and checked. The user's variables are under
//! `vars`, so that a mistyped setting is an error and not just another variable.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::draft::{ALL, Draft, UNGROUPED};
use super::error::InventoryError;
use super::name;
use super::node::{Entry, Kind, Node, VAULT_KEY, noun};
use crate::model::Origin;
use crate::model::suggest::did_you_mean;

/// The settings, and the variables that they set.
const SETTINGS: &[(&str, &str)] = &[
    ("address", "ansible_host"),
    ("port", "ansible_port"),
    ("user", "ansible_user"),
    ("key_file", "ansible_ssh_private_key_file"),
    ("password", "ansible_password"),
    ("ssh_args", "ansible_ssh_common_args"),
    ("via", "ansible_connection"),
    ("become", "ansible_become"),
    ("become_password", "ansible_become_password"),
    ("host_keys", "ops_host_keys"),
    ("connect_timeout", "ops_connect_timeout"),
    ("retry_for", "ops_retry_for"),
    ("state_dir", "ops_state_dir"),
    ("transport", "ops_transport"),
    ("persist", "ops_persist"),
];

const TABLES: [&str; 3] = ["all", "groups", "hosts"];

pub(super) fn read(
    document: Node,
    file: &Arc<Path>,
    draft: &mut Draft,
) -> Result<(), InventoryError> {
    let Kind::Map(tables) = document.kind else {
        return Ok(());
    };
    let is_ours = tables.iter().any(|table| {
        did_you_mean(&table.key, TABLES).is_some() || TABLES.contains(&table.key.as_str())
    });
    let mut reader = Reader {
        file,
        draft,
        links: Vec::new(),
    };
    for table in tables {
        match table.key.as_str() {
            "all" => {
                let group = reader.group(ALL, table.line)?;
                for entry in reader.map("all", table.value)? {
                    let settings = reader.owned("all", entry, &["vars"])?;
                    reader.apply(Owner::Group(group), settings)?;
                }
            }
            "groups" => {
                for entry in reader.map("groups", table.value)? {
                    reader.read_group(entry)?;
                }
            }
            "hosts" => {
                let ungrouped = reader.group(UNGROUPED, table.line)?;
                for entry in reader.map("hosts", table.value)? {
                    reader.read_hosts(entry, ungrouped)?;
                }
            }
            other => {
                let error = reader.error(table.line, format!("unknown table `{other}`"));
                let error = if is_ours { error } else { error.foreign() };
                return Err(error.hint(did_you_mean(other, TABLES).unwrap_or_else(|| {
                    "An inventory has the tables [all], [groups.NAME] and [hosts.NAME].".to_owned()
                })));
            }
        }
    }
    reader.link()
}

/// The owner of a variable.
#[derive(Clone, Copy)]
enum Owner<'h> {
    Group(usize),
    Hosts(&'h [usize]),
}

/// A reference to a group that must be declared somewhere.
enum Link {
    Child { parent: usize, child: String },
    Member { host: usize, group: String },
}

struct Reader<'a> {
    file: &'a Arc<Path>,
    draft: &'a mut Draft,
    links: Vec<(Link, usize)>,
}

impl Reader<'_> {
    fn at(&self, line: usize) -> Origin {
        Origin {
            file: Arc::clone(self.file),
            line: Some(line),
        }
    }

    fn error(&self, line: usize, message: impl Into<String>) -> InventoryError {
        InventoryError::new(message).at(&self.at(line))
    }

    fn group(&mut self, name: &str, line: usize) -> Result<usize, InventoryError> {
        let at = self.at(line);
        self.draft.group(name, &at)
    }

    fn map(&self, what: &str, node: Node) -> Result<Vec<Entry>, InventoryError> {
        let line = node.line;
        match node.kind {
            Kind::Map(entries) => Ok(entries),
            _ => Err(self.error(
                line,
                format!("`{what}` must be a table, found {}", node.noun()),
            )),
        }
    }

    fn strings(&self, what: &str, node: Node) -> Result<Vec<(String, usize)>, InventoryError> {
        let (line, noun) = (node.line, node.noun());
        let Kind::List(items) = node.kind else {
            return Err(self.error(
                line,
                format!("`{what}` must be a list of names, found {noun}"),
            ));
        };
        items
            .into_iter()
            .map(|item| match item.kind {
                Kind::Scalar(Value::String(name)) => Ok((name, item.line)),
                _ => Err(self.error(
                    item.line,
                    format!("`{what}` must contain names, found {}", item.noun()),
                )),
            })
            .collect()
    }

    fn read_group(&mut self, entry: Entry) -> Result<(), InventoryError> {
        let what = format!("groups.{}", entry.key);
        let group = self.group(&entry.key, entry.line)?;
        for entry in self.map(&what, entry.value)? {
            let Entry { key, line, value } = entry;
            match key.as_str() {
                "hosts" => self.members(&what, value, group)?,
                "children" => {
                    for (child, line) in self.strings(&format!("{what}.children"), value)? {
                        self.links.push((
                            Link::Child {
                                parent: group,
                                child,
                            },
                            line,
                        ));
                    }
                }
                "priority" => {
                    let at = self.at(line);
                    self.draft.group_var(
                        group,
                        "ansible_group_priority",
                        value.into_value(),
                        &at,
                    )?;
                }
                _ => {
                    let known = ["vars", "hosts", "children", "priority"];
                    let settings = self.owned(&what, Entry { key, line, value }, &known)?;
                    self.apply(Owner::Group(group), settings)?;
                }
            }
        }
        Ok(())
    }

    /// The hosts of a group: a list of names, or a table from names to their settings.
    fn members(&mut self, what: &str, value: Node, group: usize) -> Result<(), InventoryError> {
        if let Kind::Map(entries) = value.kind {
            for entry in entries {
                self.read_hosts(entry, group)?;
            }
            return Ok(());
        }
        for (pattern, line) in self.strings(&format!("{what}.hosts"), value)? {
            self.add_hosts(&pattern, group, line)?;
        }
        Ok(())
    }

    fn add_hosts(
        &mut self,
        pattern: &str,
        group: usize,
        line: usize,
    ) -> Result<Vec<usize>, InventoryError> {
        let at = self.at(line);
        let (names, port) = name::expand(pattern).map_err(|error| error.at(&at))?;
        let mut hosts = Vec::with_capacity(names.len());
        for name in names {
            let host = self.draft.host(&name, group, &at)?;
            if let Some(port) = port {
                self.draft.host_var(host, "ansible_port", port.into(), &at);
            }
            hosts.push(host);
        }
        Ok(hosts)
    }

    fn read_hosts(&mut self, entry: Entry, group: usize) -> Result<(), InventoryError> {
        let what = format!("hosts.{}", entry.key);
        let hosts = self.add_hosts(&entry.key, group, entry.line)?;
        for entry in self.map(&what, entry.value)? {
            if entry.key == "groups" {
                for (group, line) in self.strings(&format!("{what}.groups"), entry.value)? {
                    for &host in &hosts {
                        self.links.push((
                            Link::Member {
                                host,
                                group: group.clone(),
                            },
                            line,
                        ));
                    }
                }
                continue;
            }
            let settings = self.owned(&what, entry, &["address", "vars", "groups"])?;
            self.apply(Owner::Hosts(&hosts), settings)?;
        }
        Ok(())
    }

    fn apply(
        &mut self,
        owner: Owner<'_>,
        vars: Vec<(String, Value, usize)>,
    ) -> Result<(), InventoryError> {
        for (name, value, line) in vars {
            let at = self.at(line);
            match owner {
                Owner::Group(group) => self.draft.group_var(group, &name, value, &at)?,
                Owner::Hosts(hosts) => {
                    for &host in hosts {
                        self.draft.host_var(host, &name, value.clone(), &at);
                    }
                }
            }
        }
        Ok(())
    }

    /// The variables that a key defines: those under `vars`, or those of a setting.
    fn owned(
        &self,
        what: &str,
        entry: Entry,
        also: &[&str],
    ) -> Result<Vec<(String, Value, usize)>, InventoryError> {
        let Entry { key, line, value } = entry;
        if key == "vars" {
            let vars = self.map(&format!("{what}.vars"), value)?;
            return Ok(vars
                .into_iter()
                .map(|var| (var.key, var.value.into_value(), var.line))
                .collect());
        }
        let setting = SETTINGS
            .iter()
            .find(|(name, _)| *name == key)
            .filter(|_| key != "address" || also.contains(&"address"));
        let Some((_, variable)) = setting else {
            let known = SETTINGS
                .iter()
                .map(|(name, _)| *name)
                .filter(|name| *name != "address")
                .chain(also.iter().copied());
            let error = self.error(line, format!("`{what}` has the unknown key `{key}`"));
            return Err(error.hint(did_you_mean(&key, known).unwrap_or_else(|| {
                format!("Put your own variables under vars: `vars = {{ {key} = ... }}`.")
            })));
        };
        let value = value.into_value();
        Self::setting(&key, variable, value)
            .map(|vars| {
                vars.into_iter()
                    .map(|(name, value)| (name, value, line))
                    .collect()
            })
            .map_err(|error| InventoryError {
                message: format!("`{what}.{key}` {}", error.message),
                ..error
            })
            .map_err(|error| error.at(&self.at(line)))
    }

    fn setting(
        key: &str,
        variable: &str,
        value: Value,
    ) -> Result<Vec<(String, Value)>, InventoryError> {
        let one = |value: Value| Ok(vec![(variable.to_owned(), value)]);
        // A template is checked after rendering.
        let template = value.as_str().is_some_and(|text| text.contains("{{"));
        let sealed = value.get(VAULT_KEY).is_some();
        let wrong = |wanted: &str| {
            Err(InventoryError::new(format!(
                "must be {wanted}, found {}",
                noun(&value)
            )))
        };
        if template || sealed {
            return one(value);
        }
        match (key, &value) {
            ("port", Value::Number(number))
                if number.as_u64().is_some_and(|n| (1..=65535).contains(&n)) =>
            {
                one(value)
            }
            ("port", _) => wrong("a number from 1 to 65535"),
            ("become", Value::Bool(_))
            | ("connect_timeout" | "retry_for", Value::Number(_) | Value::String(_)) => one(value),
            ("become", Value::String(_)) => Ok(vec![
                (variable.to_owned(), Value::Bool(true)),
                ("ansible_become_user".to_owned(), value),
            ]),
            ("become", _) => wrong("true, false, or the user to become"),
            ("connect_timeout" | "retry_for", _) => wrong("seconds or a text such as \"10s\""),
            ("host_keys", Value::String(text))
                if !["strict", "accept-new", "ssh-config"].contains(&text.as_str()) =>
            {
                Err(InventoryError::new(
                    "must be \"strict\", \"accept-new\" or \"ssh-config\"",
                ))
            }
            ("via", Value::String(text)) if !["ssh", "local"].contains(&text.as_str()) => Err(
                InventoryError::new("must be \"ssh\", \"local\" or a command as a list")
                    .hint("For example via = [\"docker\", \"exec\", \"-i\", \"web1\"]."),
            ),
            ("via", Value::Array(words))
                if !words.is_empty() && words.iter().all(Value::is_string) =>
            {
                Ok(vec![("ops_exec".to_owned(), value)])
            }
            ("ssh_args", Value::Array(words)) => {
                let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
                match words.and_then(|words| shlex::try_join(words).ok()) {
                    Some(line) => one(Value::String(line)),
                    None => wrong("a list of strings"),
                }
            }
            (_, Value::String(_)) => one(value),
            ("via", _) => wrong("\"ssh\", \"local\" or a command as a list of strings"),
            _ => wrong("a string"),
        }
    }

    /// Resolves the groups named in `children` and `groups`, which must be declared somewhere.
    fn link(mut self) -> Result<(), InventoryError> {
        for (link, line) in std::mem::take(&mut self.links) {
            let name = match &link {
                Link::Child { child, .. } => child,
                Link::Member { group, .. } => group,
            };
            let Some(group) = self.draft.groups.get_index_of(name) else {
                let error = self.error(line, format!("the group `{name}` is not declared"));
                let known = self.draft.groups.keys().map(String::as_str);
                return Err(error.hint(
                    did_you_mean(name, known)
                        .unwrap_or_else(|| format!("Declare it with a table [groups.{name}].")),
                ));
            };
            let at = self.at(line);
            match link {
                Link::Child { parent, .. } => self.draft.child(parent, group, &at)?,
                Link::Member { host, .. } => self.draft.join(host, group),
            }
        }
        Ok(())
    }
}
