//! `group_vars/` and `host_vars/`, beside an inventory source or beside the playbook.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{InventoryError, Warning};
use super::node::Kind;
use super::secrets::Secrets;
use super::{password, text, written, yaml};
use crate::model::{Origin, Var, Vars};

/// The extensions that Ansible reads.
const EXTENSIONS: [&str; 3] = ["yml", "yaml", "json"];

/// One `group_vars` or `host_vars` directory.
pub(super) struct VarsDir<'s> {
    path: PathBuf,
    /// The names in the directory, so that ten thousand hosts do not cause ten thousand disk accesses.
    names: BTreeSet<String>,
    loaded: HashMap<String, Option<Arc<Vars>>>,
    secrets: &'s Secrets,
    pub warnings: Vec<Warning>,
}

impl<'s> VarsDir<'s> {
    /// Returns `None` if there is no such directory.
    pub(crate) fn open(
        path: PathBuf,
        secrets: &'s Secrets,
    ) -> Result<Option<Self>, InventoryError> {
        if !path.is_dir() {
            return Ok(None);
        }
        let names = list(&path)?.into_iter().collect();
        Ok(Some(Self {
            path,
            names,
            loaded: HashMap::new(),
            secrets,
            warnings: Vec::new(),
        }))
    }

    /// The variables of one group or host, if any.
    pub(crate) fn get(&mut self, name: &str) -> Result<Option<Arc<Vars>>, InventoryError> {
        if let Some(vars) = self.loaded.get(name) {
            return Ok(vars.clone());
        }
        let vars = self.load(name)?;
        self.loaded.insert(name.to_owned(), vars.clone());
        Ok(vars)
    }

    fn load(&mut self, name: &str) -> Result<Option<Arc<Vars>>, InventoryError> {
        // A host name may look like a path (`/srv/chroot`); it has no file here.
        if name.contains('/') {
            return Ok(None);
        }
        let mut found = std::iter::once(name.to_owned())
            .chain(
                EXTENSIONS
                    .iter()
                    .map(|extension| format!("{name}.{extension}")),
            )
            .filter(|file| self.names.contains(file));
        let Some(first) = found.next() else {
            return Ok(None);
        };
        let path = self.path.join(first);
        for other in found {
            let message = format!("the file is not read because {} exists too", path.display());
            let warning =
                InventoryError::new(message).hint("Move both into one directory or one file.");
            let other: Arc<Path> = self.path.join(other).into();
            self.warnings.push(warning.in_file(&other, None).into());
        }
        let mut files = Vec::new();
        if path.is_dir() {
            collect(&path, &mut files)?;
        } else {
            files.push(path);
        }
        let mut vars = Vars::new();
        for file in files {
            self.read(&file, &mut vars)?;
        }
        Ok((!vars.is_empty()).then(|| Arc::new(vars)))
    }

    fn read(&self, path: &Path, vars: &mut Vars) -> Result<(), InventoryError> {
        let file: Arc<Path> = Arc::from(path);
        let text = text::read(&file, self.secrets)?;
        let document = yaml::parse(&text.text)
            .map_err(|error| InventoryError::new(error.message).in_file(&file, Some(error.line)))?;
        let Some(document) = document.filter(|node| !node.is_null()) else {
            return Ok(());
        };
        let Kind::Map(entries) = document.kind else {
            let message = format!(
                "a variables file must be a mapping, found {}",
                document.noun()
            );
            return Err(InventoryError::new(message).in_file(&file, Some(document.line)));
        };
        for entry in entries {
            let mut value = entry.value.into_value();
            if text.sealed {
                self.secrets.keep_all(&value);
                written::seal(&mut value);
            }
            let origin = Origin {
                file: Arc::clone(&file),
                line: Some(entry.line),
            };
            let var = Var { value, origin };
            password::keep(&entry.key, &var, self.secrets);
            vars.insert(entry.key, var);
        }
        Ok(())
    }
}

/// Collects the files in a directory and its subdirectories, by name, without hidden files, backups and files
/// with other extensions.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), InventoryError> {
    for name in list(dir)? {
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let path = dir.join(&name);
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            if extension.is_none() {
                collect(&path, files)?;
            }
        } else if extension.is_none_or(|extension| EXTENSIONS.contains(&extension)) {
            files.push(path);
        }
    }
    Ok(())
}

/// The names in a directory, sorted.
pub(super) fn list(dir: &Path) -> Result<Vec<String>, InventoryError> {
    let failed = |error: std::io::Error| {
        InventoryError::new(format!("cannot read the directory: {error}"))
            .in_file(&Arc::from(dir), None)
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        // A name that is not UTF-8 cannot be the name of a host or group.
        if let Ok(name) = name.into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
