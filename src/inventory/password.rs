//! Variables whose name says that they contain a password. Their values are secret even if they are not
//! encrypted.

use serde_json::Value;

use super::secrets::Secrets;
use super::written::is_plain;
use crate::model::Var;

/// Whether the variable contains a password, a key or a token in Ansible.
pub(super) fn is_password(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("ansible_") else {
        return false;
    };
    let last = rest.rsplit('_').next().unwrap_or_default();
    match last {
        // `ansible_become_ask_pass` is a switch.
        "password" | "passwd" | "pass" | "passphrase" | "token" => !rest.ends_with("ask_pass"),
        _ => matches!(rest, "private_key" | "ssh_private_key"),
    }
}

/// Registers the value if it is written in plain text. A template is registered when it is rendered.
pub(super) fn keep(name: &str, var: &Var, secrets: &Secrets) {
    if is_password(name) && is_plain(&var.value) {
        keep_value(&var.value, secrets);
    }
}

pub(super) fn keep_value(value: &Value, secrets: &Secrets) {
    match value {
        Value::Number(number) => secrets.keep(&number.to_string()),
        value => secrets.keep_all(value),
    }
}

#[cfg(test)]
mod tests {
    use super::is_password;

    #[test]
    fn password_names_are_recognized() {
        for name in [
            "ansible_password",
            "ansible_ssh_pass",
            "ansible_ssh_password",
            "ansible_become_pass",
            "ansible_become_password",
            "ansible_sudo_pass",
            "ansible_su_pass",
            "ansible_doas_pass",
            "ansible_private_key_passphrase",
            "ansible_private_key",
            "ansible_kubectl_token",
        ] {
            assert!(is_password(name), "{name}");
        }
        for name in [
            "ansible_become_ask_pass",
            "ansible_ssh_password_mechanism",
            "ansible_private_key_file",
            "ansible_user",
            "db_password",
            "ansible_bypass",
        ] {
            assert!(!is_password(name), "{name}");
        }
    }
}
