//! How a host is reached.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::REPLACEMENT;

/// How the byte stream to a `sh` is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    Ssh,
    /// A child of this process.
    Local,
    /// A command that runs the command after it on the host: `docker exec -i web1`, to which ` sh -c ...` is
    /// added.
    Exec(Vec<String>),
}

impl Via {
    /// The last word of its command, if that is a shell: a shell does not run the command after it.
    #[must_use]
    pub fn last_shell(&self) -> Option<&str> {
        let Self::Exec(command) = self else {
            return None;
        };
        let last = command.last()?;
        let name = last.rsplit('/').next()?;
        ["sh", "bash", "dash", "ash"]
            .contains(&name)
            .then_some(last.as_str())
    }
}

/// What to do about an unknown host key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HostKeys {
    /// Refuse it.
    #[default]
    Strict,
    /// Accept it the first time, refuse a changed one.
    AcceptNew,
    /// Leave it to the user's ssh configuration.
    SshConfig,
}

/// The SSH client to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SshClient {
    /// The client in this process if it supports everything in the user's configuration, else `ssh`.
    #[default]
    Auto,
    /// The client in this process; an error if it cannot be used.
    Native,
    /// The user's own `ssh`.
    Openssh,
}

impl SshClient {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Native, Self::Openssh];

    /// Its name in `ops_transport` and `--transport`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Openssh => "openssh",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.name() == name)
    }
}

/// How to become another user.
#[derive(Clone, PartialEq, Eq)]
pub struct Elevation {
    pub user: String,
    /// `sudo`, or why the method that the inventory names is not supported.
    pub method: String,
    /// Passed on the standard input of sudo, never as an argument.
    pub password: Option<String>,
}

/// Everything that is needed to reach a host, rendered from its variables.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    pub via: Via,
    /// `ansible_host`, or the name of the host.
    pub address: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub key_file: Option<PathBuf>,
    /// Sent in the encrypted connection, never as an argument or in the environment.
    pub password: Option<String>,
    /// `ansible_ssh_common_args`, split as a shell would: `["-o", "ProxyJump=bastion"]`.
    pub ssh_args: Vec<String>,
    pub host_keys: HostKeys,
    pub ssh_client: SshClient,
    /// How long an idle connection stays open for the next run. `None`: it ends with the run.
    pub persist: Option<Duration>,
    /// The user to become for everything on this host, if the inventory or `-b` says so.
    pub elevation: Option<Elevation>,
    /// The password for `h.become(user)`, apart from `elevation`.
    pub become_password: Option<String>,
    /// Why `h.become(user)` does not work: the inventory names a method other than `sudo`.
    pub become_refusal: Option<String>,
    /// The limit of one attempt. 10 s by default.
    pub connect_timeout: Duration,
    /// The limit of all attempts together. 20 s by default.
    pub retry_for: Duration,
    /// `ops_state_dir`. `None`: it is chosen on the host.
    pub state_dir: Option<String>,
}

impl Connection {
    /// A connection with all other settings at their defaults.
    #[must_use]
    pub fn new(via: Via, address: impl Into<String>) -> Self {
        Self {
            via,
            address: address.into(),
            port: None,
            user: None,
            key_file: None,
            password: None,
            ssh_args: Vec::new(),
            host_keys: HostKeys::default(),
            ssh_client: SshClient::default(),
            persist: None,
            elevation: None,
            become_password: None,
            become_refusal: None,
            connect_timeout: Duration::from_secs(10),
            retry_for: Duration::from_secs(20),
            state_dir: None,
        }
    }
}

/// What a `Debug` form shows for a password.
fn redacted(password: Option<&String>) -> Option<&'static str> {
    password.map(|_| REPLACEMENT)
}

/// Shows no password.
impl fmt::Debug for Elevation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            user,
            method,
            password,
        } = self;
        f.debug_struct("Elevation")
            .field("user", user)
            .field("method", method)
            .field("password", &redacted(password.as_ref()))
            .finish()
    }
}

/// Shows no password.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            via,
            address,
            port,
            user,
            key_file,
            password,
            ssh_args,
            host_keys,
            ssh_client,
            persist,
            elevation,
            become_password,
            become_refusal,
            connect_timeout,
            retry_for,
            state_dir,
        } = self;
        f.debug_struct("Connection")
            .field("via", via)
            .field("address", address)
            .field("port", port)
            .field("user", user)
            .field("key_file", key_file)
            .field("password", &redacted(password.as_ref()))
            .field("ssh_args", ssh_args)
            .field("host_keys", host_keys)
            .field("ssh_client", ssh_client)
            .field("persist", persist)
            .field("elevation", elevation)
            .field("become_password", &redacted(become_password.as_ref()))
            .field("become_refusal", become_refusal)
            .field("connect_timeout", connect_timeout)
            .field("retry_for", retry_for)
            .field("state_dir", state_dir)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_debug_form_shows_a_password() {
        let password = || Some("hunter22".to_owned());
        let mut connection = Connection::new(Via::Ssh, "web1");
        connection.password = password();
        connection.become_password = password();
        connection.elevation = Some(Elevation {
            user: "root".into(),
            method: "sudo".into(),
            password: password(),
        });
        let shown = format!("{connection:?} {connection:#?}");
        assert!(!shown.contains("hunter22"), "{shown}");
        assert_eq!(shown.matches("Some(\"[secret]\")").count(), 3, "{shown}");
    }
}
