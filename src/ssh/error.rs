//! Why a host could not be reached, and what may help.

use thiserror::Error;

/// Why there is no connection, or no channel on one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SshError {
    pub kind: SshErrorKind,
    /// What happened, in the words of `ssh` where it has any.
    pub message: String,
    pub advice: Option<Advice>,
}

/// What happened. Decides whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshErrorKind {
    /// The settings name something that cannot be used.
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

/// What the user can try. The program that uses this client knows what its own settings are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// A sentence that needs none of the program's own words.
    Try(String),
    /// Check the address that the program was given.
    CheckAddress,
    /// Check the address and the user that the program was given.
    CheckDestination,
    /// Use `ssh` for this host. `setting`: or change this keyword of ssh_config(5).
    UseSsh { setting: Option<&'static str> },
    /// Log in once with `ssh` to add the host's key to `known_hosts`, or accept new keys.
    AcceptHostKey,
    /// Name the right key, so that the host does not run out of patience with the others. `tried`: sentences
    /// about the keys that were tried. `has_password`: or let the password go first.
    NameKey { tried: String, has_password: bool },
    /// The host refused the password of this user.
    CheckPassword { user: String },
    /// The host asks for more than one proof: keys, certificates, an agent and a password can be combined.
    CombineMethods,
    /// The host asks for a second factor, which this client cannot give.
    AvoidSecondFactor,
}

impl Advice {
    /// A sentence.
    pub(super) fn try_this(words: impl Into<String>) -> Self {
        Self::Try(words.into())
    }
}
