//! How a host is reached, from its variables and the command line.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::error::InventoryError;
use super::inventory::Inventory;
use super::name;
use super::node::noun;
use super::unsupported;
use crate::model::suggest::did_you_mean;
use crate::model::{Connection, Elevation, Host, HostKeys, SshClient, Via};

/// What the command line says of connections. It wins over the inventory.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `-u USER`.
    pub user: Option<String>,
    /// `-b`: become another user.
    pub elevate: bool,
    /// The user to become, `root` if none is said.
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
    /// `--persist`; zero: not kept, whatever the inventory says.
    pub persist: Option<Duration>,
}

pub(super) fn connection(
    inventory: &Inventory,
    host: &Host,
    overrides: &Overrides,
) -> Result<Connection, InventoryError> {
    let settings = Settings { inventory, host };
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
        connect_timeout,
        ..usual
    })
}

/// The variables of one host that say how it is reached.
struct Settings<'a> {
    inventory: &'a Inventory,
    host: &'a Host,
}

/// A setting that is there, and the variable that it comes from.
struct Set<'n> {
    name: &'n str,
    value: Value,
}

impl Settings<'_> {
    /// The first of the variables that is there and is not null.
    fn get<'n>(&self, names: &[&'n str]) -> Result<Option<Set<'n>>, InventoryError> {
        for &name in names {
            if let Some(value) = self
                .inventory
                .var(self.host, name)?
                .filter(|value| !value.is_null())
            {
                return Ok(Some(Set { name, value }));
            }
        }
        Ok(None)
    }

    /// A complaint about a setting, with the place where it was written.
    fn error(&self, name: &str, message: impl std::fmt::Display) -> InventoryError {
        let error = InventoryError::new(format!("`{name}` of host {} {message}", self.host.name));
        match self.host.var(name) {
            Some(var) => error.at(&var.origin),
            None => error,
        }
    }

    fn text(&self, names: &[&str]) -> Result<Option<String>, InventoryError> {
        let Some(set) = self.get(names)? else {
            return Ok(None);
        };
        let text = match set.value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            other => {
                return Err(self.error(
                    set.name,
                    format!("must be a string, here it is {}", noun(&other)),
                ));
            }
        };
        if text.contains('\0') {
            return Err(self.error(set.name, "holds a NUL byte"));
        }
        Ok((!text.is_empty()).then_some(text))
    }

    fn flag(&self, names: &[&str]) -> Result<Option<bool>, InventoryError> {
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

    /// A length of time; whether it may be none at all.
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
            _ => Err(self.error(set.name, "must be a time, in seconds or like `10s`")),
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

    /// What the inventory asks for and ops cannot do.
    fn refuse_unsupported(&self, via: &Via) -> Result<(), InventoryError> {
        let unread = "is set, and ops does not read it";
        for variable in unsupported::of(via) {
            if self
                .get(&[variable.name])?
                .is_some_and(|set| set.value != "")
            {
                return Err(self.error(variable.name, unread).hint(variable.hint));
            }
        }
        if let Some(shell) = self.text(&["ansible_shell_type"])?
            && !unsupported::SHELLS.contains(&shell.as_str())
        {
            return Err(self
                .error("ansible_shell_type", format!("is `{shell}`"))
                .hint("ops needs a host with a POSIX `sh`."));
        }
        if let (Via::Ssh, Some(program)) = (via, self.text(&["ansible_ssh_executable"])?)
            && !["ssh", "/usr/bin/ssh", "/bin/ssh"].contains(&program.as_str())
        {
            return Err(self
                .error(
                    "ansible_ssh_executable",
                    format!("is `{program}`, and ops runs the `ssh` of PATH"),
                )
                .hint("Put its directory first in PATH, and set `ops_transport` to `openssh`."));
        }
        Ok(())
    }

    /// Variables of the program that enters a container: what is not read must not be lost.
    fn extra_args(&self, tool: &str) -> Result<Vec<String>, InventoryError> {
        let prefix = format!("ansible_{tool}_");
        let vars = self.host.vars();
        let unread = vars.keys().find(|name| {
            let rest = name.strip_prefix(&prefix);
            rest.is_some_and(|rest| !unsupported::CONTAINER.contains(&rest))
        });
        if let Some(name) = unread {
            return Err(self
                .error(name, "is set, and ops does not read it")
                .hint("Write the whole command as `ops_exec`, e.g. `docker exec -i web1`."));
        }
        let name = format!("{prefix}extra_args");
        let Some(line) = self.text(&[&name])? else {
            return Ok(Vec::new());
        };
        shlex::split(&line).ok_or_else(|| self.error(&name, "has a quote that is not closed"))
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

    fn via(&self, address: &str, user: Option<&str>) -> Result<Via, InventoryError> {
        if let Some(set) = self.get(&["ops_exec"])? {
            return self.exec(&set).map(Via::Exec);
        }
        let Some(kind) = self.text(&["ansible_connection"])? else {
            return Ok(Via::Ssh);
        };
        match kind.rsplit('.').next().unwrap_or_default() {
            "ssh" | "smart" | "paramiko" | "paramiko_ssh" => Ok(Via::Ssh),
            "local" => Ok(Via::Local),
            tool @ ("docker" | "podman") => {
                let mut command = vec![tool.to_owned()];
                command.extend(self.extra_args(tool)?);
                command.extend(["exec", "-i"].map(str::to_owned));
                if let Some(user) = user {
                    command.extend(["-u", user].map(str::to_owned));
                }
                command.push(address.to_owned());
                Ok(Via::Exec(command))
            }
            tool @ ("kubectl" | "oc") => {
                let extra = self.extra_args(tool)?;
                let mut command = vec![tool.to_owned()];
                for (option, name) in [
                    ("--kubeconfig", "kubeconfig"),
                    ("--context", "context"),
                    ("-n", "namespace"),
                ] {
                    if let Some(value) = self.text(&[&format!("ansible_{tool}_{name}")])? {
                        command.extend([option.to_owned(), value]);
                    }
                }
                command.extend(["exec".to_owned(), "-i".to_owned()]);
                let pod = self.text(&[&format!("ansible_{tool}_pod")])?;
                command.push(pod.unwrap_or_else(|| address.to_owned()));
                if let Some(container) = self.text(&[&format!("ansible_{tool}_container")])? {
                    command.extend(["-c".to_owned(), container]);
                }
                command.push("--".to_owned());
                self.no_options(&command)?;
                command.splice(1..1, extra);
                Ok(Via::Exec(command))
            }
            other => {
                let known = ["ssh", "local", "docker", "podman", "kubectl", "oc"];
                let error = self.error(
                    "ansible_connection",
                    format!("is `{other}`, a kind that ops does not have"),
                );
                Err(error.hint(did_you_mean(other, known).unwrap_or_else(|| {
                    "There are ssh, local, docker, podman and kubectl; `ops_exec` takes any command that yields a shell."
                        .to_owned()
                })))
            }
        }
    }

    /// A value after an option may not be one itself.
    fn no_options(&self, command: &[String]) -> Result<(), InventoryError> {
        let known = ["--kubeconfig", "--context", "-n", "-i", "-c", "--"];
        match command
            .iter()
            .find(|word| word.starts_with('-') && !known.contains(&word.as_str()))
        {
            Some(word) => Err(self.error(
                "ansible_connection",
                format!("leads to {word:?}, which starts with a dash"),
            )),
            None => Ok(()),
        }
    }

    fn exec(&self, set: &Set<'_>) -> Result<Vec<String>, InventoryError> {
        let words: Option<Vec<String>> = match &set.value {
            Value::String(line) => shlex::split(line),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        match words {
            Some(words) if !words.is_empty() && words.iter().all(|word| !word.contains('\0')) => {
                Ok(words)
            }
            _ => Err(self
                .error(
                    set.name,
                    "must be a command, as a line or as a list of strings",
                )
                .hint("For example `docker exec -i web1`: what is added is ` sh -c ...`.")),
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
            args.extend(words.ok_or_else(|| self.error(name, "has a quote that is not closed"))?);
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
        // Ansible's switch only goes from strict to not at all; to take a key the first time is as far as ops goes.
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

    /// ops starts `sudo` in its own way.
    fn refuse_sudo_settings(&self) -> Result<(), InventoryError> {
        for name in ["ansible_become_exe", "ansible_sudo_exe"] {
            if let Some(program) = self.text(&[name])?
                && !["sudo", "/usr/bin/sudo", "/bin/sudo"].contains(&program.as_str())
            {
                let message = format!("is `{program}`, and ops runs the `sudo` of the host's PATH");
                return Err(self.error(name, message).hint("Remove it."));
            }
        }
        for name in ["ansible_become_flags", "ansible_sudo_flags"] {
            if let Some(flags) = self.text(&[name])?
                && !unsupported::are_usual_flags(&flags)
            {
                let message = format!("is `{flags}`, and ops gives sudo no flags of yours");
                return Err(self
                    .error(name, message)
                    .hint("Remove it; sudoers on the host has an option for most of them."));
            }
        }
        Ok(())
    }

    fn elevation(
        &self,
        overrides: &Overrides,
        password: Option<String>,
    ) -> Result<Option<Elevation>, InventoryError> {
        let wanted = overrides.elevate || self.flag(&["ansible_become"])?.unwrap_or(false);
        if !wanted {
            return Ok(None);
        }
        let method = self
            .text(&["ansible_become_method"])?
            .unwrap_or_else(|| "sudo".to_owned());
        if method.rsplit('.').next() != Some("sudo") {
            return Err(self
                .error(
                    "ansible_become_method",
                    format!("is `{method}`, a way that ops does not have"),
                )
                .hint("ops becomes another user with sudo."));
        }
        self.refuse_sudo_settings()?;
        let user = match &overrides.elevate_user {
            Some(user) => user.clone(),
            None => self
                .text(&["ansible_become_user", "ansible_sudo_user"])?
                .unwrap_or_else(|| "root".to_owned()),
        };
        name::check_destination("user to become", &user).map_err(|error| {
            match self.host.var("ansible_become_user") {
                Some(var) => error.at(&var.origin),
                None => error,
            }
        })?;
        Ok(Some(Elevation {
            user,
            method: "sudo".to_owned(),
            password,
        }))
    }
}

/// `~/` is the home of whoever runs ops.
fn home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
