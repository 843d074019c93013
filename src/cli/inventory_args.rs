//! The options for the inventory, and reading it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::inventory::{self, AnsibleCfg, Inventory, VaultPasswordFile};
use crate::model::{Failure, FailureKind, Secrets};

use super::diagnostics;

/// The inventory, and which of its hosts take part.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Inventory")]
pub(crate) struct InventoryArgs {
    /// Use this inventory: a file, a directory, a program, or `host1,host2,`. Can be given several times
    ///
    /// By default, ops uses the `inventory` setting of ansible.cfg, or whichever of inventory.toml,
    /// inventory.yml, inventory.yaml, inventory.ini, inventory/ and hosts.ini exists in the working
    /// directory. If none exists, the only host is `localhost`.
    ///
    /// OPS_INVENTORY sets it too, with `:` between several.
    #[arg(short, long, value_name = "PATH")]
    pub inventory: Vec<PathBuf>,
    /// Use only the hosts that this pattern selects
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,
    /// Read the vault password from this file, or from the output of this program
    #[arg(long, value_name = "[ID@]FILE")]
    pub vault_password_file: Vec<String>,
}

/// The inventories that are used without `-i`, in this order; more than one of them is an error.
const DEFAULT_INVENTORIES: [&str; 6] = [
    "inventory.toml",
    "inventory.yml",
    "inventory.yaml",
    "inventory.ini",
    "inventory",
    "hosts.ini",
];

impl InventoryArgs {
    /// Reads the inventory. The values in `given`, from the command line, override all of its variables.
    /// Warnings go to stderr.
    ///
    /// # Errors
    /// Every mistake in it.
    pub(crate) fn load(
        &self,
        playbook_dir: Option<PathBuf>,
        given: BTreeMap<String, Value>,
        secrets: &Secrets,
    ) -> Result<Inventory, Vec<Failure>> {
        let one = |failure: Failure| vec![failure];
        let configured =
            AnsibleCfg::find(std::env::var_os("ANSIBLE_CONFIG"), playbook_dir.as_deref())
                .map_err(|error| one(error.into()))?;
        let passwords = self
            .vault_password_file
            .iter()
            .map(|file| VaultPasswordFile::parse(file));
        let sources = inventory::Sources {
            paths: self.paths(configured.inventory).map_err(one)?,
            playbook_dir,
            vault_passwords: passwords.chain(configured.vault_passwords).collect(),
            defaults: configured.vars,
            extra_vars: given.into_iter().collect(),
        };
        let inventory = inventory::load(&sources).map_err(|error| one(error.into()))?;
        for warning in configured.warnings.iter().chain(inventory.warnings()) {
            diagnostics::warn(&warning.to_string(), warning.hint());
        }
        let watcher = secrets.clone();
        inventory.on_secret(move |value, name| {
            // A value that is too short to be scrubbed is used all the same: it is the inventory's.
            let _ = watcher.add(value, name);
        });
        match &self.limit {
            Some(limit) => inventory.limited(limit).map_err(|error| one(error.into())),
            None => Ok(inventory),
        }
    }

    /// The inventories that were given, or those of `ansible.cfg`, or the one of the working directory.
    ///
    /// # Errors
    /// If there are several.
    pub(crate) fn paths(&self, configured: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
        if !self.inventory.is_empty() {
            return Ok(self.inventory.clone());
        }
        let named = std::env::var_os("OPS_INVENTORY").map(|value| listed(&value));
        match named {
            Some(named) if !named.is_empty() => Ok(named),
            _ if !configured.is_empty() => one_of(configured, Path::new("inventory.toml")),
            _ => default_inventory(Path::new("")).map(|found| found.into_iter().collect()),
        }
    }
}

/// The paths of OPS_INVENTORY. A list of hosts, `web1:2222,web2,`, is a single one: its colons separate
/// ports.
fn listed(value: &OsStr) -> Vec<PathBuf> {
    if value.as_encoded_bytes().ends_with(b",") {
        return vec![value.into()];
    }
    std::env::split_paths(value)
        .filter(|path| !path.as_os_str().is_empty())
        .collect()
}

/// What `ansible.cfg` names. An inventory of ops beside it is an error.
fn one_of(configured: Vec<PathBuf>, ours: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !ours.exists() || configured.iter().any(|path| path.ends_with(ours)) {
        return Ok(configured);
    }
    let named: Vec<String> = configured
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let message = format!(
        "there are two inventories: {}, and {} of ansible.cfg",
        ours.display(),
        named.join(", ")
    );
    Err(Failure::new(FailureKind::Input, message).hint("Choose one with -i."))
}

fn default_inventory(dir: &Path) -> Result<Option<PathBuf>, Failure> {
    let mut there = DEFAULT_INVENTORIES
        .iter()
        .map(|name| dir.join(name))
        .filter(|path| path.exists());
    let first = there.next();
    match (&first, there.next()) {
        (Some(first), Some(second)) => Err(Failure::new(
            FailureKind::Input,
            format!(
                "there are two inventories: {} and {}",
                first.display(),
                second.display()
            ),
        )
        .hint("Choose one with -i.")),
        _ => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_inventory_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(default_inventory(dir.path()).unwrap(), None);
        let toml = dir.path().join("inventory.toml");
        std::fs::write(&toml, "").unwrap();
        assert_eq!(default_inventory(dir.path()).unwrap(), Some(toml));
        std::fs::create_dir(dir.path().join("inventory")).unwrap();
        let failure = default_inventory(dir.path()).unwrap_err();
        assert!(failure.message.contains("two inventories"), "{failure}");
        assert!(failure.hint.unwrap().contains("-i"));
    }

    #[test]
    fn the_environment_names_several_inventories() {
        let listed = |text: &str| listed(OsStr::new(text));
        assert_eq!(
            listed("a.toml:b.ini"),
            [Path::new("a.toml"), Path::new("b.ini")]
        );
        assert_eq!(listed("web1:2222,"), [Path::new("web1:2222,")]);
        assert!(listed("").is_empty());
    }
}
