//! The password for sudo on a host. A wrong one is tried once in a run: who is asked too often locks the user out.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::shell::{Session, SessionError};

/// What is known of the password.
#[derive(Debug, Default)]
enum Verdict {
    #[default]
    Unknown,
    Good,
    /// What came of it.
    Refused(SessionError),
}

/// The password of one host. sudo asks for that of the user who logged in, whoever is become.
#[derive(Debug, Clone, Default)]
pub(super) struct SudoPassword(Arc<Mutex<Verdict>>);

/// The right to try it. Nobody else tries meanwhile, unless it is known to be good.
#[derive(Debug, Default)]
pub(super) struct Turn(Option<OwnedMutexGuard<Verdict>>);

impl SudoPassword {
    /// Waits for the turn to start a session that may try the password.
    ///
    /// # Errors
    /// Why it was refused before.
    pub async fn turn(&self, has_password: bool) -> Result<Turn, SessionError> {
        if !has_password {
            return Ok(Turn::default());
        }
        let verdict = Arc::clone(&self.0).lock_owned().await;
        match &*verdict {
            Verdict::Unknown => Ok(Turn(Some(verdict))),
            Verdict::Good => Ok(Turn::default()),
            Verdict::Refused(error) => Err(error.clone()),
        }
    }
}

impl Turn {
    /// Learns what comes of a session that was started in this turn.
    pub fn watch(self, session: &Session) {
        let Some(mut verdict) = self.0 else { return };
        let opened = session.opened();
        tokio::spawn(async move {
            match opened.await {
                Ok(()) => *verdict = Verdict::Good,
                Err(
                    error @ SessionError::Elevation {
                        tried_password: true,
                        ..
                    },
                ) => *verdict = Verdict::Refused(error),
                // Nothing is known of it.
                Err(_) => {}
            }
        });
    }
}
