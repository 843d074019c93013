//! Ansible's YAML inventory: groups by name, each with `hosts`, `vars` and `children`.

use std::path::Path;
use std::sync::Arc;

use super::draft::Draft;
use super::error::InventoryError;
use super::name;
use super::node::{Entry, Kind, Node};
use crate::model::Origin;
use crate::model::suggest::did_you_mean;

pub(super) fn read(
    document: Option<Node>,
    file: &Arc<Path>,
    draft: &mut Draft,
) -> Result<(), InventoryError> {
    let Some(document) = document.filter(|node| !node.is_null()) else {
        return Ok(());
    };
    let Kind::Map(groups) = document.kind else {
        return Err(InventoryError::new(format!(
            "an inventory must be a mapping of groups, found {}",
            document.noun()
        ))
        .foreign()
        .in_file(file, Some(document.line)));
    };
    if let Some(plugin) = groups.iter().find(|entry| entry.key == "plugin") {
        return Err(InventoryError::new("this configures an inventory plugin, which only Ansible can run")
            .hint("Write its output to a file: ansible-inventory -i FILE --list --yaml --output hosts.yml.")
            .foreign()
            .in_file(file, Some(plugin.line)));
    }
    if groups.iter().any(|entry| is_group(&entry.value)) {
        let mut reader = Reader { file, draft };
        return groups
            .into_iter()
            .try_for_each(|group| reader.group(group).map(drop));
    }
    // Perhaps these are settings of another program: then nothing of the file may be kept.
    let mut trial = draft.clone();
    let mut reader = Reader {
        file,
        draft: &mut trial,
    };
    for group in groups {
        reader.group(group).map_err(InventoryError::foreign)?;
    }
    *draft = trial;
    Ok(())
}

/// Whether a value looks like a group, allowing for a typo.
fn is_group(value: &Node) -> bool {
    const SECTIONS: [&str; 3] = ["hosts", "vars", "children"];
    let is_section = |key: &str| SECTIONS.contains(&key) || did_you_mean(key, SECTIONS).is_some();
    matches!(&value.kind, Kind::Map(sections) if sections.iter().any(|entry| is_section(&entry.key)))
}

struct Reader<'a> {
    file: &'a Arc<Path>,
    draft: &'a mut Draft,
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

    /// Reads a group and its contents. Returns its index.
    fn group(&mut self, entry: Entry) -> Result<usize, InventoryError> {
        let Entry {
            key: name,
            line,
            value,
        } = entry;
        let at = self.at(line);
        let group = self.draft.group(&name, &at)?;
        if value.is_null() {
            return Ok(group);
        }
        let Kind::Map(sections) = value.kind else {
            return Err(self.error(
                line,
                format!(
                    "the group `{name}` must be a mapping, found {}",
                    value.noun()
                ),
            ));
        };
        for section in sections {
            let Entry { key, line, value } = section;
            if !matches!(key.as_str(), "hosts" | "vars" | "children") {
                let error = self.error(
                    line,
                    format!("the group `{name}` has the unknown key `{key}`"),
                );
                return Err(error.hint(did_you_mean(&key, ["hosts", "vars", "children"]).unwrap_or_else(|| {
                    "A group has `hosts`, `vars` and `children`; a variable belongs under `vars`.".to_owned()
                })));
            }
            for entry in self.entries(&name, &key, value)? {
                match key.as_str() {
                    "vars" => {
                        let at = self.at(entry.line);
                        self.draft
                            .group_var(group, &entry.key, entry.value.into_value(), &at)?;
                    }
                    "children" => {
                        let at = self.at(entry.line);
                        let child = self.group(entry)?;
                        self.draft.child(group, child, &at)?;
                    }
                    _ => self.hosts(entry, group)?,
                }
            }
        }
        Ok(group)
    }

    /// The entries of a section of a group. A single name counts as a mapping with that key.
    fn entries(
        &self,
        group: &str,
        section: &str,
        value: Node,
    ) -> Result<Vec<Entry>, InventoryError> {
        let line = value.line;
        match value.kind {
            Kind::Map(entries) => Ok(entries),
            Kind::Scalar(serde_json::Value::Null) => Ok(Vec::new()),
            Kind::Scalar(serde_json::Value::String(name)) => Ok(vec![Entry {
                key: name,
                line,
                value: Node {
                    line,
                    kind: Kind::Scalar(serde_json::Value::Null),
                },
            }]),
            _ => {
                let error = self.error(
                    line,
                    format!(
                        "`{section}` of the group `{group}` must be a mapping, found {}",
                        value.noun()
                    ),
                );
                Err(error.hint(format!("Write each of the {section} as a key: `name:`.")))
            }
        }
    }

    fn hosts(&mut self, entry: Entry, group: usize) -> Result<(), InventoryError> {
        let at = self.at(entry.line);
        let (names, port) = name::expand(&entry.key).map_err(|error| error.at(&at))?;
        let vars = match entry.value.kind {
            Kind::Map(vars) => vars,
            Kind::Scalar(serde_json::Value::Null) => Vec::new(),
            _ => {
                let noun = entry.value.noun();
                return Err(self.error(
                    entry.value.line,
                    format!(
                        "the variables of `{}` must be a mapping, found {noun}",
                        entry.key
                    ),
                ));
            }
        };
        let mut hosts = Vec::with_capacity(names.len());
        for name in names {
            let known = self.draft.hosts.contains_key(&name);
            let host = self.draft.host(&name, group, &at)?;
            if let Some(port) = port.filter(|_| !known) {
                self.draft.host_var(host, "ansible_port", port.into(), &at);
            }
            hosts.push(host);
        }
        for var in vars {
            let at = self.at(var.line);
            let value = var.value.into_value();
            for &host in &hosts {
                self.draft.host_var(host, &var.key, value.clone(), &at);
            }
        }
        Ok(())
    }
}
