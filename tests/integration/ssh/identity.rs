//! Keys to log in with.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::fleet::Fleet;

/// For [`Identity::new`]: the usual kind of key, without a passphrase.
pub const OPEN: &[&str] = &["-t", "ed25519", "-N", ""];

/// A key pair in two files.
#[derive(Debug, Clone)]
pub struct Identity(PathBuf);

impl Identity {
    /// Has `ssh-keygen` make one with these arguments.
    pub fn new(path: &Path, args: &[&str]) -> Self {
        keygen(
            Command::new("ssh-keygen")
                .args(["-q"])
                .args(args)
                .arg("-f")
                .arg(path),
        );
        Self(path.to_owned())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file of the public key.
    pub fn public(&self) -> PathBuf {
        self.with_suffix(".pub")
    }

    fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut path = self.0.clone().into_os_string();
        path.push(suffix);
        path.into()
    }

    /// Lets the key in on every host of the fleet.
    pub fn authorize(&self, fleet: &Fleet) -> &Self {
        let key = fs::read(self.public()).expect("the public key");
        let mut file = fs::File::options()
            .append(true)
            .open(fleet.dir().join("id.pub"))
            .expect("the keys that the fleet lets in");
        file.write_all(&key).expect("one more key");
        self
    }

    pub fn mode(&self, mode: u32) -> &Self {
        fs::set_permissions(&self.0, Permissions::from_mode(mode)).expect("a file of ours");
        self
    }
}

fn keygen(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("ssh-keygen");
    assert!(output.status.success(), "{command:?}: {output:?}");
}
