//! The modules for balancers, with a real HAProxy and a real nginx in front of shops that run on hosts of the
//! fleet: what each closure does (`haproxy`, `nginx`), and whole rollouts under load (`rolls`).
//!
//! The first hosts of a [`Site`] are balancers, in the group `lb`; the others run the shop, in the group
//! `web`.

mod haproxy;
mod haproxy_process;
mod killed;
mod nginx;
mod nginx_process;
mod rolls;
mod sampler;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;

use crate::fleet::process::{self, DAEMON_MARK};
use crate::fleet::{Fleet, Settings, Sshd};
use crate::ops::Ops;
use crate::shop::{program, release};

pub(crate) use haproxy_process::Haproxy;
pub(crate) use killed::Dice;
pub(crate) use nginx::UPSTREAM;
pub(crate) use nginx_process::Nginx;
pub(crate) use sampler::{Sampler, Samples};

/// Hosts for balancers, and hosts that run the shop.
pub(crate) struct Site {
    fleet: Fleet,
    balancers: usize,
    addresses: Vec<String>,
}

impl Site {
    /// Starts all shops with 1.0.0. The hosts for balancers are empty.
    pub(crate) fn new(balancers: usize, shops: usize) -> Self {
        Self::with(balancers, shops, &Settings::default())
    }

    pub(crate) fn with(balancers: usize, shops: usize, settings: &Settings) -> Self {
        let fleet = Fleet::sshd_with(balancers + shops, settings);
        let mut addresses = Vec::new();
        for host in &fleet.hosts()[balancers..] {
            let address = free_address(host.endpoint().address);
            release(&host.root().join("release"), "1.0.0", "");
            std::fs::write(host.root().join("restart"), restart(host, &address))
                .expect("the script");
            addresses.push(address);
        }
        let site = Self {
            fleet,
            balancers,
            addresses,
        };
        std::thread::scope(|scope| {
            for shop in site.shops() {
                scope.spawn(|| start_shop(shop));
            }
        });
        site
    }

    pub(crate) fn balancers(&self) -> &[Sshd] {
        &self.fleet.hosts()[..self.balancers]
    }

    pub(crate) fn shops(&self) -> &[Sshd] {
        &self.fleet.hosts()[self.balancers..]
    }

    /// Returns the name and address of every shop.
    pub(crate) fn servers(&self) -> Vec<(String, String)> {
        let names = self.shops().iter().map(|host| host.name().to_owned());
        names.zip(self.addresses.iter().cloned()).collect()
    }

    /// Returns the version that each shop itself reports.
    pub(crate) fn versions(&self) -> Vec<String> {
        let healthz = |address: &String| get(address, "/healthz").trim().to_owned();
        self.addresses.iter().map(healthz).collect()
    }

    /// The same if a shop may be restarting: it then has no answer.
    pub(crate) fn versions_now(&self) -> Vec<String> {
        let healthz = |address: &String| {
            let answer = TcpStream::connect(address).map(|_| get(address, "/healthz"));
            answer.unwrap_or_default().trim().to_owned()
        };
        self.addresses.iter().map(healthz).collect()
    }

    /// Returns a run with these hosts: `h.vars.root`, and on shops `h.vars.shop`, its address.
    pub(crate) fn ops(&self) -> Ops {
        Ops::new().inventory_named("hosts.ini", &self.inventory())
    }

    fn inventory(&self) -> String {
        let mut endpoints: Vec<_> = self
            .fleet
            .hosts()
            .iter()
            .map(|host| {
                let mut endpoint = host.endpoint().clone();
                endpoint.var("root", &host.root().display().to_string());
                endpoint
            })
            .collect();
        for (endpoint, address) in endpoints[self.balancers..].iter_mut().zip(&self.addresses) {
            endpoint.var("shop", address);
        }
        let mut text = crate::fleet::inventory_text(&endpoints, &self.fleet.ssh_args());
        for (group, hosts) in [("lb", self.balancers()), ("web", self.shops())] {
            text.push_str(&format!("\n[{group}]\n"));
            for host in hosts {
                text.push_str(&format!("{}\n", host.name()));
            }
        }
        text
    }
}

/// Returns a script that stops and starts the shop of a host. Like a real service, it has a gap between the
/// two, and it is no child of what starts it: such a child may be ended with a request that is cut short.
fn restart(host: &Sshd, address: &str) -> String {
    format!(
        "#!/bin/sh\ncd {root} || exit\n\
         if [ -e pid ]; then kill \"$(cat pid)\"; while [ -e pid ]; do sleep 0.02; done; sleep 0.3; fi\n\
         (setsid {shop} --listen {address} --release {root}/release --name {name} --pidfile {root}/pid >>log 2>&1 </dev/null &)\n\
         n=0; until [ -s pid ]; do n=$((n + 1)); [ $n -lt 1000 ] || exit 1; sleep 0.02; done\n\
         cp release/VERSION started\n",
        root = host.root().display(),
        shop = program("shop").display(),
        name = host.name(),
    )
}

fn start_shop(host: &Sshd) {
    let script = host.root().join("restart");
    let ran = host.ssh(&format!("sh {}", script.display()));
    assert!(ran.status.success(), "{ran:?}");
}

/// Kills the shop of a host, which loses its requests.
pub(crate) fn kill_shop(host: &Sshd) {
    let shops = host.processes_like("--release");
    assert!(!shops.is_empty(), "no shop runs on {}", host.name());
    process::kill(shops.into_iter().map(|shop| shop.id));
    // A killed shop leaves its file.
    let _ = std::fs::remove_file(host.root().join("pid"));
}

pub(crate) fn revive_shop(host: &Sshd) {
    start_shop(host);
}

/// Returns an address at which nothing listens.
pub(crate) fn free_address(on: Ipv4Addr) -> String {
    let listener = TcpListener::bind((on, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound socket has one");
    address.to_string()
}

/// Returns the body of an answer.
#[track_caller]
pub(crate) fn get(address: &str, path: &str) -> String {
    let answer = ask(address, path, "");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

/// Returns the whole answer to a request with additional headers.
pub(crate) fn answer(address: &str, headers: &str) -> String {
    ask(address, "/", headers)
}

fn ask(address: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("something listens");
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: shop\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// A slow request in flight.
pub(crate) fn slow_request(address: &str, ms: u32) -> JoinHandle<String> {
    let address = address.to_owned();
    std::thread::spawn(move || get(&address, &format!("/slow?ms={ms}")))
}

/// A daemon of a balancer: it dies with its host, and with a killed test run.
fn daemon(program: &str, host: &Sshd) -> Command {
    let mut command = Command::new(program);
    let dir = host.root();
    command
        .current_dir(&dir)
        .env(DAEMON_MARK, process::mark(&dir))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("a file in the host's directory");
    path
}
