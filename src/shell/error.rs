//! The errors of a session.

use thiserror::Error;

use super::NulByte;

/// Why a request has no reply. Nothing is known about the effects of a request that was in progress.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SessionError {
    /// The stream ended, or the host stopped answering, while a request was in progress or waiting.
    #[error("the connection was lost{}", after(.detail))]
    Lost { detail: String },
    /// The answer did not come from an `sh` that uses the protocol of ops.
    #[error("the host did not answer as a POSIX shell{}", told(.printed, ": "))]
    Handshake {
        /// The output received instead of the hello, from both streams and as one line; may be empty.
        printed: String,
        /// What to try.
        hint: Option<String>,
    },
    /// Becoming the other user failed.
    #[error("failed to become {user}{}", after(.message))]
    Elevation {
        user: String,
        message: String,
        hint: Option<String>,
        /// The password was sent to sudo, and did not help. Trying it again could lock the user out.
        tried_password: bool,
    },
    /// The caller cancelled before the first step began: nothing ran.
    #[error("cancelled")]
    Cancelled,
    /// The hello did not arrive in time.
    #[error("{waiting} within {} s{}", .after.as_secs_f64().ceil(), told(.printed, "; it printed: "))]
    TimedOut {
        waiting: Waiting,
        after: std::time::Duration,
        /// The output received in the meantime, as one line; may be empty.
        printed: String,
    },
    /// A script or a path contains a NUL byte.
    #[error(transparent)]
    Nul(#[from] NulByte),
    /// The request needs a program that the host does not have.
    #[error("`{program}` not found on the host; commands need it")]
    Missing { program: &'static str },
}

/// Which program did not start a shell in time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Waiting {
    /// The login shell and its startup files.
    #[error("the login did not start a shell")]
    Login,
    #[error("sudo did not start a shell as {user}")]
    Sudo { user: String },
}

impl SessionError {
    /// Whether a new connection may help.
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
                "Does the login shell or a startup file wait for input? If it is only slow, \
                 raise `ops_connect_timeout`: the limit is three times that.",
            ),
            Self::TimedOut {
                waiting: Waiting::Sudo { .. },
                ..
            } => Some(
                "Does sudo ask for more than a password? If it is only slow, raise `ops_connect_timeout`: \
                 the limit is three times that.",
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

/// The output after a colon. Several lines become one: messages are single lines.
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
            "failed to become postgres: \
             Sorry, user amy may not run sh as postgres.; sudo: a password is required"
        );
    }
}
