//! Sessions over the SSH client in this process.

mod jumps;
mod login;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use ops::model::{Connection, SshClient, Via};
use ops::shell::SessionOptions;
use ops::ssh::{
    AddressFamily, Algorithms, HostKeyPolicy, KeepAlive, SshSettings, StrictHostKeyChecking,
};
use ops::transport::{NativeTransport, Transport, TransportErrorKind as Kind};

use super::{command, runtime};
use crate::fleet::{Fleet, Settings, Sshd};

/// What the configuration of a host of a fleet would contain.
fn settings(fleet: &Fleet, host: &Sshd) -> SshSettings {
    let endpoint = host.endpoint();
    SshSettings {
        original: endpoint.name.clone(),
        config: None,
        host: endpoint.address.to_string(),
        port: endpoint.port,
        user: endpoint.user.clone(),
        address_family: AddressFamily::Any,
        bind_address: None,
        identity_files: vec![endpoint.key.clone()],
        identity_files_are_set: true,
        certificate_files: Vec::new(),
        identities_only: true,
        login: ops::ssh::LoginSettings::default(),
        agent: None,
        environment: Vec::new(),
        host_key: HostKeyPolicy {
            strict: StrictHostKeyChecking::Yes,
            alias: None,
            user_files: vec![fleet.known_hosts_file()],
            global_files: Vec::new(),
            revoked: None,
            check_host_ip: false,
            hash_names: false,
            trust_localhost: false,
        },
        algorithms: Algorithms::default(),
        jumps: Vec::new(),
        keep_alive: Some(KeepAlive {
            interval: Duration::from_secs(5),
            count: 3,
        }),
        connect_timeout: Duration::from_secs(10),
    }
}

fn connection(host: &Sshd) -> Connection {
    let endpoint = host.endpoint();
    Connection {
        port: Some(endpoint.port),
        user: Some(endpoint.user.clone()),
        key_file: Some(endpoint.key.clone()),
        ssh_client: SshClient::Native,
        ..Connection::new(Via::Ssh, endpoint.address.to_string())
    }
}

fn transport(fleet: &Fleet, host: &Sshd) -> NativeTransport {
    with(host, settings(fleet, host))
}

fn with(host: &Sshd, settings: SshSettings) -> NativeTransport {
    NativeTransport::new(connection(host), settings, Arc::default())
}

/// Returns a known hosts file that gives the host of one fleet the key of another's.
fn key_of_another(fleet: &Fleet, other: &Fleet) -> std::path::PathBuf {
    let host = fleet.hosts()[0].endpoint();
    let line = other.hosts()[0].known_hosts_line();
    let (_, key) = line.split_once(' ').unwrap();
    let path = fleet.dir().join("wrong_known_hosts");
    std::fs::write(&path, format!("[{}]:{} {key}", host.address, host.port)).unwrap();
    path
}

#[test]
fn names_what_cannot_be_reached() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let usual = settings(&fleet, host);
    let other = Fleet::sshd(1);
    let wrong_keys = key_of_another(&fleet, &other);
    let known = |files| HostKeyPolicy {
        user_files: files,
        ..usual.host_key.clone()
    };
    let cases = [
        (
            Kind::Refused,
            true,
            "Connection refused",
            SshSettings {
                port: 1,
                ..usual.clone()
            },
        ),
        (
            Kind::NameNotResolved,
            false,
            "Could not resolve hostname no-such-host.invalid",
            SshSettings {
                host: "no-such-host.invalid".into(),
                ..usual.clone()
            },
        ),
        (
            Kind::HostKeyUnknown,
            false,
            "is known for",
            SshSettings {
                host_key: known(Vec::new()),
                ..usual.clone()
            },
        ),
        (
            Kind::HostKeyChanged,
            false,
            "changed",
            SshSettings {
                host_key: known(vec![wrong_keys]),
                ..usual.clone()
            },
        ),
        (
            Kind::Authentication,
            false,
            "Permission denied (publickey)",
            SshSettings {
                identity_files: vec![other.key()],
                ..usual.clone()
            },
        ),
        (
            Kind::Invalid,
            false,
            "starts with a dash",
            SshSettings {
                host: "-oProxyCommand=touch /tmp/x".into(),
                ..usual.clone()
            },
        ),
        (
            Kind::Other,
            false,
            "no matching cipher found. Ours: aes256-cbc. Theirs: chacha20-poly1305@openssh.com,",
            SshSettings {
                algorithms: Algorithms {
                    ciphers: Some(vec!["aes256-cbc".into()]),
                    ..Algorithms::default()
                },
                ..usual.clone()
            },
        ),
    ];
    runtime().block_on(async {
        for (kind, again, words, settings) in cases {
            let connection = Connection {
                retry_for: Duration::from_millis(700),
                ..connection(host)
            };
            let transport = NativeTransport::new(connection, settings, Arc::default());
            let error = transport.open().await.unwrap_err();
            assert_eq!((error.kind, error.is_retryable()), (kind, again), "{error}");
            assert!(error.message.contains(words), "{error}");
            assert!(error.hint.is_some());
        }
    });
}

#[test]
fn sends_the_environment_of_the_configuration() {
    let fleet = Fleet::sshd_with(1, &Settings::default().config("AcceptEnv LC_OPS"));
    let host = &fleet.hosts()[0];
    let settings = SshSettings {
        environment: vec![
            ("LC_OPS".into(), "sent".into()),
            ("REFUSED".into(), "too".into()),
        ],
        ..settings(&fleet, host)
    };
    runtime().block_on(async {
        let session = with(host, settings)
            .session(SessionOptions::default())
            .await
            .unwrap();
        let script = "echo \"$LC_OPS ${REFUSED-not}\"";
        assert_eq!(command(&session, script).await.1, "sent not\n");
    });
}

/// Not every server speaks first: a port shared among protocols must hear which one the client uses.
#[test]
fn reaches_a_server_that_waits_for_the_client() {
    use std::io::{Read as _, Write as _};
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let target = (host.endpoint().address, host.endpoint().port);
    let listener = std::net::TcpListener::bind((host.endpoint().address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut said = [0; 256];
        let count = client.read(&mut said).unwrap();
        let mut server = std::net::TcpStream::connect(target).unwrap();
        server.write_all(&said[..count]).unwrap();
        let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut client, &mut server);
    });
    let settings = SshSettings {
        port,
        connect_timeout: Duration::from_secs(4),
        host_key: HostKeyPolicy {
            strict: StrictHostKeyChecking::AcceptNew,
            user_files: vec![fleet.dir().join("learnt")],
            ..settings(&fleet, host).host_key
        },
        ..settings(&fleet, host)
    };
    let connection = Connection {
        connect_timeout: Duration::from_secs(4),
        ..connection(host)
    };
    runtime().block_on(async {
        let transport = NativeTransport::new(connection, settings, Arc::default());
        let session = transport.session(SessionOptions::default()).await.unwrap();
        assert_eq!(command(&session, "echo here").await.1, "here\n");
    });
}
