//! The reader beside `ssh -G`, which prints what `ssh` makes of its configuration.

mod conditions;
mod corpus;
mod generated;
mod many;
mod oracle;
mod table;

use std::time::Duration;

use crate::model::{Connection, HostKeys, SshClient, Via};

/// A host of an inventory that says nothing but its address and arguments for ssh.
fn connection(address: &str, ssh_args: &[String]) -> Connection {
    Connection {
        via: Via::Ssh,
        address: address.to_owned(),
        port: None,
        user: None,
        key_file: None,
        ssh_args: ssh_args.to_vec(),
        host_keys: HostKeys::SshConfig,
        ssh_client: SshClient::Auto,
        persist: None,
        elevation: None,
        become_password: None,
        connect_timeout: Duration::from_secs(10),
        retry_for: Duration::from_secs(20),
        state_dir: None,
    }
}
