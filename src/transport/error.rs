//! Why a host could not be reached.

use thiserror::Error;

/// Why there is no stream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TransportError {
    pub kind: TransportErrorKind,
    /// What happened, with the words of the program that said it.
    pub message: String,
    /// What to try, as a sentence.
    pub hint: Option<String>,
}

/// What happened. Decides whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// The inventory names something that cannot be used.
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
