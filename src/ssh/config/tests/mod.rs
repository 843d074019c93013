//! Compares the reader with `ssh -G`, which prints how `ssh` interprets its configuration.

mod conditions;
mod corpus;
mod generated;
mod many;
mod oracle;
mod table;

use std::time::Duration;

use super::target::Target;
use crate::ssh::settings::KeepAlive;

/// A host with only an address and arguments for ssh.
fn target<'a>(address: &'a str, ssh_args: &'a [String]) -> Target<'a> {
    Target {
        address,
        port: None,
        user: None,
        key_file: None,
        ssh_args,
        password: None,
        connect_timeout: Duration::from_secs(10),
        keep_alive: KeepAlive {
            interval: Duration::from_secs(5),
            count: 3,
        },
        strict_host_keys: None,
    }
}
