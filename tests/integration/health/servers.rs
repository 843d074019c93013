//! Throw-away servers on this machine: they are not services of it, and each stops with its test.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::fleet::process::wait_until;

/// A server. It stops when it is dropped and when the tests end.
pub(crate) struct Server {
    child: Child,
    pub port: u16,
    dir: tempfile::TempDir,
}

impl Server {
    /// Starts a program in its own directory, and waits until it listens on the port.
    pub(crate) fn start(port: u16, arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self::start_in(dir, port, arguments)
    }

    pub(crate) fn start_in(dir: tempfile::TempDir, port: u16, arguments: &[&str]) -> Self {
        let log = std::fs::File::create(dir.path().join("log")).expect("its log");
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .args(arguments)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("its log"))
            .stderr(log)
            .spawn()
            .expect("setpriv is installed");
        let server = Self { child, port, dir };
        wait_until(
            || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(),
            || std::fs::read_to_string(server.path().join("log")).unwrap_or_default(),
        );
        server
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Returns `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program until it exits.
#[track_caller]
pub(crate) fn done(arguments: &[&str], dir: &Path) {
    let output = Command::new(arguments[0])
        .args(&arguments[1..])
        .current_dir(dir)
        .env("PGPASSWORD", super::data::PASSWORD)
        .output()
        .expect("it is installed (`make test` does that)");
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
