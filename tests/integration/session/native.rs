//! Sessions over the SSH client in this process.

mod jumps;
mod login;
mod streams;

use std::time::{Duration, Instant};

use ops::model::{Connection, HostKeys, SshClient, Via};
use ops::shell::{End, Request, SessionError, SessionOptions, Step};
use ops::transport::{
    AddressFamily, Algorithms, Connector, HostKeyPolicy, KeepAlive, NativeTransport, SshSettings,
    StrictHostKeyChecking, Transport, TransportErrorKind as Kind,
};
use tokio_util::sync::CancellationToken;

use super::{ask, command, runtime};
use crate::fleet::{Fleet, Settings, Sshd};

/// What the configuration of a fleet's host would say.
fn settings(fleet: &Fleet, host: &Sshd) -> SshSettings {
    let endpoint = host.endpoint();
    SshSettings {
        original: endpoint.name.clone(),
        host: endpoint.address.to_string(),
        port: endpoint.port,
        user: endpoint.user.clone(),
        address_family: AddressFamily::Any,
        bind_address: None,
        identity_files: vec![endpoint.key.clone()],
        identity_files_are_set: true,
        certificate_files: Vec::new(),
        identities_only: true,
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
        via: Via::Ssh,
        address: endpoint.address.to_string(),
        port: Some(endpoint.port),
        user: Some(endpoint.user.clone()),
        key_file: Some(endpoint.key.clone()),
        ssh_args: Vec::new(),
        host_keys: HostKeys::Strict,
        ssh_client: SshClient::Native,
        elevation: None,
        become_password: None,
        connect_timeout: Duration::from_secs(10),
        retry_for: Duration::from_secs(20),
        persist: None,
        state_dir: None,
    }
}

fn transport(fleet: &Fleet, host: &Sshd) -> NativeTransport {
    with(host, settings(fleet, host))
}

fn with(host: &Sshd, settings: SshSettings) -> NativeTransport {
    NativeTransport::new(connection(host), settings, Connector::new())
}

#[test]
fn one_connection_carries_several_sessions() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = transport(&fleet, host);
        let mut sessions = Vec::new();
        for _ in 0..10 {
            let session = transport.session(SessionOptions::default()).await.unwrap();
            assert_eq!(session.facts().await.unwrap().kernel, "Linux");
            sessions.push(session);
        }
        for session in &sessions {
            assert_eq!(command(session, "echo hi").await.1, "hi\n");
        }
        // Eight on the first connection, two on another.
        assert_eq!(host.log().matches("Accepted publickey").count(), 2);
        // A session that is closed leaves its place to the next.
        sessions.remove(0).close().await;
        let session = transport.session(SessionOptions::default()).await.unwrap();
        assert_eq!(command(&session, "echo again").await.1, "again\n");
        assert_eq!(host.log().matches("Accepted publickey").count(), 2);
        sessions.push(session);
        for session in sessions {
            session.close().await;
        }
        transport.close().await;
    });
    host.wait_until_idle();
}

#[test]
fn a_server_that_grants_one_channel_gets_more_connections() {
    let fleet = Fleet::sshd_with(1, &Settings::default().config("MaxSessions 1"));
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = transport(&fleet, host);
        let first = transport.session(SessionOptions::default()).await.unwrap();
        let second = transport.session(SessionOptions::default()).await.unwrap();
        assert_eq!(command(&first, "echo 1").await.1, "1\n");
        assert_eq!(command(&second, "echo 2").await.1, "2\n");
    });
    host.wait_until_idle();
}

/// A file that says of the host of one fleet that it has the key of another's.
fn key_of_another(fleet: &Fleet, other: &Fleet) -> std::path::PathBuf {
    let host = fleet.hosts()[0].endpoint();
    let line = other.hosts()[0].known_hosts_line();
    let (_, key) = line.split_once(' ').unwrap();
    let path = fleet.dir().join("wrong_known_hosts");
    std::fs::write(&path, format!("[{}]:{} {key}", host.address, host.port)).unwrap();
    path
}

#[test]
fn what_cannot_be_reached_is_named() {
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
            let started = Instant::now();
            let connection = Connection {
                retry_for: Duration::from_millis(700),
                ..connection(host)
            };
            let transport = NativeTransport::new(connection, settings, Connector::new());
            let error = transport.open().await.unwrap_err();
            assert_eq!((error.kind, error.is_retryable()), (kind, again), "{error}");
            assert!(error.message.contains(words), "{error}");
            assert!(error.hint.is_some());
            assert!(started.elapsed() < Duration::from_secs(10), "{error}");
        }
    });
}

#[test]
fn a_host_that_comes_up_late_is_reached() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    host.vanish();
    runtime().block_on(async {
        let transport = transport(&fleet, host);
        let attempts = std::sync::atomic::AtomicU32::new(0);
        let failed = |_, _: &_| {
            if attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                tokio::task::block_in_place(|| host.come_back());
            }
        };
        let stream = transport.open_watched(&failed).await.unwrap();
        let session = ops::shell::Session::start(stream, SessionOptions::default());
        assert_eq!(command(&session, "echo up").await.1, "up\n");
        assert!(attempts.into_inner() >= 1);
    });
}

#[test]
fn a_host_that_vanishes_is_lost() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = transport(&fleet, host);
        let session = transport.session(SessionOptions::default()).await.unwrap();
        session.facts().await.unwrap();
        let (reply, ()) = tokio::join!(
            ask(
                &session,
                Request::step(Step::command("echo here; sleep 600"))
            ),
            async {
                tokio::task::block_in_place(|| {
                    host.wait_for_process("sleep 600");
                    host.vanish();
                });
            }
        );
        let error = reply.unwrap_err();
        assert!(
            matches!(error, SessionError::Lost { .. }) && error.is_retryable(),
            "{error:?}"
        );
        // And it stays lost.
        assert!(ask(&session, Request::probe("echo")).await.is_err());
    });
}

#[test]
fn a_cancel_kills_on_the_host() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = transport(&fleet, host);
        let session = transport.session(SessionOptions::default()).await.unwrap();
        let cancel = CancellationToken::new();
        let request = Request::step(Step::command("sleep 600 & sleep 601; echo no"));
        let (reply, ()) = tokio::join!(session.request(request, &(), &cancel), async {
            tokio::task::block_in_place(|| host.wait_for_process("sleep 601"));
            cancel.cancel();
        });
        assert_eq!(reply.unwrap().steps[0].end, End::Cancelled);
        assert!(host.processes_like("sleep").is_empty());
        assert_eq!(command(&session, "echo next").await.1, "next\n");
    });
    host.wait_until_idle();
}

#[test]
fn a_login_that_prints_is_skipped_and_one_that_is_no_shell_is_shown() {
    let fleet = Fleet::sshd_with(
        1,
        &Settings::default()
            .config("ForceCommand echo welcome; echo psst >&2; eval \"$SSH_ORIGINAL_COMMAND\""),
    );
    let shut = Fleet::sshd_with(
        1,
        &Settings::default().config("ForceCommand echo 'This account is not available.'; exit 1"),
    );
    runtime().block_on(async {
        let with_words = transport(&fleet, &fleet.hosts()[0]);
        let session = with_words.session(SessionOptions::default()).await.unwrap();
        assert_eq!(
            command(&session, "echo hi").await,
            (End::Code(0), "hi\n".into(), String::new())
        );
        let session = transport(&shut, &shut.hosts()[0])
            .session(SessionOptions::default())
            .await
            .unwrap();
        let said = session.facts().await.unwrap_err().to_string();
        assert!(said.contains("not available"), "{said}");
    });
}

#[test]
fn what_the_configuration_sends_arrives() {
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
