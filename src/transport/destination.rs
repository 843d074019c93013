//! The target of an SSH connection.

use std::time::Duration;

use crate::model::{Connection, HostKeys};
use crate::ssh::config::Target;
use crate::ssh::{KeepAlive, Password, StrictHostKeyChecking};

/// Detects a dead connection within 15 seconds.
const KEEP_ALIVE: KeepAlive = KeepAlive {
    interval: Duration::from_secs(5),
    count: 3,
};

/// The parameters of a connection for both SSH clients. One attempt may take `connect_timeout`.
pub(super) fn target(connection: &Connection, connect_timeout: Duration) -> Target<'_> {
    Target {
        address: &connection.address,
        port: connection.port,
        user: connection.user.as_deref(),
        key_file: connection.key_file.as_deref(),
        ssh_args: &connection.ssh_args,
        password: connection.password.clone().map(Password::new),
        connect_timeout,
        keep_alive: KEEP_ALIVE,
        strict_host_keys: match connection.host_keys {
            HostKeys::Strict => Some(StrictHostKeyChecking::Yes),
            HostKeys::AcceptNew => Some(StrictHostKeyChecking::AcceptNew),
            HostKeys::SshConfig => None,
        },
    }
}

/// For users: `ssh amy@web1:2222`.
pub(super) fn describe(connection: &Connection) -> String {
    let user = connection.user.as_ref().map(|user| format!("{user}@"));
    let port = connection.port.map(|port| format!(":{port}"));
    let (user, port) = (user.unwrap_or_default(), port.unwrap_or_default());
    format!("ssh {user}{}{port}", connection.address)
}
