//! What a connection can carry: large amounts, both ways at once, during rekeying, beside other streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ops::model::{OutputStream, SshClient};
use ops::shell::{Body, End, Listener, Request, SessionOptions, Step, Stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fleet, Settings, Sshd};
use crate::over::{self, over_both, transport};

over_both!(
    large_data_goes_both_ways,
    rekeys_during_a_transfer,
    a_sleeping_reader_does_not_block_others,
    a_banner_is_not_part_of_a_session,
    compressed_data_arrives_completely,
    dropping_a_stream_ends_its_command,
);

const MEGABYTE: usize = 1 << 20;

async fn session(client: SshClient, fleet: &Fleet, args: &str) -> ops::shell::Session {
    let args = format!("{args} {}", fleet.ssh_args());
    let connection = over::connection(fleet.hosts()[0].endpoint(), &args);
    let transport = transport(client, connection);
    transport.session(SessionOptions::default()).await.unwrap()
}

/// Incompressible bytes in which any corruption shows.
fn noise(length: usize) -> Arc<[u8]> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// Counts the bytes of each stream.
#[derive(Default)]
struct Counted([AtomicU64; 2]);

impl Listener for Counted {
    fn chunk(&self, _: usize, stream: OutputStream, bytes: &[u8]) {
        let which = usize::from(stream == OutputStream::Stderr);
        self.0[which].fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
}

/// Puts a file on the host, and has both output streams full at once.
async fn up_and_back(session: &ops::shell::Session, host: &Sshd, megabytes: usize) {
    let content = noise(megabytes * MEGABYTE);
    let path = host.root().join("body");
    let mut step = Step::command(format!(
        "cat '{0}' >&2 & cat '{0}'; wait; cp '{0}' '{0}.kept'",
        path.display()
    ));
    step.body = Some(Body {
        path: path.display().to_string().into_bytes(),
        content: Arc::clone(&content).into(),
    });
    let counted = Counted::default();
    let reply = session
        .request(Request::step(step), &counted, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(reply.steps[0].end, End::Code(0), "{:?}", reply.steps[0]);
    for stream in &counted.0 {
        assert_eq!(stream.load(Ordering::Relaxed), content.len() as u64);
    }
    let kept = std::fs::read(path.with_extension("kept")).expect("what arrived");
    assert!(kept == *content, "the file has other content");
}

fn large_data_goes_both_ways(client: SshClient) {
    let fleet = Fleet::sshd(1);
    over::run(async {
        let session = session(client, &fleet, "").await;
        up_and_back(&session, &fleet.hosts()[0], 32).await;
        session.close().await;
    });
}

fn rekeys_during_a_transfer(client: SshClient) {
    let settings = Settings::default().config("RekeyLimit 1M\nLogLevel DEBUG1");
    let fleet = Fleet::sshd_with(1, &settings);
    let host = &fleet.hosts()[0];
    over::run(async {
        let session = session(client, &fleet, "-o KexAlgorithms=curve25519-sha256").await;
        up_and_back(&session, host, 8).await;
        session.close().await;
    });
    let exchanges = host.log().matches("SSH2_MSG_KEXINIT received").count();
    assert!(exchanges > 8, "{exchanges} key exchanges");
}

fn compressed_data_arrives_completely(client: SshClient) {
    let settings = Settings::default().config("LogLevel DEBUG1");
    let fleet = Fleet::sshd_with(1, &settings);
    over::run(async {
        let session = session(client, &fleet, "-o Compression=yes").await;
        up_and_back(&session, &fleet.hosts()[0], 2).await;
        session.close().await;
    });
    let log = fleet.hosts()[0].log();
    assert!(log.contains("compression: zlib@openssh.com"), "{log}");
}

async fn shell(stream: &mut Stream, program: &str) {
    stream
        .stdin
        .write_all(format!("{program}\n").as_bytes())
        .await
        .expect("a shell reads");
    stream.stdin.flush().await.expect("a shell reads");
}

/// The output of one command is not read, beyond what fits into the buffers: the other sessions on the
/// connection continue, and the output is not lost.
fn a_sleeping_reader_does_not_block_others(client: SshClient) {
    let fleet = Fleet::sshd(1);
    let connection = over::connection(fleet.hosts()[0].endpoint(), &fleet.ssh_args());
    over::run(async {
        let transport = transport(client, connection);
        let mut full = transport.open().await.unwrap();
        shell(&mut full, "head -c 1048576 /dev/zero; exec cat").await;
        for number in 0..20 {
            let mut other = transport.open().await.unwrap();
            shell(&mut other, &format!("echo {number}; exit")).await;
            let mut said = String::new();
            other.stdout.read_to_string(&mut said).await.unwrap();
            assert_eq!(said, format!("{number}\n"));
        }
        let mut zeros = vec![1; MEGABYTE];
        full.stdout.read_exact(&mut zeros).await.unwrap();
        assert!(zeros.iter().all(|byte| *byte == 0));
        transport.close().await;
    });
}

fn a_banner_is_not_part_of_a_session(client: SshClient) {
    let dir = tempfile::tempdir().expect("a directory");
    let banner = dir.path().join("banner");
    std::fs::write(&banner, "Authorised use only.\n\nIt is {{ noted }}.\n").expect("a banner");
    let lines = format!(
        "Banner {}\nPrintMotd yes\nPrintLastLog yes",
        banner.display()
    );
    let fleet = Fleet::sshd_with(1, &Settings::default().config(&lines));
    over::run(async {
        let session = session(client, &fleet, "").await;
        let reply = crate::session::command(&session, "echo out; echo err >&2").await;
        assert_eq!(reply, (End::Code(0), "out\n".into(), "err\n".into()));
        session.close().await;
    });
}

/// Dropping a stream ends its command, although the connection stays open.
fn dropping_a_stream_ends_its_command(client: SshClient) {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let connection = over::connection(host.endpoint(), &fleet.ssh_args());
    over::run(async {
        let transport = transport(client, connection);
        let kept = transport.session(SessionOptions::default()).await.unwrap();
        let stays = crate::session::command(&kept, "echo here").await;
        assert_eq!(stays.1, "here\n");
        let dropped = transport.session(SessionOptions::default()).await.unwrap();
        dropped.facts().await.unwrap();
        let request = Request::step(Step::command("sleep 4711"));
        let cancel = CancellationToken::new();
        tokio::select! {
            // A request is sent before anything waits for it.
            biased;
            _ = dropped.request(request, &(), &cancel) => panic!("the request ended"),
            () = async { tokio::task::block_in_place(|| host.wait_for_process("sleep 4711")) } => {}
        }
        drop(dropped);
        tokio::task::block_in_place(|| {
            crate::fleet::process::wait_until(
                || host.processes_like("sleep 4711").is_empty(),
                || "it still runs".to_owned(),
            );
        });
        assert_eq!(
            crate::session::command(&kept, "echo here").await.1,
            "here\n"
        );
        kept.close().await;
        transport.close().await;
    });
    host.wait_until_idle();
}
