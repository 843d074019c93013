//! Why a host could not be reached, and what may help.

use thiserror::Error;

/// Why a connection, or a channel on one, could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SshError {
    pub kind: SshErrorKind,
    /// What happened, with the same message as `ssh` where it has one.
    pub message: String,
    pub advice: Option<Advice>,
}

/// The kind of an error. It determines whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshErrorKind {
    /// A setting is invalid.
    Invalid,
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

/// What the user can try. The program that uses this client knows the names of its own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// A sentence that does not mention any of the program's settings.
    Try(String),
    /// Check the address that was passed to the program.
    CheckAddress,
    /// Check the address and the user that were passed to the program.
    CheckDestination,
    /// Use `ssh` for this host. `setting`: alternatively, change this keyword of ssh_config(5).
    UseSsh { setting: Option<&'static str> },
    /// Log in once with `ssh` to add the host's key to `known_hosts`, or accept new keys.
    AcceptHostKey,
    /// Name the right key, so that the host does not reject the login after too many other keys. `tried`:
    /// sentences about the keys that were tried. `has_password`: alternatively, let the password be tried
    /// first.
    NameKey { tried: String, has_password: bool },
    /// The host refused the password of this user.
    CheckPassword { user: String },
    /// The host requires more than one method: keys, certificates, an agent and a password can be combined.
    CombineMethods,
    /// The host requires a second factor, which this client cannot provide.
    AvoidSecondFactor,
}

impl Advice {
    /// Advice that is a sentence.
    pub(super) fn try_this(words: impl Into<String>) -> Self {
        Self::Try(words.into())
    }
}
