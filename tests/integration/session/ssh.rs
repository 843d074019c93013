//! Sessions over real `ssh`.

use std::time::{Duration, Instant};

use ops::model::{Connection, HostKeys, SshClient, Via};
use ops::shell::{End, Request, SessionError, SessionOptions, Step};
use ops::transport::{OpensshTransport, Transport, TransportErrorKind as Kind};
use tokio_util::sync::CancellationToken;

use super::{ask, command, runtime};
use crate::fleet::{Fleet, Settings, Sshd};

/// How a host of a fleet is reached.
fn connection(fleet: &Fleet, host: &Sshd) -> Connection {
    let endpoint = host.endpoint();
    Connection {
        via: Via::Ssh,
        address: endpoint.address.to_string(),
        port: Some(endpoint.port),
        user: Some(endpoint.user.clone()),
        key_file: Some(endpoint.key.clone()),
        ssh_args: shlex::split(&fleet.ssh_args()).unwrap(),
        host_keys: HostKeys::Strict,
        ssh_client: SshClient::default(),
        elevation: None,
        become_password: None,
        connect_timeout: Duration::from_secs(10),
        retry_for: Duration::from_secs(20),
        state_dir: None,
    }
}

#[test]
fn one_connection_carries_several_sessions() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = OpensshTransport::new(connection(&fleet, host));
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
        // The first session is the connection's own; the others outlive it.
        sessions.remove(0).close().await;
        assert_eq!(command(&sessions[0], "echo still").await.1, "still\n");
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
        let transport = OpensshTransport::new(connection(&fleet, host));
        let first = transport.session(SessionOptions::default()).await.unwrap();
        let second = transport.session(SessionOptions::default()).await.unwrap();
        assert_eq!(command(&first, "echo 1").await.1, "1\n");
        assert_eq!(command(&second, "echo 2").await.1, "2\n");
    });
    host.wait_until_idle();
}

#[test]
fn what_cannot_be_reached_is_named() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let usual = Connection {
        retry_for: Duration::from_millis(700),
        ..connection(&fleet, host)
    };
    let no_keys = vec![
        "-o".into(),
        "UserKnownHostsFile=/dev/null".into(),
        "-o".into(),
        "GlobalKnownHostsFile=/dev/null".into(),
    ];
    let other = Fleet::sshd(1);
    let wrong_keys = fleet.dir().join("wrong_known_hosts");
    let line = other.hosts()[0].known_hosts_line();
    let (_, key) = line.split_once(' ').unwrap();
    std::fs::write(
        &wrong_keys,
        format!(
            "[{}]:{} {key}",
            host.endpoint().address,
            host.endpoint().port
        ),
    )
    .unwrap();
    let cases = [
        (
            Kind::Refused,
            true,
            Connection {
                port: Some(1),
                ..usual.clone()
            },
        ),
        (
            Kind::NameNotResolved,
            false,
            Connection {
                address: "no-such-host.invalid".into(),
                ..usual.clone()
            },
        ),
        (
            Kind::HostKeyUnknown,
            false,
            Connection {
                ssh_args: no_keys,
                ..usual.clone()
            },
        ),
        (
            Kind::HostKeyChanged,
            false,
            Connection {
                ssh_args: vec![format!("-oUserKnownHostsFile={}", wrong_keys.display())],
                ..usual.clone()
            },
        ),
        (
            Kind::Authentication,
            false,
            Connection {
                key_file: Some(other.key()),
                ..usual.clone()
            },
        ),
        (
            Kind::Invalid,
            false,
            Connection {
                address: "-oProxyCommand=touch /tmp/x".into(),
                ..usual.clone()
            },
        ),
        (
            Kind::Invalid,
            false,
            Connection {
                user: Some("-x".into()),
                ..usual.clone()
            },
        ),
    ];
    runtime().block_on(async {
        for (kind, again, connection) in cases {
            let started = Instant::now();
            let error = OpensshTransport::new(connection).open().await.unwrap_err();
            assert_eq!((error.kind, error.is_retryable()), (kind, again), "{error}");
            assert!(error.hint.is_some());
            assert!(!error.message.contains("debug1"), "{error}");
            assert!(started.elapsed() < Duration::from_secs(10), "{error}");
        }
    });
}

#[test]
fn an_unknown_key_is_taken_where_that_is_asked_for() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let known = fleet.dir().join("mine");
    let args = vec![format!("-oUserKnownHostsFile={}", known.display())];
    let connection = Connection {
        host_keys: HostKeys::AcceptNew,
        ssh_args: args,
        ..connection(&fleet, host)
    };
    runtime().block_on(async {
        let session = OpensshTransport::new(connection)
            .session(SessionOptions::default())
            .await
            .unwrap();
        assert_eq!(command(&session, "echo in").await.1, "in\n");
    });
    assert!(std::fs::read_to_string(known).unwrap().contains("ed25519"));
}

#[test]
fn a_host_that_comes_up_late_is_reached() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    host.vanish();
    runtime().block_on(async {
        let transport = OpensshTransport::new(connection(&fleet, host));
        let opening = transport.session(SessionOptions::default());
        let (session, ()) = tokio::join!(opening, async {
            tokio::task::block_in_place(|| host.come_back());
        });
        assert_eq!(command(&session.unwrap(), "echo up").await.1, "up\n");
    });
}

#[test]
fn a_host_that_vanishes_is_lost() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = OpensshTransport::new(connection(&fleet, host));
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
        let transport = OpensshTransport::new(connection(&fleet, host));
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
        let host = &fleet.hosts()[0];
        let transport = OpensshTransport::new(connection(&fleet, host));
        let session = transport.session(SessionOptions::default()).await.unwrap();
        assert_eq!(
            command(&session, "echo hi").await,
            (End::Code(0), "hi\n".into(), String::new())
        );

        let transport = OpensshTransport::new(connection(&shut, &shut.hosts()[0]));
        let said = match transport.session(SessionOptions::default()).await {
            Ok(session) => session.facts().await.unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(said.contains("not available"), "{said}");
    });
}

#[test]
fn hello_and_first_request_share_a_round_trip() {
    let round_trip = Duration::from_millis(200);
    let fleet = Fleet::sshd_with(1, &Settings::default().round_trip(round_trip));
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = OpensshTransport::new(connection(&fleet, host));
        let stream = transport.open().await.unwrap();
        let started = Instant::now();
        let session = ops::shell::Session::start(stream, SessionOptions::default());
        ask(&session, Request::probe("echo found")).await.unwrap();
        // `open` returns when the login is through. OpenSSH's server takes a round trip to open a channel,
        // one to start the command, and only then lets data in.
        assert!(
            started.elapsed() < round_trip * 4,
            "{:?}",
            started.elapsed()
        );
        let started = Instant::now();
        ask(&session, Request::probe("echo again")).await.unwrap();
        assert!(
            started.elapsed() < round_trip * 2,
            "{:?}",
            started.elapsed()
        );
    });
}
