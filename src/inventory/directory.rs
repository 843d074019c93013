//! A directory as an inventory: which of its files are sources.
//!
//! Ansible tries to read each file and warns where it cannot. ops passes over, with a warning, what is no inventory by its
//! looks, and refuses an inventory with a mistake in it: hosts must not get lost.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use super::draft::Draft;
use super::error::InventoryError;
use super::secrets::Secrets;
use super::{source, vars_files};

/// Ends of names that are passed over in silence, as Ansible passes over them.
const IGNORED_ENDS: [&str; 12] = [
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
];

/// Ends of names of what is to become an inventory, or was one.
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

/// Suffixes of files that are not inventories, even if each line could be a host name. Executables are run all the same.
const OTHER_ENDS: [&str; 22] = [
    ".cert", ".crt", ".csv", ".diff", ".env", ".gz", ".html", ".key", ".lock", ".log", ".patch",
    ".pdf", ".pem", ".png", ".pub", ".py", ".sh", ".sql", ".tar", ".tsv", ".xml", ".zip",
];

/// Names of files of a project beside an inventory.
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

/// Extensions of inventories, and none.
const EXTENSIONS: [&str; 5] = ["ini", "yml", "yaml", "json", "toml"];

pub(super) fn read(dir: &Path, draft: &mut Draft, secrets: &Secrets) -> Result<(), InventoryError> {
    for name in vars_files::list(dir)? {
        let is_ignored = name.starts_with('.')
            || ["host_vars", "group_vars", "vars_plugins"].contains(&name.as_str())
            || IGNORED_ENDS.iter().any(|end| name.ends_with(end));
        if !is_ignored {
            read_member(&dir.join(&name), &name, draft, secrets)?;
        }
    }
    Ok(())
}

fn read_member(
    path: &Path,
    name: &str,
    draft: &mut Draft,
    secrets: &Secrets,
) -> Result<(), InventoryError> {
    if path.is_dir() {
        return read(path, draft, secrets);
    }
    let file: Arc<Path> = Arc::from(path);
    if let Some(end) = TEMPLATE_ENDS.iter().find(|end| name.ends_with(*end)) {
        let error = InventoryError::new(format!("its name ends in `{end}`"));
        draft.warn(passed_over(error.in_file(&file, None)));
        return Ok(());
    }
    if let Some(why) = is_other(name).filter(|_| !source::is_run(path)) {
        let error = InventoryError::new(why).in_file(&file, None);
        draft.warn(passed_over(error));
        return Ok(());
    }
    let extension = path.extension().and_then(OsStr::to_str);
    let is_source = extension
        .is_none_or(|extension| EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()))
        || source::is_run(path);
    let result = if is_source {
        source::read(path, draft, secrets)
    } else {
        // INI for all that is known, and what is half read must not stay.
        let mut trial = draft.clone();
        source::read(path, &mut trial, secrets)
            .map(|()| *draft = trial)
            .map_err(InventoryError::foreign)
    };
    match result {
        Err(error) if error.is_foreign => {
            draft.warn(passed_over(error.in_file(&file, None)));
            Ok(())
        }
        result => result,
    }
}

/// Why a file is not an inventory, by its name.
fn is_other(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    if OTHER_NAMES.contains(&name.as_str()) {
        return Some("it is a file of a project, by its name".to_owned());
    }
    let end = OTHER_ENDS.iter().find(|end| name.ends_with(*end))?;
    Some(format!("its name ends in `{end}`"))
}

fn passed_over(error: InventoryError) -> InventoryError {
    InventoryError {
        message: format!("the file is passed over: {}", error.message),
        ..error
    }
}
