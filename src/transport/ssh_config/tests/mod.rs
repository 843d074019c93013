//! The reader beside `ssh -G`, which prints what `ssh` makes of its configuration.

mod conditions;
mod corpus;
mod generated;
mod many;
mod oracle;
mod table;

use crate::model::{Connection, HostKeys, Via};

/// A host of an inventory that says nothing but its address and arguments for ssh.
fn connection(address: &str, ssh_args: &[String]) -> Connection {
    Connection {
        ssh_args: ssh_args.to_vec(),
        host_keys: HostKeys::SshConfig,
        ..Connection::new(Via::Ssh, address)
    }
}
