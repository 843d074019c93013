//! Ansible's variables for connections that ops does not support. Setting one is an error that names the
//! variable, because reaching a host in another way than its inventory asks for would be a surprise.
//!
//! Variables that only tune features which ops does not have are ignored: see docs/ansible.md.

use super::connection::Settings;
use super::error::InventoryError;
use crate::model::Via;

/// A variable, and what to use instead.
struct Unsupported {
    name: &'static str,
    hint: &'static str,
}

const SSH: &[Unsupported] = &[
    Unsupported {
        name: "ansible_private_key",
        hint: "Write the key to a file and set `ansible_ssh_private_key_file`, or add it to ssh-agent.",
    },
    Unsupported {
        name: "ansible_ssh_private_key",
        hint: "Write the key to a file and set `ansible_ssh_private_key_file`, or add it to ssh-agent.",
    },
    Unsupported {
        name: "ansible_private_key_passphrase",
        hint: "Add the key to ssh-agent with `ssh-add`.",
    },
    Unsupported {
        name: "ansible_ssh_private_key_passphrase",
        hint: "Add the key to ssh-agent with `ssh-add`.",
    },
    Unsupported {
        name: "ansible_pkcs11_provider",
        hint: "Add `-o PKCS11Provider=FILE` to `ansible_ssh_common_args`, or add the key to ssh-agent.",
    },
    Unsupported {
        name: "ansible_ssh_pkcs11_provider",
        hint: "Add `-o PKCS11Provider=FILE` to `ansible_ssh_common_args`, or add the key to ssh-agent.",
    },
    Unsupported {
        name: "ansible_paramiko_proxy_command",
        hint: "Add `-o ProxyCommand=...` to `ansible_ssh_common_args`.",
    },
    Unsupported {
        name: "ansible_paramiko_private_key_file",
        hint: "Set `ansible_ssh_private_key_file`.",
    },
    Unsupported {
        name: "ansible_paramiko_user",
        hint: "Set `ansible_user`.",
    },
];

/// The unsupported variables for this kind of connection.
const fn of(via: &Via) -> &'static [Unsupported] {
    match via {
        Via::Ssh => SSH,
        Via::Local | Via::Exec(_) => &[],
    }
}

/// Login shells that ops has been tested with. The shell that ops runs is always `sh`.
const SHELLS: &[&str] = &[
    "sh", "bash", "dash", "ash", "ksh", "zsh", "csh", "tcsh", "fish",
];

impl Settings<'_> {
    /// Refuses settings of the inventory that ops does not support.
    pub(super) fn refuse_unsupported(&self, via: &Via) -> Result<(), InventoryError> {
        let unread = "is set, but ops does not support it";
        for variable in of(via) {
            if self
                .get(&[variable.name])?
                .is_some_and(|set| set.value != "")
            {
                return Err(self.error(variable.name, unread).hint(variable.hint));
            }
        }
        if let Some(shell) = self.text(&["ansible_shell_type"])?
            && !SHELLS.contains(&shell.as_str())
        {
            return Err(self
                .error(
                    "ansible_shell_type",
                    format!("is `{shell}`, which ops does not support"),
                )
                .hint("ops needs a host with a POSIX `sh`."));
        }
        if let (Via::Ssh, Some(program)) = (via, self.text(&["ansible_ssh_executable"])?)
            && !["ssh", "/usr/bin/ssh", "/bin/ssh"].contains(&program.as_str())
        {
            return Err(self
                .error(
                    "ansible_ssh_executable",
                    format!("is `{program}`, but ops runs the `ssh` in PATH"),
                )
                .hint("Put its directory first in PATH, and set `ops_transport` to `openssh`."));
        }
        Ok(())
    }
}
