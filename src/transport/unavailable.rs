//! A host that cannot be reached with the requested client.

use futures_util::future::BoxFuture;

use super::error::{TransportError, TransportErrorKind};
use super::transport::{FailedAttempt, Transport};
use crate::model::Connection;
use crate::shell::Stream;

/// `ops_transport = "native"` or a password for a host whose configuration needs `ssh`. It is never
/// contacted.
#[derive(Debug)]
pub(super) struct Unavailable {
    address: String,
    error: TransportError,
}

impl Unavailable {
    pub(crate) fn new(connection: &Connection, reason: &str) -> Self {
        let (message, hint) = if connection.password.is_some() {
            (
                format!(
                    "only the native transport logs in with a password, and this host needs ssh: {reason}"
                ),
                "Change that for this host, or log in with a key and remove the password \
                 (`ansible_password`, `--ask-pass`).",
            )
        } else {
            (
                format!("the native transport cannot reach it as ssh would: {reason}"),
                "Set `ops_transport` to `auto` or `openssh` for it, or change the ssh configuration.",
            )
        };
        Self {
            address: connection.address.clone(),
            error: TransportError {
                kind: TransportErrorKind::Invalid,
                message,
                hint: Some(hint.into()),
            },
        }
    }
}

impl Transport for Unavailable {
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
