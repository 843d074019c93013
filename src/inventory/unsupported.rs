//! Ansible's variables that say how a host is reached and that ops cannot honour. One that is set is an error that names it,
//! since a host that is reached in another way than its inventory says is a surprise.
//!
//! Those that only tune what ops does not do are passed over: see "What is taken from Ansible" in docs/inventory.md.

use crate::model::Via;

/// A variable, and what to do without it.
pub(super) struct Unsupported {
    pub name: &'static str,
    pub hint: &'static str,
}

const SSH: &[Unsupported] = &[
    Unsupported {
        name: "ansible_private_key",
        hint: "Write the key to a file and name it with `ansible_ssh_private_key_file`, or add it to ssh-agent.",
    },
    Unsupported {
        name: "ansible_ssh_private_key",
        hint: "Write the key to a file and name it with `ansible_ssh_private_key_file`, or add it to ssh-agent.",
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

/// Those that do not fit what carries the connection.
pub(super) const fn of(via: &Via) -> &'static [Unsupported] {
    match via {
        Via::Ssh => SSH,
        Via::Local | Via::Exec(_) => &[],
    }
}

/// What ops reads of the variables `ansible_TOOL_...` of a program that gives a shell in a container. Any other is an error.
pub(super) const CONTAINER: &[&str] = &[
    "extra_args",
    "kubeconfig",
    "context",
    "namespace",
    "pod",
    "container",
    "user",
    // Time-outs of the plugin's own copies of files.
    "timeout",
    "host",
    "port",
];

/// Shells in which ops has been tried as the login's. What it runs is always `sh`.
pub(super) const SHELLS: &[&str] = &[
    "sh", "bash", "dash", "ash", "ksh", "zsh", "csh", "tcsh", "fish",
];

/// Whether sudo does as these flags say when ops starts it.
pub(super) fn are_usual_flags(flags: &str) -> bool {
    let long = ["--set-home", "--stdin", "--non-interactive"];
    let mut words = flags.split_whitespace();
    words.all(|word| match word.strip_prefix('-') {
        Some(letters) if !letters.starts_with('-') => {
            !letters.is_empty() && letters.chars().all(|letter| "HSn".contains(letter))
        }
        _ => long.contains(&word),
    })
}
