//! `ansible.cfg`: its settings for how hosts are reached apply here too.
//!
//! They become variables that are weaker than everything in the inventory, so that `ops inventory show` lists
//! them with their location and everything else treats them like variables of `all`. A setting that would
//! change the outcome but is not read causes a warning. The rest of the file is about features that ops does
//! not have.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::cfg_text::{Setting, settings};
use super::error::{InventoryError, Warning};
use super::secrets::VaultPasswordFile;
use crate::model::{Origin, Var, Vars, decode};

const NAME: &str = "ansible.cfg";

/// Section, key, the variable that it sets, and whether the value is a path relative to the file's directory.
const READ: &[(&str, &str, &str, bool)] = &[
    ("defaults", "remote_user", "ansible_user", false),
    ("defaults", "remote_port", "ansible_port", false),
    (
        "defaults",
        "private_key_file",
        "ansible_ssh_private_key_file",
        true,
    ),
    (
        "defaults",
        "host_key_checking",
        "ansible_host_key_checking",
        false,
    ),
    ("defaults", "timeout", "ansible_timeout", false),
    ("defaults", "transport", "ansible_connection", false),
    (
        "ssh_connection",
        "private_key_file",
        "ansible_ssh_private_key_file",
        true,
    ),
    (
        "ssh_connection",
        "host_key_checking",
        "ansible_host_key_checking",
        false,
    ),
    ("ssh_connection", "timeout", "ansible_timeout", false),
    ("ssh_connection", "ssh_args", "ansible_ssh_args", false),
    (
        "ssh_connection",
        "ssh_common_args",
        "ansible_ssh_common_args",
        false,
    ),
    (
        "ssh_connection",
        "ssh_extra_args",
        "ansible_ssh_extra_args",
        false,
    ),
    (
        "ssh_connection",
        "ssh_executable",
        "ansible_ssh_executable",
        false,
    ),
    (
        "ssh_connection",
        "pkcs11_provider",
        "ansible_pkcs11_provider",
        false,
    ),
    ("privilege_escalation", "become", "ansible_become", false),
    (
        "privilege_escalation",
        "become_user",
        "ansible_become_user",
        false,
    ),
    (
        "privilege_escalation",
        "become_method",
        "ansible_become_method",
        false,
    ),
    (
        "privilege_escalation",
        "become_exe",
        "ansible_become_exe",
        false,
    ),
    (
        "privilege_escalation",
        "become_flags",
        "ansible_become_flags",
        false,
    ),
    ("sudo_become_plugin", "user", "ansible_become_user", false),
    (
        "sudo_become_plugin",
        "executable",
        "ansible_become_exe",
        false,
    ),
    ("sudo_become_plugin", "flags", "ansible_become_flags", false),
    (
        "sudo_become_plugin",
        "password",
        "ansible_become_password",
        false,
    ),
];

/// Section, key, the values that change nothing, and what to do.
const UNREAD: &[(&str, &str, &[&str], &str)] = &[
    (
        "defaults",
        "hash_behaviour",
        &["replace"],
        "In ops a mapping replaces a mapping. Write out the merged mapping.",
    ),
    (
        "defaults",
        "ask_pass",
        &["false", "no", "0"],
        "`ops run --help` lists the passwords that ops can ask for.",
    ),
    (
        "defaults",
        "ask_vault_pass",
        &["false", "no", "0"],
        "Pass the file that contains the password with --vault-password-file.",
    ),
    (
        "privilege_escalation",
        "become_ask_pass",
        &["false", "no", "0"],
        "Use -K.",
    ),
    (
        "defaults",
        "variable_precedence",
        &[],
        "ops uses Ansible's default order, see docs/inventory.md.",
    ),
    (
        "defaults",
        "inventory_ignore_extensions",
        &[],
        "Name the files of the inventory with -i.",
    ),
    (
        "defaults",
        "inventory_ignore_patterns",
        &[],
        "Name the files of the inventory with -i.",
    ),
    (
        "inventory",
        "ignore_extensions",
        &[],
        "Name the files of the inventory with -i.",
    ),
    (
        "inventory",
        "ignore_patterns",
        &[],
        "Name the files of the inventory with -i.",
    ),
];

/// The settings of a file that ops uses.
#[derive(Debug, Clone, Default)]
pub struct AnsibleCfg {
    /// `inventory`: used when no `-i` is given.
    pub inventory: Vec<PathBuf>,
    /// `vault_password_file` and `vault_identity_list`.
    pub vault_passwords: Vec<VaultPasswordFile>,
    /// Variables that are weaker than all others.
    pub vars: Vars,
    pub warnings: Vec<Warning>,
}

impl AnsibleCfg {
    /// Reads the file that ANSIBLE_CONFIG names, or the one in the working directory or beside the playbook.
    /// Returns the default if there is none.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn find(
        named: Option<OsString>,
        playbook_dir: Option<&Path>,
    ) -> Result<Self, InventoryError> {
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            let path = PathBuf::from(named);
            let path = if path.is_dir() { path.join(NAME) } else { path };
            return Self::read(&path);
        }
        let dirs = std::iter::once(Path::new("")).chain(playbook_dir);
        let Some(path) = dirs.map(|dir| dir.join(NAME)).find(|path| path.is_file()) else {
            return Ok(Self::default());
        };
        if is_open_to_all(&path) {
            let error = InventoryError::new(
                "the file is not read because everyone may write to its directory",
            )
            .hint("Protect the directory with `chmod o-w`, or set ANSIBLE_CONFIG to the file.")
            .in_file(&Arc::from(path), None);
            return Ok(Self {
                warnings: vec![error.into()],
                ..Self::default()
            });
        }
        Self::read(&path)
    }

    fn read(path: &Path) -> Result<Self, InventoryError> {
        let file: Arc<Path> = Arc::from(path);
        let bytes = std::fs::read(path).map_err(|error| {
            InventoryError::new(format!("cannot read the file: {error}")).in_file(&file, None)
        })?;
        let text = decode(bytes).map_err(|error| {
            InventoryError::new(error.to_string())
                .hint(error.hint(&file.display().to_string()))
                .in_file(&file, Some(error.line))
        })?;
        tracing::info!("using settings from {}", file.display());
        Self::parse(&text, &file)
    }

    fn parse(text: &str, file: &Arc<Path>) -> Result<Self, InventoryError> {
        let mut cfg = Self::default();
        for setting in settings(text, file)? {
            cfg.take(setting, file);
        }
        Ok(cfg)
    }

    fn take(&mut self, setting: Setting, file: &Arc<Path>) {
        let Setting {
            section,
            key,
            value,
            line,
        } = setting;
        let origin = Origin {
            file: Arc::clone(file),
            line: Some(line),
        };
        let is = |known: &&str, known_key: &&str| *known == section && *known_key == key;
        if let Some((.., hint)) = UNREAD.iter().find(|(known, known_key, harmless, _)| {
            is(known, known_key) && !harmless.contains(&value.to_lowercase().as_str())
        }) {
            let error = InventoryError::new(format!("`{key}` is not read"));
            self.warnings.push(error.hint(*hint).at(&origin).into());
        }
        if value.is_empty() {
            return;
        }
        let dir = file.parent().unwrap_or(Path::new(""));
        match (section.as_str(), key.as_str()) {
            ("defaults", "inventory") => {
                let paths = value
                    .split(',')
                    .map(str::trim)
                    .filter(|path| !path.is_empty());
                self.inventory = paths.map(|path| located(path, dir)).collect();
            }
            ("defaults", "vault_password_file") => {
                self.vault_passwords.push(VaultPasswordFile {
                    label: None,
                    path: located(&value, dir),
                    named_at: Some(origin),
                });
            }
            ("defaults", "vault_identity_list") => {
                for identity in value
                    .split(',')
                    .map(str::trim)
                    .filter(|text| !text.is_empty())
                {
                    let named = VaultPasswordFile::parse(identity);
                    let path = named.path.to_string_lossy();
                    if path.starts_with("prompt") {
                        let error = InventoryError::new(format!(
                            "ops does not ask for the vault password of `{identity}`"
                        ));
                        let hint = "Pass a file that contains it with --vault-password-file.";
                        self.warnings.push(error.hint(hint).at(&origin).into());
                    } else {
                        let path = located(&path, dir);
                        self.vault_passwords.push(VaultPasswordFile {
                            path,
                            named_at: Some(origin.clone()),
                            ..named
                        });
                    }
                }
            }
            _ => {
                let known = READ
                    .iter()
                    .find(|(known, known_key, ..)| is(known, known_key));
                if let Some((_, _, variable, is_path)) = known {
                    let value = if *is_path {
                        located(&value, dir).to_string_lossy().into_owned()
                    } else {
                        value
                    };
                    let value = Value::String(value);
                    self.vars
                        .insert((*variable).to_owned(), Var { value, origin });
                }
            }
        }
    }
}

fn is_open_to_all(path: &Path) -> bool {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    std::fs::metadata(dir.unwrap_or(Path::new(".")))
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o002 != 0)
}

/// A path as Ansible interprets it: `~` is the user's home, `{{CWD}}` the working directory, and a relative
/// path is relative to the directory of the file.
fn located(text: &str, dir: &Path) -> PathBuf {
    if let Some(rest) = text.strip_prefix("{{CWD}}") {
        return PathBuf::from(rest.trim_start_matches('/'));
    }
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => dir.join(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<AnsibleCfg, InventoryError> {
        AnsibleCfg::parse(text, &Arc::from(Path::new("shop/ansible.cfg")))
    }

    #[test]
    fn settings_become_variables_with_their_location() {
        let text = "# of the shop\n[defaults]\nremote_user = deploy ; who logs in\n\
                    private_key_file = keys/id\n\
                    Host_Key_Checking: False\nforks = 20\nroles_path = roles\n[ssh_connection]\n\
                    ssh_args = -C -o ControlMaster=auto\n  -o ForwardAgent=yes\npipelining = True\n\
                    [privilege_escalation]\nbecome = True\nbecome_user = \"app\"\n";
        let cfg = parse(text).unwrap();
        let shown: Vec<String> = cfg
            .vars
            .iter()
            .map(|(name, var)| format!("{name}={} {}", var.value, var.origin))
            .collect();
        let mut expected = [
            "ansible_user=\"deploy\" shop/ansible.cfg:3",
            "ansible_ssh_private_key_file=\"shop/keys/id\" shop/ansible.cfg:4",
            "ansible_host_key_checking=\"False\" shop/ansible.cfg:5",
            "ansible_ssh_args=\"-C -o ControlMaster=auto -o ForwardAgent=yes\" shop/ansible.cfg:9",
            "ansible_become=\"True\" shop/ansible.cfg:13",
            "ansible_become_user=\"app\" shop/ansible.cfg:14",
        ]
        .map(str::to_owned)
        .to_vec();
        let mut shown = shown;
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected);
        assert!(cfg.warnings.is_empty(), "{:?}", cfg.warnings);
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let cfg = parse(
            "[defaults]\ninventory = hosts, /etc/hosts.d\nvault_password_file = .pass\n\
             vault_identity_list = dev@dev.pass, prod@prompt\n",
        )
        .unwrap();
        assert_eq!(
            cfg.inventory,
            [Path::new("shop/hosts"), Path::new("/etc/hosts.d")]
        );
        let passwords: Vec<_> = cfg
            .vault_passwords
            .iter()
            .map(|file| (file.label.as_deref(), file.path.as_path()))
            .collect();
        assert_eq!(
            passwords,
            [
                (None, Path::new("shop/.pass")),
                (Some("dev"), Path::new("shop/dev.pass"))
            ]
        );
        assert_eq!(cfg.warnings.len(), 1, "{:?}", cfg.warnings);
        let error = cfg.vault_passwords[0].read().unwrap_err().to_string();
        assert!(
            error.starts_with(
                "shop/ansible.cfg:3: shop/.pass: cannot read the vault password file: "
            ),
            "{error}"
        );
    }

    #[test]
    fn a_relevant_setting_that_is_not_read_causes_a_warning() {
        let text = "[defaults]\nhash_behaviour = merge\nask_pass = False\n\
                    [privilege_escalation]\nbecome_ask_pass = True\n";
        let warnings: Vec<String> = parse(text)
            .unwrap()
            .warnings
            .iter()
            .map(|warning| format!("{warning}\n{}", warning.hint().unwrap_or_default()))
            .collect();
        assert_eq!(
            warnings,
            [
                "shop/ansible.cfg:2: `hash_behaviour` is not read\nIn ops a mapping replaces a mapping. \
                 Write out the merged mapping.",
                "shop/ansible.cfg:5: `become_ask_pass` is not read\nUse -K."
            ]
        );
    }

    #[test]
    fn an_invalid_line_is_reported_with_its_number() {
        let error = parse("[defaults]\nremote_user\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "shop/ansible.cfg:2: expected `name = value` or `[section]`"
        );
    }

    #[test]
    fn a_file_in_a_directory_writable_by_everyone_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(NAME);
        std::fs::write(&file, "[defaults]\nremote_user = eve\n").unwrap();
        let found = |named: Option<OsString>| AnsibleCfg::find(named, Some(dir.path())).unwrap();
        assert_eq!(found(None).vars.len(), 1);
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let open = found(None);
        assert!(open.vars.is_empty());
        assert!(open.warnings[0].to_string().contains("everyone may write"));
        assert_eq!(found(Some(file.into())).vars.len(), 1, "it was named");
    }
}
