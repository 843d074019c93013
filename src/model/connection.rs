//! How a host is reached.

use std::path::PathBuf;
use std::time::Duration;

/// What carries the byte stream to a `sh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    Ssh,
    /// A child of this process.
    Local,
    /// A command that yields a shell when ` sh -c ...` is added: `docker exec -i web1`.
    Exec(Vec<String>),
}

/// What is done about a host key that is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HostKeys {
    /// Refuse it.
    #[default]
    Strict,
    /// Take it the first time, refuse a changed one.
    AcceptNew,
    /// Leave it to the user's ssh configuration.
    SshConfig,
}

/// What speaks SSH with a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SshClient {
    /// This process where it can do all that the user's configuration asks for, else `ssh`.
    #[default]
    Auto,
    /// This process; an error where it cannot.
    Native,
    /// The user's own `ssh`.
    Openssh,
}

impl SshClient {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Native, Self::Openssh];

    /// As `ops_transport` and `--transport` say it.
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

/// How another user is become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elevation {
    pub user: String,
    /// `sudo` today; the inventory names others as an error.
    pub method: String,
    /// Goes to the standard input of sudo, never into an argument.
    pub password: Option<String>,
}

/// Everything that is needed to reach a host, rendered from its variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub via: Via,
    /// `ansible_host`, or the name of the host.
    pub address: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub key_file: Option<PathBuf>,
    /// Goes to the host in the encrypted connection, never into an argument or the environment.
    pub password: Option<String>,
    /// `ansible_ssh_common_args`, split as a shell would: `["-o", "ProxyJump=bastion"]`.
    pub ssh_args: Vec<String>,
    pub host_keys: HostKeys,
    pub ssh_client: SshClient,
    /// How long the connection stays when nothing uses it any more, for the next run. `None`: it ends with the run.
    pub persist: Option<Duration>,
    /// The user to become for everything on this host, if the inventory or `-b` says so.
    pub elevation: Option<Elevation>,
    /// Kept aside from `elevation`: what `h.become(user)` uses.
    pub become_password: Option<String>,
    /// How `h.become(user)` is done where `elevation` says nothing: `sudo`, or what the host refuses.
    pub become_method: String,
    /// One attempt. 10 s by default.
    pub connect_timeout: Duration,
    /// All attempts together. 20 s by default.
    pub retry_for: Duration,
    /// `ops_state_dir`; else chosen on the host.
    pub state_dir: Option<String>,
}

impl Connection {
    /// One where nothing is said but what carries it, and where to.
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
            become_method: "sudo".to_owned(),
            connect_timeout: Duration::from_secs(10),
            retry_for: Duration::from_secs(20),
            state_dir: None,
        }
    }
}
