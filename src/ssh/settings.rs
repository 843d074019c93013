//! How `ssh` would reach a host: everything that is needed to reach it without `ssh`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Asks the user for the passphrase of a key file. The number is how many times the user was asked before.
/// `None` means that there is no answer.
pub type AskPassphrase = dyn Fn(&Path, u32) -> Option<String> + Send + Sync;

/// Everything that the user's configuration and the program set for one host. Lists and defaults are those of
/// ssh_config(5), with tokens and `~` expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSettings {
    /// The host as passed to the program.
    pub original: String,
    /// The file of `-F`.
    pub config: Option<String>,
    /// `HostName`: the name or address to connect to.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub address_family: AddressFamily,
    pub bind_address: Option<String>,
    /// The `IdentityFile`s in order, or those that `ssh` tries by default. A missing file is skipped.
    pub identity_files: Vec<PathBuf>,
    /// Whether the configuration or the program names the files, instead of the defaults.
    pub identity_files_are_set: bool,
    /// `CertificateFile`. If none is set, `FILE-cert.pub` beside each identity file is tried.
    pub certificate_files: Vec<PathBuf>,
    pub identities_only: bool,
    pub login: LoginSettings,
    /// The socket of the agent.
    pub agent: Option<PathBuf>,
    /// `SendEnv` and `SetEnv`: the variables that the session asks the server to set.
    pub environment: Vec<(String, String)>,
    pub host_key: HostKeyPolicy,
    pub algorithms: Algorithms,
    /// The jump hosts, from the one connected to directly to the one next to the host.
    pub jumps: Vec<SshSettings>,
    pub keep_alive: Option<KeepAlive>,
    pub connect_timeout: Duration,
}

/// How the user logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSettings {
    /// The methods in order: `PreferredAuthentications`, without those that are disabled.
    pub methods: Vec<LoginMethod>,
    /// Without a password, only keys are used.
    pub password: Option<Password>,
    /// The key that the program names. It is tried before those of an agent.
    pub key_file: Option<PathBuf>,
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self {
            methods: LoginMethod::ALL.to_vec(),
            password: None,
            key_file: None,
        }
    }
}

/// A login method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginMethod {
    PublicKey,
    KeyboardInteractive,
    Password,
}

impl LoginMethod {
    /// All methods, in the order of `ssh`.
    pub const ALL: [Self; 3] = [Self::PublicKey, Self::KeyboardInteractive, Self::Password];

    /// The name in `PreferredAuthentications`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublicKey => "publickey",
            Self::KeyboardInteractive => "keyboard-interactive",
            Self::Password => "password",
        }
    }
}

/// The password of a login.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Password(String);

impl Password {
    #[must_use]
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressFamily {
    #[default]
    Any,
    Inet,
    Inet6,
}

/// How a host proves its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeyPolicy {
    pub strict: StrictHostKeyChecking,
    /// `HostKeyAlias`: used for lookups instead of the host's name and port.
    pub alias: Option<String>,
    /// `UserKnownHostsFile`; new keys are stored in the first.
    pub user_files: Vec<PathBuf>,
    pub global_files: Vec<PathBuf>,
    /// `RevokedHostKeys`.
    pub revoked: Option<PathBuf>,
    pub check_host_ip: bool,
    pub hash_names: bool,
    /// `NoHostAuthenticationForLocalhost`.
    pub trust_localhost: bool,
}

/// `StrictHostKeyChecking`. `ask` is `Yes` here, since there is no user to ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StrictHostKeyChecking {
    #[default]
    Yes,
    AcceptNew,
    /// A changed key is accepted with a warning, as in `ssh`.
    No,
}

impl StrictHostKeyChecking {
    /// The value in ssh_config(5).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::AcceptNew => "accept-new",
            Self::No => "no",
        }
    }
}

/// Names of algorithms, the preferred one first. `None`: the configuration does not set them, and the
/// defaults of each side apply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Algorithms {
    pub key_exchange: Option<Vec<String>>,
    pub host_keys: Option<Vec<String>>,
    /// Whether `HostKeyAlgorithms` only adds to the defaults or removes some (`+`, `-`): then the algorithms
    /// of known keys come first, as without the setting. Any other list (`^` too) is used as written.
    pub host_keys_known_first: bool,
    pub ciphers: Option<Vec<String>>,
    pub macs: Option<Vec<String>>,
    /// `PubkeyAcceptedAlgorithms`.
    pub public_keys: Option<Vec<String>>,
    /// `CASignatureAlgorithms`.
    pub ca_signatures: Option<Vec<String>>,
    /// `RequiredRSASize`, in bits.
    pub required_rsa_bits: u16,
    pub compression: bool,
}

/// The signature algorithms that `ssh` accepts by default, for authorities and the user's keys. Certificates
/// use the algorithms of their keys.
pub(super) const DEFAULT_SIGNATURES: &[&str] = &[
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// `ServerAliveInterval` and `ServerAliveCountMax`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    pub interval: Duration,
    pub count: u32,
}
