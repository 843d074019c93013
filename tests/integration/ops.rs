//! Runs the built `ops` as a user does: [`Ops`] says what to run, [`Ran`] what came of it.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ops::model::SshClient;
use rustix::process::{Pid, Signal, kill_process};

pub(crate) use crate::ran::Ran;

/// In the environment of a run, and so of every process that it starts on this machine: its directory.
pub(crate) const RUN_MARK: &str = "OPS_TEST_RUN";

/// A run that takes longer hangs: it is killed, and fails its test.
const LIMIT: Duration = Duration::from_mins(3);

/// A run of `ops` in a directory of its own, with a home and a state directory of its own, and none of the
/// caller's environment.
///
/// ```ignore
/// Fleet::sshd(3)
///     .ops()
///     .playbook(r#"each(hosts("all"), |h| h.apply(files::directory("/tmp/x")));"#)
///     .run()
///     .ok();
/// ```
#[derive(Debug, Clone)]
pub(crate) struct Ops {
    dir: Arc<tempfile::TempDir>,
    args: Vec<OsString>,
    inventories: Vec<String>,
    env: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
    limit: Duration,
}

impl Ops {
    /// Without an inventory: [`crate::fleet::Fleet::ops`] brings one.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ops-test-")
            .tempdir()
            .expect("a temporary directory");
        for part in ["home", "state", "run", "work"] {
            std::fs::create_dir(dir.path().join(part)).expect("a directory in it");
        }
        Self {
            dir: Arc::new(dir),
            args: Vec::new(),
            inventories: Vec::new(),
            env: Vec::new(),
            stdin: Vec::new(),
            limit: LIMIT,
        }
    }

    /// Writes the text to `playbook.rhai`, and makes the run `ops run playbook.rhai`. Arguments that are
    /// given later follow. A second playbook takes the place of the first.
    pub(crate) fn playbook(self, text: &str) -> Self {
        let there = self.args.iter().any(|arg| arg == "playbook.rhai");
        let ops = self.file("playbook.rhai", text);
        if there {
            ops
        } else {
            ops.args(["run", "playbook.rhai"])
        }
    }

    /// Writes a file into the working directory of the run.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a file has a parent"))
            .expect("its directory");
        std::fs::write(path, content).expect("the file");
        self
    }

    /// Writes an inventory in ops's own format, and gives it to the run with `-i`.
    pub(crate) fn inventory(self, toml: &str) -> Self {
        self.inventory_named("inventory.toml", toml)
    }

    /// The same in the format that the name stands for: `hosts.ini`, `hosts.yml`.
    pub(crate) fn inventory_named(mut self, name: &str, text: &str) -> Self {
        self.inventories.push(name.to_owned());
        self.file(name, text)
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// The subcommand comes first: `.args(["exec", "all", "--", "uptime"])`.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Another run in the same directory, with the same inventories and state.
    pub(crate) fn again<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Self {
        let mut other = self.clone();
        other.args.clear();
        other.args(args)
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// What the run reads on its standard input; nothing otherwise.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Allows the run longer (or less) than three minutes.
    pub(crate) const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// A file in the working directory of the run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("work").join(name)
    }

    /// `XDG_STATE_HOME` of the run.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Where control sockets and other files of the run's time would be (`XDG_RUNTIME_DIR`, `TMPDIR`).
    pub(crate) fn runtime(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// Runs it to its end. Can be called again: the state is kept.
    pub(crate) fn run(&self) -> Ran {
        self.start().wait()
    }

    /// Starts it and goes on.
    pub(crate) fn start(&self) -> Running {
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the built ops");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let input = self.stdin.clone();
        // A run that ends without reading its input closes the pipe: no matter.
        std::thread::spawn(move || stdin.write_all(&input));
        let (news, lines) = channel();
        let stdout = Stream::collect(child.stdout.take().expect("stdout is piped"), news.clone());
        let stderr = Stream::collect(child.stderr.take().expect("stderr is piped"), news);
        Running {
            child,
            stdout,
            stderr,
            lines,
            until: Instant::now() + self.limit,
            shown: self.shown(),
            dir: Arc::clone(&self.dir),
        }
    }

    /// The command as it would be run, for what needs another way to start it.
    pub(crate) fn command(&self) -> Command {
        self.command_of(binary())
    }

    /// The same with another `ops`.
    pub(crate) fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let dir = self.dir.path();
        command
            .args(self.all_args())
            .current_dir(dir.join("work"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", dir.join("home"))
            .env("XDG_STATE_HOME", dir.join("state"))
            .env("XDG_RUNTIME_DIR", dir.join("run"))
            .env("TMPDIR", dir.join("run"))
            .env(RUN_MARK, dir)
            .env("LANG", "C.UTF-8")
            .env("USER", crate::fleet::current_user())
            .envs(transport().map(|client| ("OPS_TRANSPORT", client.name())))
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `-i` goes behind the subcommand, unless that is about a kept run: what follows may be an argument list that ends the options.
    fn all_args(&self) -> Vec<OsString> {
        let nested = |arg: &OsString| arg == "inventory" || arg == "lock";
        let words = if self.args.first().is_some_and(nested) {
            2
        } else {
            1
        };
        let (subcommand, rest) = self.args.split_at(words.min(self.args.len()));
        let mut args = subcommand.to_vec();
        let kept = |arg: &OsString| arg == "history" || arg == "show" || arg == "resume";
        let needed = !self.args.first().is_some_and(kept);
        for inventory in self.inventories.iter().filter(|_| needed) {
            args.extend([OsString::from("-i"), inventory.into()]);
        }
        args.extend_from_slice(rest);
        args
    }

    fn shown(&self) -> String {
        let args: Vec<_> = self
            .all_args()
            .iter()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        format!("ops {}", args.join(" "))
    }
}

/// What is to carry SSH in this pass of the tests, if `OPS_TEST_TRANSPORT` says it: a name, or `other` for
/// what ops does not take by itself. A test that sets `OPS_TRANSPORT` for a run has its own way.
pub(crate) fn transport() -> Option<SshClient> {
    let name = std::env::var("OPS_TEST_TRANSPORT").ok()?;
    if name == "other" {
        return Some(match SshClient::default() {
            SshClient::Openssh => SshClient::Native,
            SshClient::Native | SshClient::Auto => SshClient::Openssh,
        });
    }
    let client = SshClient::from_name(&name);
    Some(client.unwrap_or_else(|| panic!("OPS_TEST_TRANSPORT={name} is no transport")))
}

/// The `ops` that was built for these tests.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ops"))
}

/// A run that goes on. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
    /// Tells of every line on either stream.
    lines: Receiver<()>,
    until: Instant,
    shown: String,
    dir: Arc<tempfile::TempDir>,
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the run has printed `text`, on either stream. Fails the test if it ends, or its time is
    /// up, before.
    pub(crate) fn wait_for(&mut self, text: &str) -> &mut Self {
        while !self.stdout.text().contains(text) && !self.stderr.text().contains(text) {
            match self
                .lines
                .recv_timeout(self.until.saturating_duration_since(Instant::now()))
            {
                Ok(()) => {}
                // Both streams have ended: what they hold is all there will be.
                Err(RecvTimeoutError::Disconnected)
                    if self.stdout.text().contains(text) || self.stderr.text().contains(text) => {}
                Err(why) => panic!("never printed {text:?} ({why})\n{}", self.so_far()),
            }
        }
        self
    }

    /// Sends a signal to the process of `ops` itself.
    pub(crate) fn signal(&mut self, signal: Signal) -> &mut Self {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(id, signal).expect("the run is still there");
        self
    }

    /// The events that it has printed so far, with `-o json`.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        let text = self.stdout.text();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().filter(|line| line.starts_with('{'));
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The same for a run that may have ended.
    pub(crate) fn signal_if_there(&mut self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if matches!(self.child.try_wait(), Ok(None))
            && let Some(id) = id
        {
            let _ = kill_process(id, signal);
        }
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> Ran {
        // The streams end when nobody holds them any more: a child of ops that outlives it would be seen here
        // as a run that never ends.
        loop {
            match self
                .lines
                .recv_timeout(self.until.saturating_duration_since(Instant::now()))
            {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("took too long\n{}", self.so_far());
                }
            }
        }
        let status: ExitStatus = self.child.wait().expect("the run can be waited for");
        Ran::new(
            self.shown.clone(),
            status,
            self.stdout.text(),
            self.stderr.text(),
            Arc::clone(&self.dir),
        )
    }

    fn so_far(&self) -> String {
        format!(
            "{}\nstdout:\n{}\nstderr:\n{}",
            self.shown,
            self.stdout.text(),
            self.stderr.text()
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came on one stream so far.
#[derive(Debug)]
struct Stream(Arc<Mutex<Vec<u8>>>);

impl Stream {
    fn collect(from: impl Read + Send + 'static, news: std::sync::mpsc::Sender<()>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let stream = Self(Arc::clone(&bytes));
        std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                bytes
                    .lock()
                    .expect("no thread panics with the bytes in hand")
                    .append(&mut line);
                let _ = news.send(());
            }
        });
        stream
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(
            &self
                .0
                .lock()
                .expect("no thread panics with the bytes in hand"),
        )
        .into_owned()
    }
}
