//! How a host is reached, from its variables and the command line.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::error::InventoryError;
use super::node::noun;
use super::world::World;
use super::{name, variable};
use crate::model::{Connection, Host, HostKeys, SshClient, Via};

/// Connection settings of the command line. They win over the inventory.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `-u USER`.
    pub user: Option<String>,
    /// `-b`: become another user.
    pub elevate: bool,
    /// The user to become, `root` if not given.
    pub elevate_user: Option<String>,
    /// The answer to `--ask-pass`.
    pub password: Option<String>,
    /// The answer to `-K`.
    pub become_password: Option<String>,
    /// `--private-key FILE`.
    pub key_file: Option<PathBuf>,
    pub connect_timeout: Option<Duration>,
    /// `--transport`.
    pub ssh_client: Option<SshClient>,
    /// `--persist`; with zero, the connection is not kept, whatever the inventory says.
    pub persist: Option<Duration>,
}

pub(super) fn connection(
    world: &Arc<World>,
    host: &Host,
    overrides: &Overrides,
) -> Result<Connection, InventoryError> {
    let settings = Settings { world, host };
    let address = settings
        .text(&["ansible_host", "ansible_ssh_host"])?
        .unwrap_or_else(|| host.name.clone());
    let user = match &overrides.user {
        Some(user) => Some(user.clone()),
        None => settings.text(&["ansible_user", "ansible_ssh_user"])?,
    };
    let via = settings.via(&address, user.as_deref())?;
    settings.check_destination(&via, &address, user.as_deref())?;
    settings.refuse_unsupported(&via)?;
    let usual = Connection::new(via, address);
    let key_file = match &overrides.key_file {
        Some(file) => Some(file.clone()),
        None => settings
            .text(&["ansible_ssh_private_key_file", "ansible_private_key_file"])?
            .map(|path| home(&path)),
    };
    let password = match &overrides.password {
        Some(password) => Some(password.clone()),
        None => settings.text(&[
            "ansible_password",
            "ansible_ssh_pass",
            "ansible_ssh_password",
        ])?,
    };
    let become_password = match &overrides.become_password {
        Some(password) => Some(password.clone()),
        None => settings.text(&[
            "ansible_become_password",
            "ansible_become_pass",
            "ansible_sudo_pass",
        ])?,
    };
    let elevation = settings.elevation(overrides, become_password.clone())?;
    let connect_timeout = match overrides.connect_timeout {
        Some(timeout) => timeout,
        None => settings
            .duration(&[
                "ops_connect_timeout",
                "ansible_ssh_timeout",
                "ansible_timeout",
            ])?
            .unwrap_or(usual.connect_timeout),
    };
    Ok(Connection {
        port: settings.port()?,
        ssh_args: settings.ssh_args()?,
        host_keys: settings.host_keys()?,
        ssh_client: match overrides.ssh_client {
            Some(client) => client,
            None => settings.ssh_client()?,
        },
        persist: match overrides.persist {
            Some(persist) => Some(persist),
            None => settings.time(&["ops_persist"], true)?,
        }
        .filter(|persist| !persist.is_zero()),
        retry_for: settings
            .duration(&["ops_retry_for"])?
            .unwrap_or_else(|| usual.retry_for.max(connect_timeout)),
        state_dir: settings.state_dir()?,
        user,
        key_file,
        password,
        elevation,
        become_password,
        become_refusal: settings.become_refusal(),
        connect_timeout,
        ..usual
    })
}

/// The variables of one host that configure how it is reached.
pub(super) struct Settings<'a> {
    world: &'a Arc<World>,
    pub host: &'a Host,
}

/// The value of a setting, and the variable that it comes from.
pub(super) struct Set<'n> {
    pub name: &'n str,
    pub value: Value,
}

impl Settings<'_> {
    /// The first of these variables that is set and not null.
    pub(super) fn get<'n>(&self, names: &[&'n str]) -> Result<Option<Set<'n>>, InventoryError> {
        for &name in names {
            if let Some(value) =
                variable::rendered(self.world, self.host, name)?.filter(|value| !value.is_null())
            {
                return Ok(Some(Set { name, value }));
            }
        }
        Ok(None)
    }

    /// An error about a setting, with the location where it is written.
    pub(super) fn error(&self, name: &str, message: impl std::fmt::Display) -> InventoryError {
        let error = InventoryError::new(format!("`{name}` of host {} {message}", self.host.name));
        match self.host.var(name) {
            Some(var) => error.at(&var.origin),
            None => error,
        }
    }

    pub(super) fn text(&self, names: &[&str]) -> Result<Option<String>, InventoryError> {
        let Some(set) = self.get(names)? else {
            return Ok(None);
        };
        let text = match set.value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            other => {
                return Err(self.error(
                    set.name,
                    format!("must be a string, found {}", noun(&other)),
                ));
            }
        };
        if text.contains('\0') {
            return Err(self.error(set.name, "contains a NUL byte"));
        }
        Ok((!text.is_empty()).then_some(text))
    }

    pub(super) fn flag(&self, names: &[&str]) -> Result<Option<bool>, InventoryError> {
        let Some(set) = self.get(names)? else {
            return Ok(None);
        };
        let text = match &set.value {
            Value::Bool(flag) => return Ok(Some(*flag)),
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.to_lowercase(),
            _ => String::new(),
        };
        match text.as_str() {
            "yes" | "on" | "1" | "true" | "y" | "t" => Ok(Some(true)),
            "no" | "off" | "0" | "false" | "n" | "f" => Ok(Some(false)),
            _ => Err(self.error(set.name, "must be true or false")),
        }
    }

    fn duration(&self, names: &[&str]) -> Result<Option<Duration>, InventoryError> {
        self.time(names, false)
    }

    /// A duration; `may_be_zero` says whether zero is allowed.
    fn time(&self, names: &[&str], may_be_zero: bool) -> Result<Option<Duration>, InventoryError> {
        let Some(set) = self.get(names)? else {
            return Ok(None);
        };
        let duration = match &set.value {
            Value::Number(number) => number
                .as_f64()
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            Value::String(text) => match text.trim().parse::<u64>() {
                Ok(seconds) => Some(Duration::from_secs(seconds)),
                Err(_) => humantime::parse_duration(text).ok(),
            },
            _ => None,
        };
        match duration {
            Some(duration) if may_be_zero || !duration.is_zero() => Ok(Some(duration)),
            _ => Err(self.error(set.name, "must be a duration, in seconds or like `10s`")),
        }
    }

    fn port(&self) -> Result<Option<u16>, InventoryError> {
        let Some(set) = self.get(&["ansible_port", "ansible_ssh_port"])? else {
            return Ok(None);
        };
        let port = match &set.value {
            Value::Number(number) => number.as_u64().and_then(|port| u16::try_from(port).ok()),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match port {
            Some(port) if port > 0 => Ok(Some(port)),
            _ => Err(self.error(set.name, "must be a number from 1 to 65535")),
        }
    }

    fn check_destination(
        &self,
        via: &Via,
        address: &str,
        user: Option<&str>,
    ) -> Result<(), InventoryError> {
        let placed = |error: InventoryError, name: &str| match self.host.var(name) {
            Some(var) => error.at(&var.origin),
            None => error,
        };
        let (address_name, user_name) = ("ansible_host", "ansible_user");
        if *via == Via::Ssh {
            name::check_destination("address", address)
                .map_err(|error| placed(error, address_name))?;
        } else {
            name::check("address", address).map_err(|error| placed(error, address_name))?;
        }
        match user {
            Some(user) => {
                name::check_destination("user", user).map_err(|error| placed(error, user_name))
            }
            None => Ok(()),
        }
    }

    fn ssh_args(&self) -> Result<Vec<String>, InventoryError> {
        let mut args = Vec::new();
        for name in [
            "ansible_ssh_args",
            "ansible_ssh_common_args",
            "ansible_ssh_extra_args",
        ] {
            let Some(line) = self.text(&[name])? else {
                continue;
            };
            let words = shlex::split(&line);
            args.extend(words.ok_or_else(|| self.error(name, "has an unclosed quote"))?);
        }
        Ok(args)
    }

    fn host_keys(&self) -> Result<HostKeys, InventoryError> {
        if let Some(text) = self.text(&["ops_host_keys"])? {
            return match text.as_str() {
                "strict" => Ok(HostKeys::Strict),
                "accept-new" => Ok(HostKeys::AcceptNew),
                "ssh-config" => Ok(HostKeys::SshConfig),
                _ => Err(self.error(
                    "ops_host_keys",
                    "must be `strict`, `accept-new` or `ssh-config`",
                )),
            };
        }
        // Ansible's switch only knows strict checking and no checking at all. ops goes no further than
        // accepting the key of a new host.
        let checking =
            self.flag(&["ansible_host_key_checking", "ansible_ssh_host_key_checking"])?;
        Ok(if checking == Some(false) {
            HostKeys::AcceptNew
        } else {
            HostKeys::Strict
        })
    }

    fn ssh_client(&self) -> Result<SshClient, InventoryError> {
        let Some(text) = self.text(&["ops_transport"])? else {
            return Ok(SshClient::default());
        };
        SshClient::from_name(&text)
            .ok_or_else(|| self.error("ops_transport", "must be `auto`, `native` or `openssh`"))
    }

    fn state_dir(&self) -> Result<Option<String>, InventoryError> {
        let dir = self.text(&["ops_state_dir"])?;
        match dir {
            Some(dir) if !dir.starts_with('/') => {
                Err(self.error("ops_state_dir", "must be an absolute path"))
            }
            dir => Ok(dir),
        }
    }
}

/// Expands `~/` to the home directory of the user who runs ops.
fn home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
