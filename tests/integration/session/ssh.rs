//! Sessions over real SSH, by either client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ops::model::{Connection, HostKeys, SshClient};
use ops::shell::{End, Request, SessionError, SessionOptions, Step};
use ops::transport::Transport;
use tokio_util::sync::CancellationToken;

use super::{ask, command, runtime};
use crate::fleet::{Fleet, Settings, Sshd};
use crate::over::{self, over_both, transport};

over_both!(
    one_connection_carries_several_sessions,
    opens_more_connections_if_a_server_grants_one_channel,
    accepts_an_unknown_host_key_on_request,
    reaches_a_host_that_comes_up_late,
    a_host_that_vanishes_is_lost,
    cancelling_kills_the_command_on_the_host,
    skips_output_of_a_login_and_shows_one_that_is_not_a_shell,
    hello_and_first_request_share_a_round_trip,
);

fn connection(fleet: &Fleet, host: &Sshd) -> Connection {
    over::connection(host.endpoint(), &fleet.ssh_args())
}

fn over(client: SshClient, fleet: &Fleet, host: &Sshd) -> Arc<dyn Transport> {
    transport(client, connection(fleet, host))
}

fn one_connection_carries_several_sessions(client: SshClient) {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = over(client, &fleet, host);
        let mut sessions = Vec::new();
        for _ in 0..10 {
            let session = transport.session(SessionOptions::default()).await.unwrap();
            assert_eq!(session.facts().await.unwrap().kernel, "Linux");
            sessions.push(session);
        }
        for session in &sessions {
            assert_eq!(command(session, "echo hi").await.1, "hi\n");
        }
        // The server grants ten per connection; a client may keep some for itself.
        let connections = host.log().matches("Accepted publickey").count();
        assert!((1..=2).contains(&connections), "{connections}");
        // The first session belongs to the connection; the others outlive it.
        sessions.remove(0).close().await;
        assert_eq!(command(&sessions[0], "echo still").await.1, "still\n");
        for session in sessions {
            session.close().await;
        }
        transport.close().await;
    });
    host.wait_until_idle();
}

fn opens_more_connections_if_a_server_grants_one_channel(client: SshClient) {
    let fleet = Fleet::sshd_with(1, &Settings::default().config("MaxSessions 1"));
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = over(client, &fleet, host);
        let first = transport.session(SessionOptions::default()).await.unwrap();
        let second = transport.session(SessionOptions::default()).await.unwrap();
        assert_eq!(command(&first, "echo 1").await.1, "1\n");
        assert_eq!(command(&second, "echo 2").await.1, "2\n");
    });
    host.wait_until_idle();
}

fn accepts_an_unknown_host_key_on_request(client: SshClient) {
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
        let session = transport(client, connection)
            .session(SessionOptions::default())
            .await
            .unwrap();
        assert_eq!(command(&session, "echo in").await.1, "in\n");
    });
    assert!(std::fs::read_to_string(known).unwrap().contains("ed25519"));
}

fn reaches_a_host_that_comes_up_late(client: SshClient) {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    host.vanish();
    runtime().block_on(async {
        let transport = over(client, &fleet, host);
        let opening = transport.session(SessionOptions::default());
        let (session, ()) = tokio::join!(opening, async {
            tokio::task::block_in_place(|| host.come_back());
        });
        assert_eq!(command(&session.unwrap(), "echo up").await.1, "up\n");
    });
}

fn a_host_that_vanishes_is_lost(client: SshClient) {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = over(client, &fleet, host);
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

fn cancelling_kills_the_command_on_the_host(client: SshClient) {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = over(client, &fleet, host);
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

fn skips_output_of_a_login_and_shows_one_that_is_not_a_shell(client: SshClient) {
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
        let transport = over(client, &fleet, host);
        let session = transport.session(SessionOptions::default()).await.unwrap();
        assert_eq!(
            command(&session, "echo hi").await,
            (End::Code(0), "hi\n".into(), String::new())
        );

        let transport = over(client, &shut, &shut.hosts()[0]);
        let said = match transport.session(SessionOptions::default()).await {
            Ok(session) => session.facts().await.unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(said.contains("not available"), "{said}");
    });
}

fn hello_and_first_request_share_a_round_trip(client: SshClient) {
    let round_trip = Duration::from_millis(200);
    let fleet = Fleet::sshd_with(1, &Settings::default().round_trip(round_trip));
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = over(client, &fleet, host);
        let stream = transport.open().await.unwrap();
        let started = Instant::now();
        let session = ops::shell::Session::start(stream, SessionOptions::default());
        ask(&session, Request::probe("echo found")).await.unwrap();
        // `open` returns when the login is complete. OpenSSH's server takes a round trip to open a channel,
        // one to start the command, and only then accepts data.
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
