//! pyinfra, Ansible and Ansible with Mitogen, as `scripts/bench-rivals` installs them, each with its own
//! modules for the work.

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{timed, with_root};
use crate::figures::target;
use crate::fleet::{Fleet, inventory_text};
use crate::work::Work;

/// Time limit of a run, in seconds.
const LIMIT: &str = "300";

/// A directory with what one of them needs. Its path is short, because it contains sockets.
struct Place {
    dir: tempfile::TempDir,
    hosts: usize,
}

impl Place {
    fn new(fleet: &Fleet) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ob-")
            .tempdir_in("/tmp")
            .expect("a temporary directory");
        Self {
            dir,
            hosts: fleet.hosts().len(),
        }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).expect("a file in it");
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["-k", "5", LIMIT])
            .arg(program)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.dir.path())
            .env("LANG", "C.UTF-8");
        command
    }
}

/// A program of the environment that `scripts/bench-rivals` makes. `Err` says why it is missing.
fn program(name: &str) -> Result<PathBuf, String> {
    let path = target("bench-venv/bin").join(name);
    if path.exists() {
        return Ok(path);
    }
    let reason = fs::read_to_string(target("bench-venv.failed"))
        .unwrap_or_else(|_| "`scripts/bench-rivals` has not been run".to_owned());
    Err(reason.trim().to_owned())
}

pub(crate) struct Pyinfra {
    place: Place,
    program: PathBuf,
}

impl Pyinfra {
    pub(crate) fn new(fleet: &Fleet) -> Result<Self, String> {
        let program = program("pyinfra")?;
        let place = Place::new(fleet);
        let mut inventory = String::from("hosts = [\n");
        for host in fleet.hosts() {
            let end = host.endpoint();
            let _ = writeln!(
                inventory,
                "    ({:?}, {{\"ssh_hostname\": \"{}\", \"ssh_port\": {}, \"ssh_user\": {:?}, \"ssh_key\": {:?}, \
                 \"ssh_known_hosts_file\": {:?}, \"ssh_strict_host_key_checking\": \"yes\", \"root\": {:?}}}),",
                host.name(),
                end.address,
                end.port,
                end.user,
                end.key.display().to_string(),
                fleet.known_hosts_file().display().to_string(),
                host.root().display().to_string(),
            );
        }
        inventory.push_str("]\n");
        place.write("inventory.py", &inventory);
        Ok(Self { place, program })
    }

    pub(crate) fn run(&self, work: &Work) -> Result<Duration, String> {
        self.place.write("deploy.py", &Self::deploy(work));
        let mut command = self.place.command(&self.program);
        command
            .args(["-y", "--parallel", &self.place.hosts.to_string()])
            .args(["inventory.py", "deploy.py"]);
        timed(&mut command)
    }

    fn deploy(work: &Work) -> String {
        let mut text = format!(
            "from io import StringIO\nfrom pyinfra import host\nfrom pyinfra.operations import files, server\n\n\
             root = host.data.root + \"/{}\"\n",
            work.name
        );
        for n in 1..=work.amount.directories {
            let _ = writeln!(
                text,
                "files.directory(path=root + \"/dir{n}\", mode=\"750\")"
            );
        }
        for n in 1..=work.amount.files {
            let _ = writeln!(
                text,
                "files.put(src=StringIO({:?}), dest=root + \"/dir{n}/file\", mode=\"640\")",
                Work::content(n)
            );
        }
        for n in 1..=work.amount.lines {
            let _ = writeln!(
                text,
                "files.line(path=root + \"/lines\", line=\"setting{n} = {n}\")"
            );
        }
        for n in 1..=work.amount.commands {
            let _ = writeln!(
                text,
                "server.shell(commands=[\"echo {n} >>'\" + root + \"/log'\"])"
            );
        }
        text
    }
}

pub(crate) struct Ansible {
    place: Place,
    program: PathBuf,
    /// Each first run gets connections of its own.
    runs: Cell<usize>,
    mitogen: Option<PathBuf>,
}

impl Ansible {
    pub(crate) fn new(fleet: &Fleet, with_mitogen: bool) -> Result<Self, String> {
        let program = program("ansible-playbook")?;
        let mitogen = if with_mitogen { Some(mitogen()?) } else { None };
        let place = Place::new(fleet);
        let endpoints: Vec<_> = fleet
            .hosts()
            .iter()
            .map(|host| {
                let mut endpoint = with_root(host);
                // Otherwise it would search for one on every host.
                endpoint.var("ansible_python_interpreter", "/usr/bin/python3");
                endpoint
            })
            .collect();
        let ssh = format!("{} -o IdentitiesOnly=yes", fleet.ssh_args());
        place.write("hosts.ini", &inventory_text(&endpoints, &ssh));
        Ok(Self {
            place,
            program,
            runs: Cell::new(0),
            mitogen,
        })
    }

    pub(crate) fn run(&self, work: &Work, second: bool) -> Result<Duration, String> {
        if !second {
            self.runs.set(self.runs.get() + 1);
        }
        self.place.write("ansible.cfg", &self.config());
        self.place.write("playbook.yml", &Self::playbook(work));
        let mut command = self.place.command(&self.program);
        command.args(["-i", "hosts.ini", "playbook.yml"]);
        timed(&mut command)
    }

    fn config(&self) -> String {
        let mut text = format!(
            "[defaults]\nforks = {}\ngathering = explicit\nretry_files_enabled = false\nhost_key_checking = true\n\
             interpreter_python = /usr/bin/python3\nlocalhost_warning = false\n",
            self.place.hosts
        );
        if let Some(strategy) = &self.mitogen {
            let _ = writeln!(
                text,
                "strategy_plugins = {}\nstrategy = mitogen_linear",
                strategy.display()
            );
        }
        let _ = writeln!(
            text,
            "[ssh_connection]\npipelining = true\nssh_args = -o ControlMaster=auto -o ControlPersist=60s\n\
             control_path_dir = {}/c{}",
            self.place.dir.path().display(),
            self.runs.get()
        );
        text
    }

    fn playbook(work: &Work) -> String {
        let mut text = String::from("- hosts: all\n  gather_facts: false\n  vars:\n");
        let _ = writeln!(text, "    base: \"{{{{ root }}}}/{}\"\n  tasks:", work.name);
        for n in 1..=work.amount.directories {
            let _ = writeln!(
                text,
                "  - file: {{ path: \"{{{{ base }}}}/dir{n}\", state: directory, mode: \"0750\" }}"
            );
        }
        for n in 1..=work.amount.files {
            let _ = writeln!(
                text,
                "  - copy: {{ dest: \"{{{{ base }}}}/dir{n}/file\", mode: \"0640\", content: {:?} }}",
                Work::content(n)
            );
        }
        for n in 1..=work.amount.lines {
            let _ = writeln!(
                text,
                "  - lineinfile: {{ path: \"{{{{ base }}}}/lines\", line: \"setting{n} = {n}\", create: true }}"
            );
        }
        for n in 1..=work.amount.commands {
            let _ = writeln!(
                text,
                "  - shell: echo {n} >>{{{{ base }}}}/log\n    changed_when: false"
            );
        }
        text
    }
}

/// Where Mitogen's strategies are.
fn mitogen() -> Result<PathBuf, String> {
    let lib = target("bench-venv/lib");
    fs::read_dir(&lib)
        .map_err(|error| format!("{}: {error}", lib.display()))?
        .flatten()
        .map(|python| {
            python
                .path()
                .join("site-packages/ansible_mitogen/plugins/strategy")
        })
        .find(|path| path.exists())
        .ok_or_else(|| "mitogen is not in the environment".to_owned())
}
