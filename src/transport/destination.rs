//! Where an SSH connection leads to: its names may be taken for nothing else.

use crate::model::Connection;

use super::{TransportError, TransportErrorKind};

/// A host or a user can never be taken for an option of `ssh`, or for more than a name.
pub(super) fn check(host: &str, user: Option<&str>) -> Result<(), TransportError> {
    for (what, name) in [("address", Some(host)), ("user", user)] {
        let Some(name) = name else { continue };
        let why = if name.is_empty() {
            "is empty"
        } else if name.starts_with('-') {
            "starts with a dash"
        } else if name.contains(|c: char| c.is_control() || c.is_whitespace()) {
            "holds a blank or a control character"
        } else {
            continue;
        };
        return Err(TransportError {
            kind: TransportErrorKind::Invalid,
            message: format!("the {what} {name:?} {why}"),
            hint: Some("Check the host's connection settings in the inventory.".into()),
        });
    }
    Ok(())
}

/// As a person would call `ssh`: `ssh amy@web1:2222`.
pub(super) fn describe(connection: &Connection) -> String {
    let user = connection.user.as_ref().map(|user| format!("{user}@"));
    let port = connection.port.map(|port| format!(":{port}"));
    let (user, port) = (user.unwrap_or_default(), port.unwrap_or_default());
    format!("ssh {user}{}{port}", connection.address)
}
