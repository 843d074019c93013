//! What a server of [`super::Servers`] does for a session: it starts a `sh`, and moves bytes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use russh::server::{Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};

/// The `data_type_code` of standard error (RFC 4254, 5.2).
const STDERR: u32 = 1;

/// What a session finds.
#[derive(Debug)]
pub(crate) struct Host {
    pub home: PathBuf,
    /// A variable that marks every process of the host.
    pub mark: (&'static str, String),
}

/// Serves one channel until its end.
pub(crate) async fn serve(channel: Channel<Msg>, session: Handle, host: Arc<Host>) {
    let id = channel.id();
    let (mut from, to) = channel.split();
    let command = loop {
        match from.wait().await {
            Some(ChannelMsg::Exec { command, .. }) => break command,
            Some(_) => {}
            None => return,
        }
    };
    let status = match start(&command, &host) {
        Ok(child) => run(child, from, &to).await,
        Err(error) => {
            let _ = to.extended_data_bytes(STDERR, error.to_string()).await;
            127
        }
    };
    let _ = session.exit_status_request(id, status).await;
    let _ = to.eof().await;
    let _ = to.close().await;
}

fn start(command: &[u8], host: &Host) -> std::io::Result<Child> {
    Command::new("/bin/sh")
        .arg("-c")
        .arg(OsStr::from_bytes(command))
        .env_clear()
        .env("HOME", &host.home)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .env(host.mark.0, &host.mark.1)
        .current_dir(&host.home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Gives the exit status once the command and all that it printed are through.
async fn run(mut child: Child, from: ChannelReadHalf, to: &ChannelWriteHalf<Msg>) -> u32 {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feeding = tokio::spawn(feed(from, stdin));
    tokio::join!(copy(stdout, None, to), copy(stderr, Some(STDERR), to));
    let status = child.wait().await;
    feeding.abort();
    // A shell's word for an end by a signal.
    status
        .ok()
        .and_then(|status| status.code())
        .and_then(|code| u32::try_from(code).ok())
        .unwrap_or(255)
}

/// What the client sends goes to the command. The end of it, or of the connection, is the end of its input.
async fn feed(mut from: ChannelReadHalf, mut stdin: Option<ChildStdin>) {
    while let Some(message) = from.wait().await {
        let open = match (message, &mut stdin) {
            (ChannelMsg::Data { data }, Some(pipe)) => pipe.write_all(&data).await.is_ok(),
            (ChannelMsg::Eof | ChannelMsg::Close, _) => false,
            _ => true,
        };
        if !open {
            stdin = None;
        }
    }
}

/// Sends what comes, as data or as that of another stream. When nobody takes it, the command is to notice.
async fn copy(
    from: Option<impl AsyncRead + Unpin>,
    stream: Option<u32>,
    to: &ChannelWriteHalf<Msg>,
) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; 8 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer[..read].to_vec();
        let sent = match stream {
            None => to.data_bytes(bytes).await,
            Some(stream) => to.extended_data_bytes(stream, bytes).await,
        };
        if sent.is_err() {
            return;
        }
    }
}
