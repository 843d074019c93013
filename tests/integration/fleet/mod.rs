//! Hosts to test against: real `sshd` instances on loopback addresses ([`Fleet::sshd`]), and containers with
//! systemd and sudo ([`Container`]), and SSH servers of this process by the hundred ([`Servers`]). A
//! [`Fleet`] has an inventory, an ssh configuration and the keys that reach its hosts, and takes everything
//! away when it is dropped, by a panic too.

mod containers;
mod ignored;
pub(crate) mod process;
mod proxy;
mod served;
mod servers;
mod sshd;
mod tree;
mod usage;
mod wire;

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use containers::{Container, Image, PASSWORD};
pub(crate) use ignored::{ignored, partly_ignored};
pub(crate) use proxy::{Delay, DelayProxy};
pub(crate) use servers::Servers;
pub(crate) use sshd::{Settings, Sshd, current_user};
#[allow(unused_imports, reason = "shared with the benchmarks")]
pub(crate) use usage::{Measured, measure};

use crate::ops::Ops;

/// What is needed to reach a host of a fleet, as an inventory says it.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub name: String,
    pub address: Ipv4Addr,
    pub port: u16,
    pub user: String,
    pub key: PathBuf,
    /// More variables for the inventory: `("ops_state_dir", "/tmp/x/state")`.
    pub vars: Vec<(String, String)>,
}

impl Endpoint {
    /// Sets a variable of the host.
    pub(crate) fn var(&mut self, name: &str, value: &str) -> &mut Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Some hosts, and what reaches them.
#[derive(Debug)]
pub(crate) struct Fleet {
    hosts: Vec<Sshd>,
    /// Dropped after the hosts that live in it.
    dir: Arc<tempfile::TempDir>,
}

impl Fleet {
    /// Starts `n` instances of `sshd`, named `h1`, `h2`, ..., that let in the user who runs the tests.
    pub(crate) fn sshd(n: usize) -> Self {
        Self::sshd_with(n, &Settings::default())
    }

    /// The same, with settings of one's own.
    pub(crate) fn sshd_with(n: usize, settings: &Settings) -> Self {
        process::sweep_the_dead();
        let dir = Arc::new(
            tempfile::Builder::new()
                .prefix("ops-fleet-")
                .tempdir()
                .expect("a temporary directory"),
        );
        sshd::generate_key(&dir.path().join("id"));
        let hosts = std::thread::scope(|scope| {
            let started: Vec<_> = (1..=n)
                .map(|i| {
                    let dir = dir.path();
                    scope.spawn(move || Sshd::start(dir, &format!("h{i}"), settings))
                })
                .collect();
            started
                .into_iter()
                .map(|host| host.join().expect("an sshd"))
                .collect()
        });
        let fleet = Self { hosts, dir };
        fleet.write("known_hosts", &fleet.known_hosts());
        let endpoints = fleet.hosts.iter().map(Sshd::endpoint);
        fleet.write(
            "ssh_config",
            &ssh_config_text(endpoints, &fleet.known_hosts_file()),
        );
        fleet.write("hosts.ini", &fleet.inventory_text());
        fleet
    }

    /// A run of `ops` with this fleet as its inventory.
    pub(crate) fn ops(&self) -> Ops {
        Ops::new().inventory_named("hosts.ini", &self.inventory_text())
    }

    /// The same with every host's entry in the inventory changed.
    pub(crate) fn ops_with(&self, change: impl Fn(&mut Endpoint)) -> Ops {
        let mut endpoints: Vec<_> = self
            .hosts
            .iter()
            .map(|host| host.endpoint().clone())
            .collect();
        endpoints.iter_mut().for_each(change);
        Ops::new().inventory_named("hosts.ini", &inventory_text(&endpoints, &self.ssh_args()))
    }

    pub(crate) fn hosts(&self) -> &[Sshd] {
        &self.hosts
    }

    /// The private key that every host of the fleet lets in.
    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("id")
    }

    /// Holds the host key of every host.
    pub(crate) fn known_hosts_file(&self) -> PathBuf {
        self.dir.path().join("known_hosts")
    }

    /// For `ssh -F`: the hosts under their names.
    pub(crate) fn ssh_config(&self) -> PathBuf {
        self.dir.path().join("ssh_config")
    }

    /// The inventory as a file, for what does not run through [`Fleet::ops`].
    pub(crate) fn inventory_file(&self) -> PathBuf {
        self.dir.path().join("hosts.ini")
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// An Ansible inventory in INI: the hosts, all in the group `fleet`.
    pub(crate) fn inventory_text(&self) -> String {
        inventory_text(self.hosts.iter().map(Sshd::endpoint), &self.ssh_args())
    }

    /// What `ansible_ssh_common_args` says for these hosts.
    pub(crate) fn ssh_args(&self) -> String {
        format!(
            "-o UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null",
            self.known_hosts_file().display()
        )
    }

    fn known_hosts(&self) -> String {
        self.hosts.iter().map(Sshd::known_hosts_line).collect()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).expect("a file in the fleet's directory");
    }
}

/// An ssh configuration with these hosts under their names.
pub(crate) fn ssh_config_text<'a>(
    hosts: impl IntoIterator<Item = &'a Endpoint>,
    known_hosts: &Path,
) -> String {
    let mut text = String::new();
    for Endpoint {
        name,
        address,
        port,
        user,
        key,
        ..
    } in hosts
    {
        let _ = writeln!(
            text,
            "Host {name}\n  HostName {address}\n  Port {port}\n  User {user}\n  IdentityFile {}",
            key.display()
        );
    }
    let _ = writeln!(
        text,
        "Host *\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  IdentitiesOnly yes\n  IdentityAgent none\n  \
         BatchMode yes\n  StrictHostKeyChecking yes",
        known_hosts.display()
    );
    text
}

/// As many open files as the system allows: a thousand hosts take several thousand.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("a soft limit may be as high as the hard one");
}

/// An Ansible inventory in INI with these hosts in the group `fleet`.
pub(crate) fn inventory_text<'a>(
    hosts: impl IntoIterator<Item = &'a Endpoint>,
    ssh_args: &str,
) -> String {
    let mut text = String::from("[fleet]\n");
    for Endpoint {
        name,
        address,
        port,
        user,
        key,
        vars,
    } in hosts
    {
        let _ = write!(
            text,
            "{name} ansible_host={address} ansible_port={port} ansible_user={user} ansible_ssh_private_key_file={}",
            key.display()
        );
        for (name, value) in vars {
            let _ = write!(text, " {name}='{value}'");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "\n[fleet:vars]\nansible_ssh_common_args='{ssh_args}'");
    text
}
