//! What can go wrong with a session.

use thiserror::Error;

use super::NulByte;

/// Why a request has no reply. Of a request that was under way, nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SessionError {
    /// The stream ended, or the host fell silent, with a request under way or waiting.
    #[error("the connection was lost{}", after(.detail))]
    Lost { detail: String },
    /// What answered is no `sh` that speaks our protocol.
    #[error("the host did not answer as a POSIX shell{}", after(.printed))]
    Handshake {
        /// What came instead of the hello, on both streams; may be empty.
        printed: String,
        /// What to try.
        hint: Option<String>,
    },
    /// The other user could not be become.
    #[error("failed to become {user}{}", after(.message))]
    Elevation {
        user: String,
        message: String,
        hint: Option<String>,
    },
    /// The caller cancelled before the first step began: nothing ran.
    #[error("cancelled")]
    Cancelled,
    /// The hello did not come in time.
    #[error("the shell did not answer within {} s", .after.as_secs())]
    TimedOut { after: std::time::Duration },
    /// A script or a path holds a NUL byte.
    #[error(transparent)]
    Nul(#[from] NulByte),
    /// The request needs something that the host has not got.
    #[error("the host has no `{program}`, which commands need")]
    Missing { program: &'static str },
}

impl SessionError {
    /// Whether a new connection may do better.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::TimedOut { .. })
    }

    /// What the user can try, as a sentence.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Handshake { hint, .. } | Self::Elevation { hint, .. } => hint.as_deref(),
            Self::Missing { .. } => Some("Install util-linux or BusyBox's setsid on the host."),
            _ => None,
        }
    }
}

fn after(text: &str) -> String {
    match text.trim() {
        "" => String::new(),
        text => format!(": {text}"),
    }
}
