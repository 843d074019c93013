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
    #[error("the host did not answer as a POSIX shell{}", told(.printed, ": "))]
    Handshake {
        /// What came instead of the hello, on both streams and as one line; may be empty.
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
        /// The password was given to sudo, and did not help. Another attempt with it could lock the user out.
        tried_password: bool,
    },
    /// The caller cancelled before the first step began: nothing ran.
    #[error("cancelled")]
    Cancelled,
    /// The hello did not come in time.
    #[error("{waiting} within {} s{}", .after.as_secs_f64().ceil(), told(.printed, "; it printed: "))]
    TimedOut {
        waiting: Waiting,
        after: std::time::Duration,
        /// What came in the meantime, as one line; may be empty.
        printed: String,
    },
    /// A script or a path holds a NUL byte.
    #[error(transparent)]
    Nul(#[from] NulByte),
    /// The request needs something that the host has not got.
    #[error("the host has no `{program}`, which commands need")]
    Missing { program: &'static str },
}

/// Who was waited for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Waiting {
    /// The login shell and its startup files.
    #[error("the login did not give a shell")]
    Login,
    #[error("sudo did not give a shell as {user}")]
    Sudo { user: String },
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
            Self::TimedOut {
                waiting: Waiting::Login,
                ..
            } => Some(
                "Does the login shell or a startup file wait for input? If it is only slow, raise `ops_connect_timeout`: \
                 it has three times as long.",
            ),
            Self::TimedOut {
                waiting: Waiting::Sudo { .. },
                ..
            } => Some(
                "Does sudo ask for more than a password? If it is only slow, raise `ops_connect_timeout`: \
                 it has three times as long.",
            ),
            Self::Missing { .. } => Some("Install util-linux or BusyBox's setsid on the host."),
            _ => None,
        }
    }
}

fn told(text: &str, before: &str) -> String {
    match text.trim() {
        "" => "; it printed nothing".to_owned(),
        text => format!("{before}{text}"),
    }
}

/// What was printed, behind a colon. Several lines become one: a message has no others.
fn after(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match lines.collect::<Vec<_>>().join("; ") {
        text if text.is_empty() => text,
        text => format!(": {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::SessionError;

    #[test]
    fn a_message_is_one_line() {
        let error = SessionError::Elevation {
            user: "postgres".into(),
            message:
                "Sorry, user amy may not run sh as postgres.\r\nsudo: a password is required\n"
                    .into(),
            hint: None,
            tried_password: false,
        };
        assert_eq!(
            error.to_string(),
            "failed to become postgres: Sorry, user amy may not run sh as postgres.; sudo: a password is required"
        );
    }
}
