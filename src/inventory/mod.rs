//! Reads inventories: hosts, their groups, and the variables that each of them gets by precedence.
//!
//! [`load`] reads the [`Sources`] one after the other into a draft and builds the [`Inventory`] from it: an
//! immutable value that is cheap to clone and safe to share. The inventory answers all later questions: which
//! hosts a pattern selects, what value a variable of a host has once its `{{ }}` are rendered, how the host
//! is reached.
//!
//! | part | what it does |
//! |---|---|
//! | `source`, `directory`, `ini`, `ansible_yaml`, `ops_toml`, `script` | the readers |
//! | `text`, `yaml`, `toml_text`, `json_text`, `node`, `literal`, `shlex`, `name` | their parsers |
//! | `ansible_cfg` | settings of Ansible that apply here too |
//! | `draft`, `build`, `vars_files` | merging, precedence, `group_vars/` and `host_vars/` |
//! | `pattern`, `lookalike`, `limit` | host patterns; misleading ones; `--limit` |
//! | `world`, `variable`, `render`, `lazy`, `written` | the content; variables, rendered when used |
//! | `digest` | whether a loaded inventory is the same as another |
//! | `connection`, `via`, `elevation`, `unsupported` | how a host is reached; refused settings |
//! | `vault`, `secrets`, `password` | encrypted values, and values whose name makes them secret |
//!
//! Everything follows Ansible where its users would notice, and `tests/inventory/` compares it with the real
//! Ansible. Unlike in Ansible, something unreadable or missing is always an error and never a warning.

mod ansible_cfg;
mod ansible_yaml;
mod build;
mod cfg_text;
mod connection;
mod digest;
mod directory;
mod draft;
mod elevation;
mod error;
mod group;
mod ini;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod inventory;
mod json_text;
mod lazy;
mod limit;
mod literal;
mod lookalike;
mod name;
mod node;
mod ops_toml;
mod password;
mod pattern;
mod program;
mod render;
mod script;
mod secrets;
mod session;
mod shlex;
mod shown;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod toml_text;
mod unsupported;
mod variable;
mod vars_files;
mod vault;
mod via;
mod world;
mod written;
mod yaml;
mod yaml_scalar;

pub use ansible_cfg::AnsibleCfg;
pub use connection::Overrides;
pub use error::{InventoryError, RenderError, SelectError, Warning};
pub use group::Group;
pub use inventory::Inventory;
pub use secrets::VaultPasswordFile;
pub use shown::Shown;
pub use source::Sources;

/// Reads every source, in order. Later sources add to earlier ones and win over them.
///
/// # Errors
///
/// A source that cannot be read or parsed, or that contradicts itself, with the file and the line.
pub fn load(sources: &Sources) -> Result<Inventory, InventoryError> {
    let passwords = sources
        .vault_passwords
        .iter()
        .map(VaultPasswordFile::read)
        .collect::<Result<Vec<_>, _>>()?;
    let secrets = secrets::Secrets::new(passwords);
    let mut draft = draft::Draft::new();
    for path in &sources.paths {
        source::read(path, &mut draft, &secrets)?;
    }
    let built = build::build(draft, sources, &secrets)?;
    Ok(Inventory::new(built, sources.playbook_dir.clone(), secrets))
}
