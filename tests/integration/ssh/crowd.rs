//! Many connections to one server.

use std::time::Duration;

use ops::model::{Connection, SshClient};
use ops::shell::SessionOptions;
use ops::transport::Connector;

use crate::fleet::{Fleet, Settings};
use crate::over::{self, over_both};
use crate::session::command;

over_both!(
    retries_a_full_server,
    a_server_that_accepts_two_logins_at_a_time,
    a_hundred_hosts_on_one_server
);

/// Logs in this many times at once, as the hosts of one run, and runs a command in each session.
fn all_log_in(client: SshClient, settings: &Settings, connections: usize) {
    all_log_in_within(client, settings, connections, Duration::from_mins(2));
}

fn all_log_in_within(
    client: SshClient,
    settings: &Settings,
    connections: usize,
    retry_for: Duration,
) {
    let fleet = Fleet::sshd_with(1, settings);
    let args = format!("-o KexAlgorithms=curve25519-sha256 {}", fleet.ssh_args());
    let connection = Connection {
        ssh_client: client,
        connect_timeout: Duration::from_secs(30),
        retry_for,
        ..over::connection(fleet.hosts()[0].endpoint(), &args)
    };
    over::run(async {
        let connector = Connector::new();
        let one = async |number: usize| {
            let transport = connector.transport(&connection);
            let session = transport.session(SessionOptions::default()).await.unwrap();
            let said = command(&session, format!("echo {number}")).await.1;
            assert_eq!(said, format!("{number}\n"));
            (transport, session)
        };
        let held = futures_util::future::join_all((0..connections).map(one)).await;
        let logins = fleet.hosts()[0].log().matches("Accepted publickey").count();
        assert_eq!(logins, connections);
        for (transport, session) in held {
            session.close().await;
            transport.close().await;
        }
    });
    fleet.hosts()[0].wait_until_idle();
}

fn retries_a_full_server(client: SshClient) {
    all_log_in(client, &Settings::default().config("MaxStartups 3"), 20);
}

/// The server rejects most simultaneous connections. After that, fewer are opened at a time, within the usual
/// time for all attempts.
fn a_server_that_accepts_two_logins_at_a_time(client: SshClient) {
    let settings = Settings::default().config("MaxStartups 2:50:3");
    all_log_in_within(client, &settings, 30, Duration::from_secs(20));
}

fn a_hundred_hosts_on_one_server(client: SshClient) {
    // One ssh process per connection: fewer of them show the same.
    let connections = if client == SshClient::Openssh {
        25
    } else {
        100
    };
    all_log_in(client, &Settings::default(), connections);
}
