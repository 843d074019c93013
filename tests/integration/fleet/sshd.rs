//! One real `sshd` with a directory, a host key and a loopback address of its own. Runs as whoever runs the
//! tests, and lets in that user alone.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::process::{self, MARK, Process};
use super::{Delay, DelayProxy, Endpoint};

const SSHD: &str = "/usr/sbin/sshd";

/// How the hosts of a fleet differ from the usual.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    config: String,
    sh: Option<&'static str>,
    round_trip: Option<Duration>,
    bare: bool,
    host_keys: Vec<PathBuf>,
}

impl Settings {
    /// Adds lines to `sshd_config`.
    pub(crate) fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self.config.push('\n');
        self
    }

    /// Gives the hosts these keys, the first in place of the one that is made for each.
    pub(crate) fn host_keys(mut self, keys: impl IntoIterator<Item = PathBuf>) -> Self {
        self.host_keys.extend(keys);
        self
    }

    /// Puts the hosts behind proxies that make a round trip take this long.
    pub(crate) const fn round_trip(mut self, time: Duration) -> Self {
        self.round_trip = Some(time);
        self
    }

    /// With BusyBox as `sh`: nothing but its applets is there.
    pub(crate) const fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// What `sh` is on the hosts: `dash`, `bash`, or `busybox`, whose applets then stand in for every other
    /// command too.
    pub(crate) const fn sh(mut self, sh: &'static str) -> Self {
        self.sh = Some(sh);
        self
    }
}

/// A running `sshd`. Dropping it ends it, and everything that was started through it.
#[derive(Debug)]
pub(crate) struct Sshd {
    endpoint: Endpoint,
    dir: PathBuf,
    daemon: Mutex<Child>,
    log: Arc<Mutex<String>>,
    proxy: Option<DelayProxy>,
}

impl Sshd {
    /// Starts one in `dir/name`; `dir/id.pub` is the key that it lets in. Returns when it listens.
    pub(crate) fn start(fleet: &Path, name: &str, settings: &Settings) -> Self {
        let dir = fleet.join(name);
        for part in ["", "home", "root", "state", "bin"] {
            std::fs::create_dir_all(dir.join(part)).expect("the host's directory");
        }
        host_keys(&dir.join("host_key"), settings);
        let (address, port) = free_endpoint();
        let path = host_path(&dir.join("bin"), settings);
        let mut config = format!(
            "ListenAddress {address}\nPort {port}\nHostKey {dir}/host_key\nAuthorizedKeysFile {fleet}/id.pub\nPidFile none\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
             PrintMotd no\nUseDNS no\nMaxStartups 1000\nSubsystem sftp internal-sftp\n\
             SetEnv HOME={dir}/home PATH={path} {MARK}={mark}\n",
            dir = dir.display(),
            fleet = fleet.display(),
            mark = process::mark(&dir),
        );
        for key in settings.host_keys.iter().skip(1) {
            let _ = writeln!(config, "HostKey {}", key.display());
        }
        config.push_str(&settings.config);
        std::fs::write(dir.join("sshd_config"), config).expect("sshd_config");

        let log = Arc::new(Mutex::new(String::new()));
        let daemon = spawn(&dir, &log);
        let proxy = settings.round_trip.map(|time| {
            DelayProxy::start(address, (address, port).into(), Delay::round_trip(time))
        });
        Self {
            endpoint: Endpoint {
                name: name.to_owned(),
                address,
                port: proxy.as_ref().map_or(port, |proxy| proxy.address().port()),
                user: current_user(),
                key: fleet.join("id"),
                vars: vec![(
                    "ops_state_dir".into(),
                    dir.join("state").display().to_string(),
                )],
            },
            dir,
            daemon: Mutex::new(daemon),
            log,
            proxy,
        }
    }

    /// The proxy that stands before the host, if the settings asked for one.
    pub(crate) const fn proxy(&self) -> Option<&DelayProxy> {
        self.proxy.as_ref()
    }

    /// How many round trips `run` waits for. What it left behind must have ended when the next one begins.
    #[track_caller]
    pub(crate) fn round_trips(&self, run: impl FnOnce()) -> u64 {
        let proxy = self.proxy.as_ref().expect("the settings asked for one");
        self.wait_until_idle();
        process::wait_until(|| proxy.is_quiet(), || "never quiet".to_owned());
        let before = proxy.round_trips();
        run();
        proxy.round_trips() - before
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn name(&self) -> &str {
        &self.endpoint.name
    }

    /// A directory that tests may treat as the host's own: `host.root().join("etc/motd")`. All hosts share
    /// this machine's file system, so a test writes nowhere else.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// `HOME` on the host.
    pub(crate) fn home(&self) -> PathBuf {
        self.dir.join("home")
    }

    /// `ops_state_dir` of the host.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// What the daemon logged.
    pub(crate) fn log(&self) -> String {
        self.log
            .lock()
            .expect("no test panics with the log in hand")
            .clone()
    }

    /// Every process that was started through this host's `sshd` and still runs, the daemon and its session
    /// processes left out. A child that was put in the background, that left its process group or whose
    /// parent died is found too: all carry a mark in their environment.
    pub(crate) fn processes(&self) -> Vec<Process> {
        process::marked(&process::mark(&self.dir))
    }

    /// Processes of the host whose command line has `text`.
    pub(crate) fn processes_like(&self, text: &str) -> Vec<Process> {
        self.processes()
            .into_iter()
            .filter(|process| process.command.contains(text))
            .collect()
    }

    /// Waits until the host runs a process whose command line has `text`.
    #[track_caller]
    pub(crate) fn wait_for_process(&self, text: &str) {
        process::wait_until(
            || !self.processes_like(text).is_empty(),
            || format!("no {text:?} among {:?}", self.processes()),
        );
    }

    /// Waits until nothing runs on the host that was started through its `sshd`.
    #[track_caller]
    pub(crate) fn wait_until_idle(&self) {
        process::wait_until(
            || self.processes().is_empty(),
            || format!("still there: {:?}", self.processes()),
        );
    }

    /// Ends the daemon, every connection and everything that runs on the host, at once: the machine is gone.
    pub(crate) fn vanish(&self) {
        let mut daemon = self
            .daemon
            .lock()
            .expect("no test panics with the daemon in hand");
        let mut doomed: HashSet<u32> = process::descendants(daemon.id()).into_iter().collect();
        doomed.extend(self.processes().into_iter().map(|process| process.id));
        doomed.insert(daemon.id());
        let doomed: Vec<_> = doomed.into_iter().collect();
        process::kill_at_once(&doomed);
        let _ = daemon.wait();
        if let Some(proxy) = &self.proxy {
            proxy.cut();
        }
        // What was being started just now was not found at first.
        while !self.processes().is_empty() {
            process::kill(self.processes().into_iter().map(|process| process.id));
            std::thread::yield_now();
        }
    }

    /// Kills the processes of `sshd` that serve connections; what they started is left to itself.
    pub(crate) fn kill_sessions(&self) {
        let daemon = self
            .daemon
            .lock()
            .expect("no test panics with the daemon in hand")
            .id();
        let mut sessions = process::descendants(daemon);
        // By its name: what runs on the host starts processes all the time.
        sessions.retain(|id| {
            let name = std::fs::read_to_string(format!("/proc/{id}/comm"));
            name.is_ok_and(|name| name.starts_with("sshd"))
        });
        process::kill_at_once(&sessions);
    }

    /// Starts the daemon again after [`Sshd::vanish`], at the same address.
    pub(crate) fn come_back(&self) {
        *self
            .daemon
            .lock()
            .expect("no test panics with the daemon in hand") = spawn(&self.dir, &self.log);
    }

    /// Runs a command on the host with the plain `ssh` client.
    pub(crate) fn ssh(&self, command: &str) -> Output {
        Command::new("ssh")
            .arg("-F")
            .arg(self.fleet().join("ssh_config"))
            .args([self.name(), command])
            .stdin(Stdio::null())
            .output()
            .expect("ssh is installed")
    }

    pub(crate) fn known_hosts_line(&self) -> String {
        let key =
            std::fs::read_to_string(self.dir.join("host_key.pub")).expect("the host's public key");
        format!("[{}]:{} {key}", self.endpoint.address, self.endpoint.port)
    }

    fn fleet(&self) -> &Path {
        self.dir
            .parent()
            .expect("a host's directory is in its fleet's")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.vanish();
    }
}

/// Starts the daemon and waits until it says that it listens.
fn spawn(dir: &Path, log: &Arc<Mutex<String>>) -> Child {
    if rustix::process::geteuid().is_root() {
        // As root, sshd wants its privilege separation directory, which is made at boot where it is a
        // service.
        std::fs::create_dir_all("/run/sshd").expect("/run/sshd");
    }
    let mut child = Command::new(SSHD)
        .args(["-D", "-e", "-f"])
        .arg(dir.join("sshd_config"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .env(process::DAEMON_MARK, process::mark(dir))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{SSHD}: {error} (the tests need openssh-server: run `make test`)")
        });
    let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped"));
    let mut line = String::new();
    loop {
        line.clear();
        let read = lines.read_line(&mut line).expect("the log of sshd");
        log.lock().expect("the log is free").push_str(&line);
        assert!(
            read > 0,
            "sshd ended at once:\n{}",
            log.lock().expect("the log is free")
        );
        if line.starts_with("Server listening on") {
            break;
        }
    }
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        let mut line = Vec::new();
        while lines
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let mut log = log.lock().expect("the log is free");
            let _ = write!(log, "{}", String::from_utf8_lossy(&line));
            line.clear();
        }
    });
    child
}

/// Puts a host's first key at `path` and `path.pub`.
fn host_keys(path: &Path, settings: &Settings) {
    let Some(key) = settings.host_keys.first() else {
        return generate_key(path);
    };
    for (from, to) in [
        (key.clone(), path.to_owned()),
        (key.with_extension("pub"), path.with_extension("pub")),
    ] {
        std::fs::copy(from, to).expect("a key of the settings");
    }
}

/// An ed25519 key without a passphrase, at `path` and `path.pub`.
pub(crate) fn generate_key(path: &Path) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "ops-test", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .status()
        .expect("ssh-keygen is installed");
    assert!(status.success(), "ssh-keygen made no key");
}

/// An address that no other host of any running test has, and a port that is free there.
fn free_endpoint() -> (Ipv4Addr, u16) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    // 127.0.0.0/12 is left to others; containers are published on 127.0.x.y.
    let number = u8::try_from(1 + count % 254).expect("at most 254");
    let address = Ipv4Addr::new(127, 16 | (high & 0x7f), low, number);
    let listener = TcpListener::bind((address, 0)).expect("a loopback address");
    (
        address,
        listener
            .local_addr()
            .expect("a bound socket has an address")
            .port(),
    )
}

/// `PATH` on the host: the machine's, behind a directory in which `sh` is what the settings say.
fn host_path(bin: &Path, settings: &Settings) -> String {
    if let Some(sh) = settings.sh {
        let target = find_program(sh);
        if sh == "busybox" {
            let status = Command::new(&target)
                .args(["--install", "-s"])
                .arg(bin)
                .status()
                .expect("busybox runs");
            assert!(status.success(), "busybox did not install its applets");
        } else {
            std::os::unix::fs::symlink(target, bin.join("sh")).expect("a link to the shell");
        }
    }
    if settings.bare {
        return bin.display().to_string();
    }
    format!(
        "{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        bin.display()
    )
}

fn find_program(name: &str) -> PathBuf {
    ["/usr/bin", "/bin"]
        .map(|dir| Path::new(dir).join(name))
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{name} is not installed (run `make test`)"))
}

/// The name of the user who runs the tests.
pub(crate) fn current_user() -> String {
    let output = Command::new("id")
        .arg("-un")
        .output()
        .expect("id is installed");
    String::from_utf8(output.stdout)
        .expect("a user's name is text")
        .trim()
        .to_owned()
}
