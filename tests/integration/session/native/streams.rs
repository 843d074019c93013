//! Streams and connections at their limits: slow readers, peers that die, servers that do not speak SSH.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ops::model::Connection;
use ops::shell::{Request, SessionOptions};
use ops::ssh::{KeepAlive, SshSettings};
use ops::transport::{NativeTransport, Transport, TransportErrorKind as Kind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::{ask, command, runtime};
use super::{connection, settings, transport, with};
use crate::fleet::{Fleet, Settings};

const MIB: usize = 1 << 20;

#[test]
fn an_unread_stream_does_not_block_the_other() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = transport(&fleet, host);
        let mut stream = transport.open().await.unwrap();
        let program = b"head -c 1048576 /dev/zero >&2; head -c 20971520 /dev/zero; exit 3\n";
        stream.stdin.write_all(program).await.unwrap();
        let mut read = vec![0; 64 << 10];
        let mut all = 0;
        loop {
            let count = stream.stdout.read(&mut read).await.unwrap();
            if count == 0 {
                break;
            }
            all += count;
        }
        assert_eq!(all, 20 * MIB);
        let mut errors = Vec::new();
        stream.stderr.read_to_end(&mut errors).await.unwrap();
        assert_eq!(errors.len(), MIB);
    });
}

#[test]
fn a_slow_reader_blocks_no_other_session() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = transport(&fleet, host);
        let session = transport.session(SessionOptions::default()).await.unwrap();
        let mut stream = transport.open().await.unwrap();
        let program = b"head -c 33554432 /dev/zero; exec cat\n";
        stream.stdin.write_all(program).await.unwrap();
        // When `cat` runs, all earlier data is on its way to us, ahead of any answer.
        tokio::task::block_in_place(|| host.wait_for_process("cat"));
        let said = tokio::time::timeout(Duration::from_secs(20), command(&session, "echo on"));
        assert_eq!(said.await.unwrap().1, "on\n");
        let mut all = vec![0; 32 * MIB];
        stream.stdout.read_exact(&mut all).await.unwrap();
        assert_eq!(host.log().matches("Accepted publickey").count(), 1);
    });
}

#[test]
fn a_stalled_connection_gets_no_further_stream() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = transport(&fleet, host);
        let mut stream = transport.open().await.unwrap();
        let program = b"head -c 3145728 /dev/zero; exec cat /dev/zero\n";
        stream.stdin.write_all(program).await.unwrap();
        // More data than fits in the buffers is on its way, ahead of any answer.
        tokio::task::block_in_place(|| host.wait_for_process("cat /dev/zero"));
        let session = transport.session(SessionOptions::default()).await.unwrap();
        let said = tokio::time::timeout(Duration::from_secs(20), command(&session, "echo on"));
        assert_eq!(said.await.unwrap().1, "on\n");
        assert_eq!(host.log().matches("Accepted publickey").count(), 2);
        drop(stream);
    });
    host.wait_until_idle();
}

#[test]
fn sent_data_arrives_completely() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = transport(&fleet, host);
        let mut stream = transport.open().await.unwrap();
        let sent: Vec<u8> = (0..=250).cycle().take(8 * MIB).collect();
        stream.stdin.write_all(b"exec cat\n").await.unwrap();
        let (mut stdin, mut stdout) = (stream.stdin, stream.stdout);
        let sending = async {
            stdin.write_all(&sent).await.unwrap();
            stdin.shutdown().await.unwrap();
        };
        let mut back = Vec::new();
        let ((), read) = tokio::join!(sending, stdout.read_to_end(&mut back));
        read.unwrap();
        assert!(back == sent, "{} of {} bytes", back.len(), sent.len());
    });
}

#[test]
fn dropping_a_stream_ends_its_command() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    runtime().block_on(async {
        let transport = transport(&fleet, host);
        let stays = transport.session(SessionOptions::default()).await.unwrap();
        let mut stream = transport.open().await.unwrap();
        stream
            .stdin
            .write_all(b"exec cat; sleep 77\n")
            .await
            .unwrap();
        tokio::task::block_in_place(|| host.wait_for_process("cat"));
        drop(stream);
        tokio::task::block_in_place(|| {
            crate::fleet::process::wait_until(
                || host.processes_like("cat").is_empty(),
                || format!("{:?}", host.processes()),
            );
        });
        assert_eq!(command(&stays, "echo there").await.1, "there\n");
    });
}

#[test]
fn detects_a_silent_peer() {
    let fleet = Fleet::sshd_with(1, &Settings::default().round_trip(Duration::ZERO));
    let host = &fleet.hosts()[0];
    let settings = SshSettings {
        keep_alive: Some(KeepAlive {
            interval: Duration::from_millis(300),
            count: 2,
        }),
        ..settings(&fleet, host)
    };
    runtime().block_on(async {
        let transport = with(host, settings);
        let mut stream = transport.open().await.unwrap();
        stream
            .stdin
            .write_all(b"echo up; exec cat\n")
            .await
            .unwrap();
        let mut up = [0; 3];
        stream.stdout.read_exact(&mut up).await.unwrap();
        host.proxy().unwrap().swallow();
        // A blocked write delays every request to the peer.
        let write = async {
            let chunk = vec![0; MIB];
            while stream.stdin.write_all(&chunk).await.is_ok() {}
        };
        let read = stream.stdout.read(&mut up);
        let (_, read) = tokio::join!(
            tokio::time::timeout(Duration::from_mins(1), write),
            tokio::time::timeout(Duration::from_mins(1), read)
        );
        assert_eq!(read.unwrap().unwrap(), 0);
        let said = stream.guard.epitaph().unwrap();
        assert!(said.contains("not responding"), "{said}");
    });
}

#[test]
fn an_idle_connection_stays_open() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let settings = SshSettings {
        keep_alive: Some(KeepAlive {
            interval: Duration::from_millis(100),
            count: 2,
        }),
        ..settings(&fleet, host)
    };
    runtime().block_on(async {
        let transport = with(host, settings);
        let session = transport.session(SessionOptions::default()).await.unwrap();
        // Well beyond the time after which a silent peer is given up (1.3 s here).
        let reply = ask(&session, Request::probe("sleep 3; echo awake"));
        assert!(reply.await.is_ok());
    });
}

/// A server that says something and closes the connection, or stays silent and keeps it open.
fn server_without_ssh(words: Option<&'static str>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((mut client, _)) = listener.accept() {
            match words {
                Some(words) => drop(client.write_all(words.as_bytes())),
                None => held.push(client),
            }
        }
    });
    port
}

#[test]
fn names_a_server_that_does_not_speak_ssh() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let cases = [
        (
            Some("Exceeded MaxStartups\r\n"),
            Kind::Network,
            "Exceeded MaxStartups",
        ),
        (
            Some("HTTP/1.1 400 Bad Request\r\n\r\n"),
            Kind::Network,
            "HTTP/1.1 400 Bad Request",
        ),
        (Some(""), Kind::Network, "Connection closed"),
        (None, Kind::TimedOut, "timed out during banner exchange"),
    ];
    runtime().block_on(async {
        for (words, kind, said) in cases {
            let settings = SshSettings {
                host: "127.0.0.1".into(),
                port: server_without_ssh(words),
                ..settings(&fleet, host)
            };
            let connection = Connection {
                connect_timeout: Duration::from_secs(1),
                retry_for: Duration::ZERO,
                ..connection(host)
            };
            let transport = NativeTransport::new(connection, settings, Arc::default());
            let error = transport.open().await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(said), "{error}");
        }
    });
}
