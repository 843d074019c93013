//! Decides which files of an inventory directory are sources.
//!
//! Ansible tries to read each file and warns if it cannot. ops skips, with a warning, a file that does not
//! look like an inventory, and refuses an inventory with a mistake in it: no hosts may get lost.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::InventoryError;
use super::program::is_inventory_program;
use super::vars_files;

/// Suffixes of files that are skipped without a warning, as in Ansible.
const IGNORED_ENDS: [&str; 12] = [
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
];

/// Suffixes of inventory templates and of retired inventories.
const TEMPLATE_ENDS: [&str; 9] = [
    ".example",
    ".sample",
    ".dist",
    ".template",
    ".tmpl",
    ".j2",
    ".disabled",
    ".old",
    ".rej",
];

/// Suffixes of files that are not inventories, even if each line could be a host name. Executable files are
/// run nevertheless.
const OTHER_ENDS: [&str; 22] = [
    ".cert", ".crt", ".csv", ".diff", ".env", ".gz", ".html", ".key", ".lock", ".log", ".patch",
    ".pdf", ".pem", ".png", ".pub", ".py", ".sh", ".sql", ".tar", ".tsv", ".xml", ".zip",
];

/// Names of project files that are often stored beside an inventory.
const OTHER_NAMES: [&str; 19] = [
    "authors",
    "brewfile",
    "changelog",
    "codeowners",
    "containerfile",
    "contributing",
    "copying",
    "dockerfile",
    "gemfile",
    "gnumakefile",
    "jenkinsfile",
    "justfile",
    "license",
    "makefile",
    "notice",
    "rakefile",
    "readme",
    "todo",
    "vagrantfile",
];

/// Extensions of inventories. An inventory may also have no extension.
const EXTENSIONS: [&str; 5] = ["ini", "yml", "yaml", "json", "toml"];

/// A file below an inventory directory.
pub(super) enum Member {
    Source(PathBuf),
    /// Its name does not tell whether it is a source.
    Unknown(PathBuf),
    /// It is not a source, for this reason.
    Skipped(InventoryError),
}

/// The members of a directory and of the directories below it, ordered by name.
pub(super) fn members(dir: &Path) -> Result<Vec<Member>, InventoryError> {
    let mut members = Vec::new();
    for name in vars_files::list(dir)? {
        let is_ignored = name.starts_with('.')
            || ["host_vars", "group_vars", "vars_plugins"].contains(&name.as_str())
            || IGNORED_ENDS.iter().any(|end| name.ends_with(end));
        let path = dir.join(&name);
        if is_ignored {
            continue;
        }
        if path.is_dir() {
            members.extend(self::members(&path)?);
        } else {
            members.push(member(path, &name));
        }
    }
    Ok(members)
}

fn member(path: PathBuf, name: &str) -> Member {
    let is_run = is_inventory_program(&path);
    let end = TEMPLATE_ENDS.iter().find(|end| name.ends_with(*end));
    let why = end.map(|end| format!("its name ends in `{end}`"));
    if let Some(why) = why.or_else(|| is_other(name).filter(|_| !is_run)) {
        return Member::Skipped(skipped(
            InventoryError::new(why).in_file(&Arc::from(path), None),
        ));
    }
    let extension = path.extension().and_then(OsStr::to_str);
    let is_known = extension.is_none_or(|extension| {
        let extension = extension.to_ascii_lowercase();
        EXTENSIONS.contains(&extension.as_str())
    });
    if is_known || is_run {
        Member::Source(path)
    } else {
        Member::Unknown(path)
    }
}

/// Why a file is not an inventory, judging by its name.
fn is_other(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    if OTHER_NAMES.contains(&name.as_str()) {
        return Some("its name is that of a project file".to_owned());
    }
    let end = OTHER_ENDS.iter().find(|end| name.ends_with(*end))?;
    Some(format!("its name ends in `{end}`"))
}

/// The warning for a file that is not read, with the reason.
pub(super) fn skipped(error: InventoryError) -> InventoryError {
    InventoryError {
        message: format!("skipped this file: {}", error.message),
        ..error
    }
}
