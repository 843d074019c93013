//! The sources of an inventory, and the choice of a reader for each.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::directory::{self, Member};
use super::draft::{Draft, UNGROUPED};
use super::error::InventoryError;
use super::program::is_inventory_program;
use super::secrets::{Secrets, VaultPasswordFile};
use super::{ansible_yaml, ini, name, ops_toml, script, text, toml_text, written, yaml};
use crate::model::{Origin, Vars};

/// The sources of an inventory.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The values of `-i`, in order: files, directories, executables, or inline lists `host1,host2,`.
    pub paths: Vec<PathBuf>,
    /// The directory of the playbook, which may have `group_vars/` and `host_vars/`.
    pub playbook_dir: Option<PathBuf>,
    pub vault_passwords: Vec<VaultPasswordFile>,
    /// Variables that are weaker than everything in the inventory: those of `ansible.cfg`.
    pub defaults: Vars,
    /// Values from the command line, which win over all others.
    pub extra_vars: IndexMap<String, Value>,
}

/// Reads one value of `-i` into the draft.
pub(super) fn read(
    path: &Path,
    draft: &mut Draft,
    secrets: &Secrets,
) -> Result<(), InventoryError> {
    if let Some(list) = inline(path) {
        return read_inline(list, draft);
    }
    let file: Arc<Path> = Arc::from(path);
    let metadata = std::fs::metadata(path).map_err(|error| {
        let error =
            InventoryError::new(format!("cannot read the inventory: {error}")).in_file(&file, None);
        match path.to_str() {
            Some(text) if !text.contains('/') => error.hint(format!(
                "To pass a list of hosts, end it with a comma: -i {text},"
            )),
            _ => error,
        }
    })?;
    if metadata.is_dir() {
        return read_directory(path, draft, secrets);
    }
    if is_inventory_program(path) {
        return script::read(&file, draft);
    }
    read_file(&file, draft, secrets)
}

fn read_directory(dir: &Path, draft: &mut Draft, secrets: &Secrets) -> Result<(), InventoryError> {
    for member in directory::members(dir)? {
        let (path, result) = match member {
            Member::Skipped(why) => {
                draft.warn(why);
                continue;
            }
            Member::Source(path) => {
                let result = read(&path, draft, secrets);
                (path, result)
            }
            Member::Unknown(path) => {
                // The INI reader reads it. If it fails half-way, nothing of the file may be kept.
                let mut trial = draft.clone();
                let result = read(&path, &mut trial, secrets)
                    .map(|()| *draft = trial)
                    .map_err(InventoryError::foreign);
                (path, result)
            }
        };
        match result {
            Err(error) if error.is_foreign => {
                draft.warn(directory::skipped(error.in_file(&Arc::from(path), None)));
            }
            result => result?,
        }
    }
    Ok(())
}

/// The text of `-i host1,host2,`, which contains a comma and is not the name of a file.
pub(super) fn inline(path: &Path) -> Option<&str> {
    path.to_str()
        .filter(|text| text.contains(',') && !path.exists())
}

fn read_inline(list: &str, draft: &mut Draft) -> Result<(), InventoryError> {
    let at = Origin {
        file: Arc::from(Path::new(list)),
        line: None,
    };
    let group = draft.group(UNGROUPED, &at)?;
    for pattern in list
        .split(',')
        .map(str::trim)
        .filter(|pattern| !pattern.is_empty())
    {
        let (names, port) = name::expand(pattern)?;
        for name in names {
            let known = draft.hosts.contains_key(&name);
            let host = draft.host(&name, group, &at)?;
            if let Some(port) = port.filter(|_| !known) {
                draft.host_var(host, "ansible_port", port.into(), &at);
            }
        }
    }
    Ok(())
}

fn read_file(file: &Arc<Path>, draft: &mut Draft, secrets: &Secrets) -> Result<(), InventoryError> {
    let source = text::read(file, secrets)?;
    let text = source.text.as_str();
    let extension = file
        .extension()
        .and_then(OsStr::to_str)
        .map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("toml") => {
            let document = toml_text::parse(text).map_err(|error| {
                InventoryError::new(error.message).in_file(file, Some(error.line))
            })?;
            ops_toml::read(document, file, draft)?;
        }
        Some("yml" | "yaml" | "json") => read_yaml(text, file, draft)?,
        None if looks_like_yaml(text) => read_yaml(text, file, draft)?,
        _ => ini::read(text, file, draft)?,
    }
    if source.sealed {
        let groups = draft
            .groups
            .values_mut()
            .flat_map(|group| group.vars.values_mut());
        let hosts = draft
            .hosts
            .values_mut()
            .flat_map(|host| host.vars.values_mut());
        for var in groups.chain(hosts).filter(|var| var.origin.file == *file) {
            secrets.keep_all(&var.value);
            written::seal(&mut var.value);
        }
    }
    Ok(())
}

fn read_yaml(text: &str, file: &Arc<Path>, draft: &mut Draft) -> Result<(), InventoryError> {
    let document = yaml::parse(text)
        .map_err(|error| InventoryError::new(error.message).in_file(file, Some(error.line)))?;
    ansible_yaml::read(document, file, draft)
}

/// Whether a file without an extension is YAML: its first line with content is `---`, a key, or JSON.
fn looks_like_yaml(text: &str) -> bool {
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    first.is_some_and(|line| {
        let bare = line.split(" #").next().unwrap_or_default().trim_end();
        bare == "---"
            || bare.starts_with(['{', '%'])
            || (bare.ends_with(':') && !bare.starts_with('['))
    })
}
