//! Sessions on real shells: dash, bash and BusyBox ash.

mod around;
mod bodies;
mod elevation;
mod host_keys;
mod hostile;
mod native;
mod records;
mod ssh;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use ops::shell::{End, OnFailure, Reply, Request, Session, SessionError, SessionOptions, Step};
use ops::transport::{ChildTransport, Transport};
use tokio_util::sync::CancellationToken;

use crate::fleet::process;

/// The here-documents of bash 5.0 are files, so commands use the fallback there.
const OLD_BASH: &str = "bash 5.0";

const SHELLS: [&str; 4] = ["dash", "bash", "busybox", OLD_BASH];

/// A shell to test. All processes that are started through it carry a mark, and none of them may outlive the
/// test.
struct Host {
    shell: &'static str,
    mark: String,
}

impl Host {
    fn new(shell: &'static str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            shell,
            mark: process::mark(Path::new(&format!("session-{count}"))),
        }
    }

    fn transport(&self) -> ChildTransport {
        let path = format!(
            "PATH={}:{}",
            bin(self.shell).display(),
            std::env::var("PATH").unwrap()
        );
        let mark = format!("{}={}", process::MARK, self.mark);
        let mut words = vec!["env".into(), path, mark];
        if self.shell == OLD_BASH {
            words.push("BASH_COMPAT=5.0".into());
        }
        ChildTransport::exec(words)
    }

    async fn session(&self) -> Session {
        self.session_with(SessionOptions::default()).await
    }

    async fn session_with(&self, options: SessionOptions) -> Session {
        self.transport().session(options).await.unwrap()
    }

    /// Returns the commands of the processes that still run.
    fn running(&self) -> Vec<String> {
        process::marked(&self.mark)
            .into_iter()
            .map(|process| process.command)
            .collect()
    }

    /// Waits until only the loop runs. (The process that ended a request may still be exiting.)
    #[track_caller]
    fn wait_until_only_the_loop_runs(&self, what: &str) {
        process::wait_until(
            || self.running().len() == 1,
            || format!("{}: {what}: {:?}", self.shell, self.running()),
        );
    }

    #[track_caller]
    fn wait_until_idle(&self) {
        process::wait_until(
            || self.running().is_empty(),
            || format!("{}: still there: {:?}", self.shell, self.running()),
        );
    }
}

/// Returns a directory in which `sh` is the shell of that name; for BusyBox it contains all its applets.
fn bin(shell: &str) -> PathBuf {
    static ROOT: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());
    static LOCK: Mutex<()> = Mutex::new(());
    let _lock = LOCK.lock().unwrap();
    let bin = ROOT.path().join(shell);
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        if shell == "busybox" {
            let installed = Command::new("busybox")
                .args(["--install", "-s"])
                .arg(&bin)
                .status()
                .unwrap();
            assert!(installed.success());
        } else {
            let program = shell.split(' ').next().unwrap_or_default();
            std::os::unix::fs::symlink(format!("/bin/{program}"), bin.join("sh")).unwrap();
        }
    }
    bin
}

async fn ask(session: &Session, request: Request) -> Result<Reply, SessionError> {
    session
        .request(request, &(), &CancellationToken::new())
        .await
}

pub(crate) async fn command(
    session: &Session,
    script: impl Into<Vec<u8>>,
) -> (End, String, String) {
    let reply = ask(session, Request::step(Step::command(script)))
        .await
        .unwrap();
    let step = &reply.steps[0];
    (step.end, step.stdout.text(), step.stderr.text())
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Runs a test on every shell, and asserts that nothing of it is left.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a test is a closure, written where it is given"
)]
fn on_every_shell(test: impl AsyncFn(&Host)) {
    for shell in SHELLS {
        eprintln!("--- {shell}");
        let host = Host::new(shell);
        runtime().block_on(async {
            tokio::time::timeout(Duration::from_mins(5), test(&host))
                .await
                .expect("it exits");
        });
        host.wait_until_idle();
    }
}

#[test]
fn the_hello_contains_the_facts() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let facts = session.facts().await.unwrap();
        assert_eq!(facts.kernel, "Linux");
        assert_eq!(facts.uid, rustix::process::geteuid().as_raw());
        assert!(!facts.hostname.is_empty());
        assert!(facts.memory.unwrap() > 1 << 20);
        assert!(facts.cores.unwrap() > 0);
        assert!(!facts.state_dir.is_empty());
        session.close().await;
    });
}

#[test]
fn output_and_status_are_separate() {
    on_every_shell(async |host| {
        let session = host.session().await;
        for _ in 0..3 {
            let (end, out, err) = command(&session, "echo out; echo err >&2; exit 7").await;
            assert_eq!(
                (end, out.as_str(), err.as_str()),
                (End::Code(7), "out\n", "err\n")
            );
        }
        let (end, out, err) = command(&session, "printf no-newline; printf '\\n\\n' >&2").await;
        assert_eq!(
            (end, out.as_str(), err.as_str()),
            (End::Code(0), "no-newline", "\n\n")
        );
        session.close().await;
    });
}

#[test]
fn steps_then_a_probe() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let mut failing = Step::command("echo b; exit 3");
        failing.on_failure = OnFailure::Continue;
        let mut request = Request {
            steps: vec![
                Step::own("echo a; echo $ops_state"),
                failing,
                Step::command("echo c"),
                Step::own("exit 4"),
                Step::command("echo no"),
            ],
            probe: Some(b"echo probe".to_vec()),
            ..Request::default()
        };
        let reply = ask(&session, request.clone()).await.unwrap();
        let ends: Vec<End> = reply.steps.iter().map(|step| step.end).collect();
        assert_eq!(
            ends,
            [End::Code(0), End::Code(3), End::Code(0), End::Code(4)]
        );
        assert_eq!(
            reply.steps[0].stdout.text(),
            format!("a\n{}\n", session.facts().await.unwrap().state_dir)
        );
        assert_eq!(reply.steps[2].stdout.text(), "c\n");
        assert_eq!(reply.probe.unwrap().stdout.text(), "probe\n");
        request.steps[3].ok = vec![4, 5];
        assert_eq!(ask(&session, request).await.unwrap().steps.len(), 5);
        let probe = ask(&session, Request::probe("echo only"))
            .await
            .unwrap()
            .probe
            .unwrap();
        assert_eq!(probe.stdout.text(), "only\n");
        session.close().await;
    });
}
