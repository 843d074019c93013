//! The work as a script written by hand, in a file that a shell runs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::timed;
use crate::fleet::{Fleet, Sshd};
use crate::work::Work;

/// The work on every host at once.
pub(crate) fn run(fleet: &Fleet, work: &Work) -> Result<Duration, String> {
    let dir = directory(fleet);
    for host in fleet.hosts() {
        let script = work.script(&work.root(host));
        fs::write(dir.join(host.name()), script).expect("a script");
    }
    in_parallel(fleet, "ssh -F ../ssh_config HOST sh -s <HOST")
}

/// A command for every host at once, in which `HOST` is the host's name. Runs in a directory of the fleet.
pub(crate) fn in_parallel(fleet: &Fleet, command: &str) -> Result<Duration, String> {
    let names = fleet.hosts().iter().map(Sshd::name);
    at_once(&directory(fleet), names, command)
}

/// Runs a command for each of these names at once, in this directory. `HOST` in the command stands for the
/// name.
pub(crate) fn at_once<'a>(
    dir: &Path,
    names: impl Iterator<Item = &'a str>,
    command: &str,
) -> Result<Duration, String> {
    let mut all = format!("cd {}\npids=\n", dir.display());
    for name in names {
        let command = command.replace("HOST", name);
        let _ = writeln!(all, "{command} >{name}.out 2>&1 & pids=\"$pids $!\"");
    }
    // All of them are waited for, and a failed one is reported with its output.
    all.push_str("code=0; for pid in $pids; do wait $pid || code=1; done; [ $code = 0 ] || cat *.out; exit $code\n");
    fs::write(dir.join("all"), all).expect("a script");
    timed(Command::new("sh").arg(dir.join("all")))
}

fn directory(fleet: &Fleet) -> std::path::PathBuf {
    let dir = fleet.dir().join("script");
    fs::create_dir_all(&dir).expect("a directory for the scripts");
    dir
}
