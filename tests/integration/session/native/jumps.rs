//! Hosts behind jump hosts.

use std::sync::Arc;

use ops::shell::SessionOptions;
use ops::ssh::{Client, HostKeyPolicy, SshSettings};
use ops::transport::{NativeTransport, Transport, TransportErrorKind as Kind};

use super::super::{command, runtime};
use super::{connection, settings};
use crate::fleet::{Fleet, Settings};

#[test]
fn reaches_a_host_behind_two_jump_hosts() {
    let fleet = Fleet::sshd(3);
    let [first, second, last] = fleet.hosts() else {
        panic!("three hosts")
    };
    let settings = SshSettings {
        jumps: vec![settings(&fleet, first), settings(&fleet, second)],
        ..settings(&fleet, last)
    };
    runtime().block_on(async {
        let transport = NativeTransport::new(connection(last), settings, Arc::default());
        let session = transport.session(SessionOptions::default()).await.unwrap();
        assert_eq!(command(&session, "echo behind").await.1, "behind\n");
    });
    for host in fleet.hosts() {
        assert_eq!(host.log().matches("Accepted publickey").count(), 1);
    }
}

#[test]
fn hosts_behind_one_jump_host_share_its_connection() {
    let fleet = Fleet::sshd(4);
    let (gate, behind) = fleet.hosts().split_first().unwrap();
    let client = Arc::new(Client::default());
    runtime().block_on(async {
        let transports: Vec<_> = behind
            .iter()
            .map(|host| {
                let settings = SshSettings {
                    jumps: vec![settings(&fleet, gate)],
                    ..settings(&fleet, host)
                };
                NativeTransport::new(connection(host), settings, Arc::clone(&client))
            })
            .collect();
        let sessions = transports
            .iter()
            .map(|transport| transport.session(SessionOptions::default()));
        for session in futures_util::future::join_all(sessions).await {
            assert_eq!(command(&session.unwrap(), "echo in").await.1, "in\n");
        }
        assert_eq!(gate.log().matches("Accepted publickey").count(), 1);
        // Closed with the last of them, and reopened for the next.
        drop(transports);
        let host = &behind[0];
        let settings = SshSettings {
            jumps: vec![settings(&fleet, gate)],
            ..settings(&fleet, host)
        };
        let again = NativeTransport::new(connection(host), settings, Arc::clone(&client));
        again.open().await.unwrap();
    });
}

#[test]
fn distinguishes_failures_on_the_way() {
    let fleet = Fleet::sshd(2);
    let shut = Fleet::sshd_with(1, &Settings::default().config("AllowTcpForwarding no"));
    let [gate, host] = fleet.hosts() else {
        panic!("two hosts")
    };
    let gate_settings = settings(&fleet, gate);
    let stranger = SshSettings {
        host_key: HostKeyPolicy {
            user_files: Vec::new(),
            ..gate_settings.host_key.clone()
        },
        ..gate_settings.clone()
    };
    let usual = settings(&fleet, host);
    let cases = [
        (
            Kind::HostKeyUnknown,
            "jump host h1: ",
            vec![stranger],
            usual.clone(),
        ),
        (
            Kind::Network,
            "jump host h1: no connection to 127.",
            vec![gate_settings],
            SshSettings {
                port: 1,
                ..usual.clone()
            },
        ),
        (
            Kind::Network,
            "open failed",
            vec![settings(&shut, &shut.hosts()[0])],
            usual,
        ),
    ];
    runtime().block_on(async {
        for (kind, words, jumps, settings) in cases {
            let settings = SshSettings { jumps, ..settings };
            let connection = ops::model::Connection {
                retry_for: std::time::Duration::from_millis(100),
                ..connection(host)
            };
            let transport = NativeTransport::new(connection, settings, Arc::default());
            let error = transport.open().await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(words), "{error}");
        }
    });
}
