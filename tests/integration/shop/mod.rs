//! The two programs of `examples/shop`, as tests use them: [`Shop`] is the application, [`Load`] the load
//! generator.

mod itself;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Returns the path of an example that cargo built: `shop` or `load`.
pub(crate) fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(build);
    examples().join(name)
}

/// Builds the examples. Cargo builds them before all tests, but not before `--test integration`.
fn build() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--locked", "--examples"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // Set by scripts/test for the harness alone. Cargo would build everything again for it.
        .env_remove("RUSTC_BOOTSTRAP")
        .stdin(Stdio::null());
    if examples()
        .parent()
        .is_some_and(|dir| dir.ends_with("release"))
    {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "the examples cannot be built");
}

/// The directory where cargo puts them.
fn examples() -> PathBuf {
    let ops = Path::new(env!("CARGO_BIN_EXE_ops"));
    ops.parent()
        .expect("a program is in a directory")
        .join("examples")
}

/// Writes a release: `VERSION`, and `shop.toml` if a behaviour is given.
pub(crate) fn release(dir: &Path, version: &str, behaviour: &str) {
    std::fs::create_dir_all(dir).expect("the release's directory");
    std::fs::write(dir.join("VERSION"), format!("{version}\n")).expect("VERSION");
    if !behaviour.is_empty() {
        std::fs::write(dir.join("shop.toml"), behaviour).expect("shop.toml");
    }
}

/// A shop that listens on its own port. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Shop {
    child: Child,
    address: String,
}

impl Shop {
    /// Starts it with a release. Returns when it listens.
    pub(crate) fn start(release: &Path) -> Self {
        let mut child = Command::new(program("shop"))
            .args(["--listen", "127.0.0.1:0", "--release"])
            .arg(release)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the shop starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout is piped"))
            .read_line(&mut line)
            .expect("a line of the shop");
        let address = line
            .trim()
            .rsplit(' ')
            .next()
            .expect("split gives one part")
            .to_owned();
        assert!(line.contains(" listens on "), "the shop printed {line:?}");
        Self { child, address }
    }

    /// `127.0.0.1:41234`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Stops it: sends SIGTERM.
    pub(crate) fn stop(&self) {
        signal(&self.child, Signal::TERM);
    }

    /// Waits until it exits. Returns its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("a child can be waited for").code()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends requests to an address until it is stopped. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Load {
    child: Child,
    stdout: Option<ChildStdout>,
}

impl Load {
    /// `Load::start("http://127.0.0.1:8080/", &["--rate", "200", "--slow-share", "0.05"])`
    pub(crate) fn start(url: &str, args: &[&str]) -> Self {
        let mut child = Command::new(program("load"))
            .arg(url)
            .args(args)
            .arg("--json")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the load starts");
        let stdout = child.stdout.take();
        Self { child, stdout }
    }

    /// Stops sending, waits for the answers to requests in flight, and returns the summary.
    pub(crate) fn finish(self) -> Summary {
        signal(&self.child, Signal::TERM);
        self.wait()
    }

    /// Waits until it exits by itself (`--duration`).
    pub(crate) fn wait(mut self) -> Summary {
        let mut text = String::new();
        let mut stdout = self.stdout.take().expect("it is taken only here");
        stdout.read_to_string(&mut text).expect("the summary");
        let code = self.child.wait().expect("a child can be waited for").code();
        let json = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("load ended with {code:?} and {text:?}: {error}"));
        Summary { code, json }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(child: &Child, signal: Signal) {
    // The child has not been waited for yet, so the id is still its own.
    let _ = kill_process(Pid::from_child(child), signal);
}

/// The result of a load.
#[derive(Debug)]
pub(crate) struct Summary {
    pub code: Option<i32>,
    pub json: Value,
}

impl Summary {
    pub(crate) fn requests(&self) -> u64 {
        self.count(&["requests"])
    }

    pub(crate) fn failed(&self) -> u64 {
        self.count(&["failed"])
    }

    /// Returns how many requests this version answered.
    pub(crate) fn answered_by(&self, version: &str) -> u64 {
        self.count(&["versions", version])
    }

    /// Returns a number in the JSON, or 0 if it does not exist.
    pub(crate) fn count(&self, path: &[&str]) -> u64 {
        path.iter()
            .try_fold(&self.json, |value, key| value.get(key))
            .and_then(Value::as_u64)
            .unwrap_or(0)
    }

    /// Asserts that no request failed, and that there were some.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.requests() > 0 && self.failed() == 0, "{:#}", self.json);
        assert_eq!(self.code, Some(0));
        self
    }
}
