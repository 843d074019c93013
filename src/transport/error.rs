//! Why a host could not be reached.

use thiserror::Error;

use crate::ssh::{Advice, SshError, SshErrorKind};

/// Why there is no stream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TransportError {
    pub kind: TransportErrorKind,
    /// What happened, as reported by the program that failed.
    pub message: String,
    /// What to try, as a sentence.
    pub hint: Option<String>,
}

/// What happened. Determines whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// The inventory contains something that cannot be used.
    Invalid,
    /// The program that carries the stream could not be started.
    Start,
    Refused,
    TimedOut,
    /// No route, connection reset, or closed by the other side.
    Network,
    NameNotResolved,
    HostKeyUnknown,
    HostKeyChanged,
    Authentication,
    Other,
}

impl TransportError {
    /// Whether trying again can help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        use TransportErrorKind as Kind;
        matches!(self.kind, Kind::Refused | Kind::TimedOut | Kind::Network)
    }
}

impl From<SshError> for TransportError {
    fn from(error: SshError) -> Self {
        Self {
            kind: error.kind.into(),
            message: error.message,
            hint: error.advice.map(hint),
        }
    }
}

impl From<SshErrorKind> for TransportErrorKind {
    fn from(kind: SshErrorKind) -> Self {
        match kind {
            SshErrorKind::Invalid => Self::Invalid,
            SshErrorKind::Refused => Self::Refused,
            SshErrorKind::TimedOut => Self::TimedOut,
            SshErrorKind::Network => Self::Network,
            SshErrorKind::NameNotResolved => Self::NameNotResolved,
            SshErrorKind::HostKeyUnknown => Self::HostKeyUnknown,
            SshErrorKind::HostKeyChanged => Self::HostKeyChanged,
            SshErrorKind::Authentication => Self::Authentication,
            SshErrorKind::Other => Self::Other,
        }
    }
}

/// The advice of the SSH client, with the names of the settings of ops.
fn hint(advice: Advice) -> String {
    match advice {
        Advice::Try(words) => words,
        Advice::CheckAddress => "Check the host's address in the inventory.".into(),
        Advice::CheckDestination => "Check the host's connection settings in the inventory.".into(),
        Advice::UseSsh { setting: None } => {
            "Set `ops_transport = \"openssh\"` for this host.".into()
        }
        Advice::UseSsh {
            setting: Some(setting),
        } => format!(
            "Set {setting} for this host in the ssh configuration, or `ops_transport = \"openssh\"`."
        ),
        Advice::AcceptHostKey => ACCEPT_HOST_KEY.into(),
        Advice::NameKey {
            tried,
            has_password,
        } => {
            let password = if has_password {
                " To use the password first, set \
                 `PreferredAuthentications keyboard-interactive,password` there."
            } else {
                ""
            };
            format!("{tried} {NAME_KEY}{password}")
        }
        Advice::CheckPassword { user } => format!(
            "The host refused the password of {user} (`ansible_password`, `--ask-pass`). \
             It is not tried again in this run."
        ),
        Advice::CombineMethods => {
            "Keys, certificates, an agent and `ansible_password` can be used to log in.".into()
        }
        Advice::AvoidSecondFactor => {
            "ops answers questions for the password only. Use a key for this user, or a user \
            without a second factor. If the host also accepts the password without questions, set \
            `KbdInteractiveAuthentication no` for it in the ssh configuration."
                .into()
        }
    }
}

pub(super) const ACCEPT_HOST_KEY: &str = "Log in once with `ssh` to accept its key, or set `ops_host_keys` \
    of the host to `accept-new` (`host_keys` in \
     an inventory in TOML).";

pub(super) const NAME_KEY: &str = "Name the right key with `ansible_ssh_private_key_file` or \
    `--private-key`, or set `IdentitiesOnly yes` in the ssh configuration.";
