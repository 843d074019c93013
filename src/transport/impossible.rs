//! A host that is to be reached in a way that it cannot be reached.

use futures_util::future::BoxFuture;

use crate::model::Connection;
use crate::shell::Stream;

use super::{FailedAttempt, Transport, TransportError, TransportErrorKind};

/// `ops_transport = "native"` or a password for a host whose configuration takes `ssh`. Nothing is contacted.
#[derive(Debug)]
pub(super) struct Impossible {
    address: String,
    error: TransportError,
}

impl Impossible {
    pub fn new(connection: &Connection, reason: &str) -> Self {
        if connection.password.is_some() {
            return Self {
                address: connection.address.clone(),
                error: TransportError {
                    kind: TransportErrorKind::Invalid,
                    message: format!(
                        "only the native transport logs in with a password, and this host takes ssh: {reason}"
                    ),
                    hint: Some(
                        "Change that for this host, or log in with a key and remove the password \
                         (`ansible_password`, `--ask-pass`)."
                            .into(),
                    ),
                },
            };
        }
        Self {
            address: connection.address.clone(),
            error: TransportError {
                kind: TransportErrorKind::Invalid,
                message: format!("the native transport cannot reach it as ssh would: {reason}"),
                hint: Some(
                    "Set `ops_transport` to `auto` or `openssh` for it, or change the ssh configuration.".into(),
                ),
            },
        }
    }
}

impl Transport for Impossible {
    fn open_watched<'a>(
        &'a self,
        _: &'a FailedAttempt<'a>,
    ) -> BoxFuture<'a, Result<Stream, TransportError>> {
        Box::pin(async { Err(self.error.clone()) })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn describe(&self) -> String {
        format!("native {}", self.address)
    }
}
