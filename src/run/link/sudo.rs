//! The sudo password of a host, tried once.

use crate::shell::{Session, SessionError};
use crate::transport::{TriedOnce, Turn};

/// The password for one host. sudo asks for that of the login user, regardless of which user is become.
pub(super) type SudoPassword = TriedOnce<SessionError>;

/// Returns the turn to start a session that tries the password, if there is one.
pub(super) async fn turn(
    password: &SudoPassword,
    is_given: bool,
) -> Result<Turn<SessionError>, SessionError> {
    if is_given {
        password.turn().await
    } else {
        Ok(Turn::free())
    }
}

/// Records whether the session that was started in this turn had the right password.
pub(super) fn watch(turn: Turn<SessionError>, session: &Session) {
    let opened = session.opened();
    tokio::spawn(async move {
        match opened.await {
            Ok(()) => turn.good(),
            Err(
                error @ SessionError::Elevation {
                    tried_password: true,
                    ..
                },
            ) => turn.refused(error),
            // Nothing is known about the password.
            Err(_) => {}
        }
    });
}
