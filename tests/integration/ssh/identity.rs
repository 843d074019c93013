//! Keys and agents to log in with.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::fleet::Fleet;
use crate::fleet::process::wait_until;

/// For [`Identity::new`]: the usual kind of key, without a passphrase.
pub(crate) const OPEN: &[&str] = &["-t", "ed25519", "-N", ""];

/// A key pair in two files.
#[derive(Debug, Clone)]
pub(crate) struct Identity(PathBuf);

impl Identity {
    /// Creates one by `ssh-keygen` with these arguments.
    pub(crate) fn new(path: &Path, args: &[&str]) -> Self {
        keygen(
            Command::new("ssh-keygen")
                .args(["-q"])
                .args(args)
                .arg("-f")
                .arg(path),
        );
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the file of the public key.
    pub(crate) fn public(&self) -> PathBuf {
        self.with_suffix(".pub")
    }

    /// The path where `ssh-keygen -s` puts the certificate of the key.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.with_suffix("-cert.pub")
    }

    fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut path = self.0.clone().into_os_string();
        path.push(suffix);
        path.into()
    }

    /// Authorizes the key on every host of the fleet.
    pub(crate) fn authorize(&self, fleet: &Fleet) -> &Self {
        let key = fs::read(self.public()).expect("the public key");
        let mut file = fs::File::options()
            .append(true)
            .open(fleet.dir().join("id.pub"))
            .expect("the keys that the fleet accepts");
        file.write_all(&key).expect("another key");
        self
    }

    pub(crate) fn mode(&self, mode: u32) -> &Self {
        fs::set_permissions(&self.0, Permissions::from_mode(mode)).expect("a file of ours");
        self
    }

    /// Signs the public key with this one: `args` are those of `ssh-keygen -s` (`-n`, `-V`, `-I`).
    pub(crate) fn certify(&self, key: &Self, args: &[&str]) -> &Self {
        let mut command = Command::new("ssh-keygen");
        command
            .arg("-q")
            .arg("-s")
            .arg(&self.0)
            .args(["-I", "test"]);
        keygen(command.args(args).arg(key.public()));
        self
    }
}

fn keygen(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("ssh-keygen");
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// An agent. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    /// Starts one that has the keys, in this order.
    pub(crate) fn start<'a>(socket: &Path, keys: impl IntoIterator<Item = &'a Path>) -> Self {
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("ssh-agent is installed");
        let agent = Self {
            child,
            socket: socket.to_owned(),
        };
        // The socket file exists a moment before the agent listens.
        let listens = || UnixStream::connect(socket).is_ok();
        wait_until(listens, || "the agent does not listen".to_owned());
        for key in keys {
            agent.add(key, None);
        }
        agent
    }

    /// Adds another key, which may need its passphrase for that.
    pub(crate) fn add(&self, key: &Path, passphrase: Option<&str>) -> &Self {
        let mut command = Command::new("ssh-add");
        command
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", &self.socket)
            .stdin(Stdio::null());
        if let Some(passphrase) = passphrase {
            // Without a terminal, ssh-add runs a program to ask.
            let asked = self.socket.with_extension("askpass");
            fs::write(&asked, format!("#!/bin/sh\necho '{passphrase}'\n")).expect("a script");
            fs::set_permissions(&asked, Permissions::from_mode(0o700)).expect("a file of ours");
            command
                .env("SSH_ASKPASS", asked)
                .env("SSH_ASKPASS_REQUIRE", "force");
        }
        let output = command.output().expect("ssh-add is installed");
        assert!(
            output.status.success(),
            "the agent did not accept the key: {output:?}"
        );
        self
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
