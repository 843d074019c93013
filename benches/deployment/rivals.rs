//! The two that are compared.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::fleet::{Endpoint, Fleet, Sshd, inventory_text};
use crate::ops::Ops;
use crate::work::Work;

#[derive(Debug)]
pub enum Rival {
    /// `ssh HOST sh -s` for every host at once.
    Script,
    Ops(Ops),
}

impl Rival {
    pub const fn script(_: &Fleet) -> Self {
        Self::Script
    }

    pub fn ops(fleet: &Fleet) -> Self {
        let endpoints: Vec<_> = fleet.hosts().iter().map(with_root).collect();
        let inventory = inventory_text(&endpoints, &fleet.ssh_args());
        Self::Ops(Ops::new().file("hosts.ini", inventory))
    }

    pub const fn name(&self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Ops(_) => "ops",
        }
    }

    /// Does the work on every host, and says how long that took.
    pub fn run(&self, fleet: &Fleet, work: &Work) -> Duration {
        match self {
            Self::Script => run_script(fleet, work),
            Self::Ops(ops) => run_ops(ops, work),
        }
    }
}

fn with_root(host: &Sshd) -> Endpoint {
    let mut endpoint = host.endpoint().clone();
    endpoint
        .vars
        .push(("root".into(), host.root().display().to_string()));
    endpoint
}

fn run_ops(ops: &Ops, work: &Work) -> Duration {
    fs::write(ops.path("playbook.rhai"), work.playbook()).expect("the playbook");
    let mut command = ops.command();
    command.args([
        "run",
        "playbook.rhai",
        "-i",
        "hosts.ini",
        "--output",
        "plain",
    ]);
    timed(&mut command)
}

/// All that is done by hand, in a file that a shell runs.
fn run_script(fleet: &Fleet, work: &Work) -> Duration {
    let dir = fleet.dir().join("script");
    fs::create_dir_all(&dir).expect("a directory for the scripts");
    let mut all = format!("cd {}\npids=\n", dir.display());
    for host in fleet.hosts() {
        let name = host.name();
        fs::write(dir.join(name), work.script(host)).expect("a script");
        let _ = writeln!(
            all,
            "ssh -F ../ssh_config {name} sh -s <{name} >{name}.out 2>&1 & pids=\"$pids $!\""
        );
    }
    all.push_str("for pid in $pids; do wait $pid || exit 1; done\n");
    fs::write(dir.join("all"), all).expect("a script");
    timed(Command::new("sh").arg(dir.join("all")))
}

fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the command runs");
    let took = began.elapsed();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    took
}
