//! A real HAProxy on a host, and its answers over its socket.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::{Site, daemon, free_address, write};
use crate::fleet::Sshd;
use crate::fleet::process::wait_until;

/// A HAProxy with a backend `shop`. Dropping it stops it.
pub(crate) struct Haproxy {
    child: Child,
    socket: PathBuf,
    address: String,
}

impl Haproxy {
    /// Starts it in front of all shops, with five checks per second of each.
    pub(crate) fn start(site: &Site, at: usize) -> Self {
        Self::start_with(site, at, "", &site.servers())
    }

    /// Starts it with additional lines in the backend, and only some of the shops.
    pub(crate) fn start_with(
        site: &Site,
        at: usize,
        lines: &str,
        servers: &[(String, String)],
    ) -> Self {
        let host = &site.balancers()[at];
        let address = free_address(host.endpoint().address);
        let config = write(
            &host.root(),
            "haproxy.cfg",
            &config(host, &address, lines, servers),
        );
        let child = daemon("haproxy", host)
            .args(["-W", "-db", "-p", "haproxy.pid", "-f"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(host.root().join("haproxy.log")).expect("its log"))
            .spawn()
            .expect("haproxy is installed (`make test` does that)");
        let haproxy = Self {
            child,
            socket: host.root().join("admin.sock"),
            address,
        };
        wait_until(
            || UnixStream::connect(&haproxy.socket).is_ok() && haproxy.up() == servers.len(),
            || std::fs::read_to_string(host.root().join("haproxy.log")).unwrap_or_default(),
        );
        haproxy
    }

    /// The address at which the shop is reached through it.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Removes the socket, as if HAProxy had been reinstalled.
    pub(crate) fn lose_socket(&self) {
        std::fs::remove_file(&self.socket).expect("the socket");
    }

    /// Returns its answer to a command.
    pub(crate) fn ask(&self, command: &str) -> String {
        ask(&self.socket, command).expect("haproxy answers")
    }

    /// Returns the state that it reports for a server: `UP`, `DRAIN`, `MAINT`, `DOWN`, ...
    pub(crate) fn state(&self, server: &str) -> String {
        self.field(server, 17)
    }

    /// Returns the number of requests of a server.
    pub(crate) fn sessions(&self, server: &str) -> usize {
        self.field(server, 4).parse().expect("a number")
    }

    pub(crate) fn weight(&self, server: &str) -> String {
        self.field(server, 18)
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, server: &str, state: &str) {
        wait_until(
            || self.state(server) == state,
            || format!("{server} is {}, not {state}", self.state(server)),
        );
    }

    /// Returns how many servers are UP and get requests.
    pub(crate) fn up(&self) -> usize {
        up(&self.socket)
    }

    /// Returns a closure that does the same in another thread.
    pub(crate) fn counter(&self) -> impl Fn() -> usize + Send + 'static {
        let socket = self.socket.clone();
        move || up(&socket)
    }

    fn field(&self, server: &str, at: usize) -> String {
        let answer = self.ask("show stat -1 4 -1");
        let line = answer
            .lines()
            .find(|line| line.split(',').nth(1) == Some(server))
            .unwrap_or_else(|| panic!("no server {server} in {answer}"));
        line.split(',').nth(at).expect("the field").to_owned()
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        // The workers exit with the socket pair of their master, so nothing is left.
        for id in crate::fleet::process::descendants(self.child.id()) {
            crate::fleet::process::kill([id]);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(socket: &Path, command: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(format!("{command}\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn up(socket: &Path) -> usize {
    let answer = ask(socket, "show stat -1 4 -1").unwrap_or_default();
    answer
        .lines()
        .filter(|line| {
            line.split(',')
                .nth(17)
                .is_some_and(|state| state.starts_with("UP"))
        })
        .count()
}

/// The configuration. A request that fails is not retried, so that nothing hides errors of a rollout. A check
/// that is answered late, because the machine is busy, does not count as a server that is down.
pub(crate) fn config(
    host: &Sshd,
    address: &str,
    lines: &str,
    servers: &[(String, String)],
) -> String {
    let mut text = format!(
        "global\n  stats socket {root}/admin.sock mode 600 level admin\n  stats socket {root}/user.sock mode 600 level user\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  timeout check 5s\n  retries 0\n\
         frontend shop\n  bind {address}\n  default_backend shop\n\
         backend shop\n  balance roundrobin\n  option httpchk GET /healthz\n  default-server check inter 200ms rise 2 fall 2\n",
        root = host.root().display()
    );
    for line in lines.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    for (name, address) in servers {
        text.push_str(&format!("  server {name} {address}\n"));
    }
    text
}
