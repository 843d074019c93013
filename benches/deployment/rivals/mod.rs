//! The tools that are compared: a script written by hand, `ops` over each of its transports, and the tools
//! that people use today.

mod others;
mod script;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::compare::with_roots;
use crate::fleet::{Endpoint, Fleet, Sshd};
use crate::ops::{Ops, binary};
use crate::work::Work;

pub(crate) use others::{Ansible, Pyinfra};
pub(crate) use script::{at_once, in_parallel};

/// A tool that can do the work on all hosts.
pub(crate) struct Rival {
    pub name: &'static str,
    way: Way,
    /// A tool that takes minutes runs fewer rounds, and none that only warms the caches.
    pub rounds: usize,
    pub warms_up: bool,
    /// Why it no longer takes part.
    pub out: Option<String>,
}

enum Way {
    Script,
    Ops {
        ops: Ops,
        program: PathBuf,
        arguments: Vec<String>,
    },
    Pyinfra(Pyinfra),
    Ansible(Ansible),
    /// It is not available here.
    Missing,
}

/// The name of the script in the tables.
pub(crate) const SCRIPT: &str = "parallel `ssh HOST sh -s`, by hand";
pub(crate) const NATIVE: &str = "ops, native transport";
pub(crate) const BASE: &str = "ops to compare with, native transport";
pub(crate) const OPENSSH: &str = "ops, through OpenSSH";
pub(crate) const PERSISTENT: &str = "ops, through OpenSSH, `--persist`, connections open";

impl Rival {
    fn new(name: &'static str, way: Way) -> Self {
        Self {
            name,
            way,
            rounds: usize::MAX,
            warms_up: true,
            out: None,
        }
    }

    fn missing(name: &'static str, reason: String) -> Self {
        Self {
            out: Some(reason),
            ..Self::new(name, Way::Missing)
        }
    }

    /// `ssh HOST sh -s` for every host at once.
    pub(crate) fn script() -> Self {
        Self::new(SCRIPT, Way::Script)
    }

    pub(crate) fn native(fleet: &Fleet) -> Self {
        Self::ops(NATIVE, fleet, &["--transport", "native"])
    }

    /// The binary that `OPS_BENCH_BASE` names: comparing both shows what a change to ops costs.
    pub(crate) fn base(fleet: &Fleet) -> Option<Self> {
        let arguments = ["--transport", "native"].map(ToOwned::to_owned).to_vec();
        let way = Way::Ops {
            ops: with_roots(fleet),
            program: base()?,
            arguments,
        };
        Some(Self::new(BASE, way))
    }

    pub(crate) fn openssh(fleet: &Fleet) -> Self {
        Self::ops(OPENSSH, fleet, &["--transport", "openssh"])
    }

    /// Uses the connections that the first round leaves open.
    pub(crate) fn persistent(fleet: &Fleet) -> Self {
        Self::ops(
            PERSISTENT,
            fleet,
            &["--transport", "openssh", "--persist", "10m"],
        )
    }

    fn ops(name: &'static str, fleet: &Fleet, arguments: &[&str]) -> Self {
        for option in arguments.iter().filter(|word| word.starts_with("--")) {
            if !options_of_ops().contains(option) {
                return Self::missing(name, format!("this ops has no `{option}`"));
            }
        }
        let way = Way::Ops {
            ops: with_roots(fleet),
            program: binary().to_owned(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
        };
        Self::new(name, way)
    }

    pub(crate) fn pyinfra(fleet: &Fleet, rounds: usize) -> Self {
        let name = "pyinfra";
        match Pyinfra::new(fleet) {
            Ok(pyinfra) => Self {
                rounds: rounds.min(3),
                ..Self::new(name, Way::Pyinfra(pyinfra))
            },
            Err(reason) => Self::missing(name, reason),
        }
    }

    pub(crate) fn ansible(fleet: &Fleet, rounds: usize) -> Self {
        let name = "Ansible";
        match Ansible::new(fleet, false) {
            Ok(ansible) => Self {
                rounds: rounds.min(2),
                warms_up: false,
                ..Self::new(name, Way::Ansible(ansible))
            },
            Err(reason) => Self::missing(name, reason),
        }
    }

    pub(crate) fn mitogen(fleet: &Fleet, rounds: usize) -> Self {
        let name = "Ansible with Mitogen";
        match Ansible::new(fleet, true) {
            Ok(ansible) => Self {
                rounds: rounds.min(2),
                warms_up: false,
                ..Self::new(name, Way::Ansible(ansible))
            },
            Err(reason) => Self::missing(name, reason),
        }
    }

    pub(crate) const fn is_ops(&self) -> bool {
        matches!(self.way, Way::Ops { .. })
    }

    /// `ops` as this rival starts it, to be run with a playbook.
    pub(crate) fn ops_command(&self) -> Option<(&Ops, Command)> {
        let Way::Ops {
            ops,
            program,
            arguments,
        } = &self.way
        else {
            return None;
        };
        let mut command = ops.command_of(program);
        command
            .args(["run", "playbook.rhai", "-i", "hosts.ini"])
            .args(["--output", "plain"])
            .args(arguments);
        Some((ops, command))
    }

    /// Runs a playbook, and returns how long that took.
    pub(crate) fn run_playbook(&self, playbook: &str) -> Result<Duration, String> {
        let (ops, mut command) = self.ops_command().ok_or("it is not ops")?;
        fs::write(ops.path("playbook.rhai"), playbook).map_err(|error| error.to_string())?;
        timed(&mut command)
    }

    /// Closes the connections that it has kept open.
    pub(crate) fn leave(&self) {
        if let Way::Ops { ops, arguments, .. } = &self.way
            && arguments.iter().any(|word| word == "--persist")
        {
            // They also end by themselves, when their hosts do.
            let _ = timed(ops.command().args(["connections", "--end"]));
        }
    }

    /// Does the work on every host, and returns how long that took; `second` if there is nothing left to
    /// change.
    pub(crate) fn run(&self, fleet: &Fleet, work: &Work, second: bool) -> Result<Duration, String> {
        match &self.way {
            Way::Script => script::run(fleet, work),
            Way::Ops { .. } => self.run_playbook(&work.playbook()),
            Way::Pyinfra(pyinfra) => pyinfra.run(work),
            Way::Ansible(ansible) => ansible.run(work, second),
            Way::Missing => Err(self.out.clone().unwrap_or_default()),
        }
    }
}

pub(crate) fn base() -> Option<PathBuf> {
    std::env::var_os("OPS_BENCH_BASE").map(PathBuf::from)
}

/// The options of `ops run`, as its help names them.
fn options_of_ops() -> &'static [&'static str] {
    static OPTIONS: OnceLock<Vec<&'static str>> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let help = Command::new(binary()).args(["run", "--help"]).output();
        let help = help.map_or_else(
            |_| String::new(),
            |output| String::from_utf8_lossy(&output.stdout).into_owned(),
        );
        // Once for the process.
        help.leak()
            .split([' ', ',', '\n', '=', '['])
            .filter(|word| word.starts_with("--"))
            .collect()
    })
}

pub(crate) fn with_root(host: &Sshd) -> Endpoint {
    let mut endpoint = host.endpoint().clone();
    endpoint.var("root", &host.root().display().to_string());
    endpoint
}

/// Runs a command to its end. `Err` is what it printed last. Its output goes into files: with pipes, a
/// process that it leaves behind would be waited for.
pub(crate) fn timed(command: &mut Command) -> Result<Duration, String> {
    let output = tempfile::tempfile().map_err(|error| error.to_string())?;
    let same = |file: &File| file.try_clone().map_err(|error| error.to_string());
    command
        .stdin(Stdio::null())
        .stdout(same(&output)?)
        .stderr(same(&output)?);
    let began = Instant::now();
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let took = began.elapsed();
    if status.success() {
        Ok(took)
    } else {
        Err(format!(
            "{} ended with {status}: {}",
            command.get_program().display(),
            last_lines(output)
        ))
    }
}

fn last_lines(mut output: File) -> String {
    use std::io::{Read as _, Seek as _};
    let mut bytes = Vec::new();
    // If it cannot be read, it is left out.
    let _ = output
        .rewind()
        .and_then(|()| output.read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(6)..].join(" / ")
}
