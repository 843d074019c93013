//! Hosts in containers, for what an unprivileged `sshd` cannot show: systemd, sudo, packages, users, login
//! shells, and a machine on which every command is BusyBox's. `scripts/fleet-image` builds the images.
//!
//! The users of a container, all let in by the key of the test run:
//!
//! | user | what it is |
//! |---|---|
//! | `root` | |
//! | `deploy` | sudo without a password (`use_pty`, as Debian has it) |
//! | `asks` | sudo with the password [`PASSWORD`], in a German locale |
//! | `needstty` | sudo that refuses to run without a terminal (`requiretty`) |
//! | `plain` | no sudo |
//! | `dashy` `ashy` `fishy` `tcshy` `zshy` | like `deploy`, with that login shell; `dashy` and `tcshy` print a welcome |
//!
//! The repository in the image holds `ops-hello` 1.0 and 2.0, `ops-world`, `ops-needs-hello` and `ops-broken`
//! (cannot be configured); the lists of apt are empty until somebody fetches them. The services are `idle`
//! and `broken` (fails to start).

use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use super::tree::{self, Tree};
use super::{Endpoint, ignored, inventory_text, sshd};
use crate::ops::Ops;

/// What sudo wants of the user `asks`.
pub(crate) const PASSWORD: &str = "correct horse";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Image {
    /// systemd as process 1.
    Debian,
    /// BusyBox's commands and shell, without bash or systemd.
    Busybox,
}

impl Image {
    const fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Busybox => "busybox",
        }
    }

    /// What the container needs to run its process 1.
    const fn docker_options(self) -> &'static [&'static str] {
        match self {
            // systemd wants its control groups and some empty file systems; it needs no more privilege.
            Self::Debian => &[
                "--cap-add=SYS_ADMIN",
                "--tmpfs=/run",
                "--tmpfs=/run/lock",
                "--tmpfs=/tmp",
                "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
            ],
            // Something has to wait for processes whose parent died.
            Self::Busybox => &["--init"],
        }
    }
}

/// A running container. It is removed when the value is dropped, and when the test process ends in any other
/// way.
#[derive(Debug)]
pub(crate) struct Container {
    image: Image,
    name: String,
    address: Ipv4Addr,
    port: u16,
    dir: tempfile::TempDir,
    /// Removes the container when its standard input ends, which it does when this process does.
    watchdog: Child,
}

impl Container {
    /// One that all tests of this process share: a test leaves alone what another may look at.
    /// `None` without containers: the test is ignored.
    #[track_caller]
    pub(crate) fn shared(image: Image) -> Option<&'static Self> {
        static DEBIAN: OnceLock<Container> = OnceLock::new();
        static BUSYBOX: OnceLock<Container> = OnceLock::new();
        if are_left_out() {
            return None;
        }
        let slot = match image {
            Image::Debian => &DEBIAN,
            Image::Busybox => &BUSYBOX,
        };
        Some(slot.get_or_init(|| Self::boot(image)))
    }

    /// One of the test's own. `None` without containers: the test is ignored.
    #[track_caller]
    pub(crate) fn start(image: Image) -> Option<Self> {
        (!are_left_out()).then(|| Self::boot(image))
    }

    fn boot(image: Image) -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        build_images();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ops-test-{}-{}-{count}", image.name(), std::process::id());
        let [.., low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 0, low.max(1), count);
        let dir = tempfile::Builder::new()
            .prefix("ops-container-")
            .tempdir()
            .expect("a temporary directory");
        sshd::generate_key(&dir.path().join("id"));
        let watchdog = watchdog(&name, dir.path());
        docker(
            Command::new("docker")
                .args([
                    "run",
                    "--detach",
                    "--label=ops.test",
                    "--name",
                    &name,
                    "--hostname",
                    image.name(),
                ])
                .args(image.docker_options())
                .arg(format!(
                    "--volume={}/id.pub:/etc/ssh/ops-test-keys:ro",
                    dir.path().display()
                ))
                .arg(format!("--publish={address}::22"))
                .arg(format!("ops-test-{}", image.name())),
        );
        let port = docker(Command::new("docker").args(["port", &name, "22/tcp"]));
        let port = port
            .trim()
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port");
        let container = Self {
            image,
            name,
            address,
            port,
            dir,
            watchdog,
        };
        container.wait_for_boot();
        container.write(
            "known_hosts",
            &format!(
                "[{address}]:{port} {}",
                container.look("cat /etc/ssh/ssh_host_ed25519_key.pub")
            ),
        );
        container
    }

    /// The name that Docker knows it by: for `docker exec -i NAME`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How a user is reached. The host is named after the user.
    pub(crate) fn endpoint(&self, user: &str) -> Endpoint {
        Endpoint {
            name: user.to_owned(),
            address: self.address,
            port: self.port,
            user: user.to_owned(),
            key: self.dir.path().join("id"),
            vars: Vec::new(),
        }
    }

    /// A run of `ops` whose inventory is this container once for each user, named after it.
    pub(crate) fn ops(&self, users: &[&str]) -> Ops {
        let endpoints: Vec<_> = users.iter().map(|user| self.endpoint(user)).collect();
        Ops::new().inventory_named("hosts.ini", &inventory_text(&endpoints, &self.ssh_args()))
    }

    /// A run of `ops` that reaches the container as root with `docker exec`, as the host `container`.
    pub(crate) fn ops_through_docker(&self) -> Ops {
        let host = format!(
            "container ansible_connection=docker ansible_host={}\n",
            self.name
        );
        Ops::new().inventory_named("hosts.ini", &host)
    }

    /// What `ansible_ssh_common_args` says for this host.
    pub(crate) fn ssh_args(&self) -> String {
        format!(
            "-o UserKnownHostsFile={}/known_hosts -o GlobalKnownHostsFile=/dev/null",
            self.dir.path().display()
        )
    }

    /// Runs a command in the container as root, without `ops` and without ssh.
    pub(crate) fn exec(&self, command: &str) -> Output {
        Command::new("docker")
            .args(["exec", &self.name, "sh", "-c", command])
            .stdin(Stdio::null())
            .output()
            .expect("docker is installed")
    }

    /// What such a command prints. It has to succeed.
    #[track_caller]
    pub(crate) fn look(&self, command: &str) -> String {
        let output = self.exec(command);
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Every file of the container. Needs the `find` of an image that has it.
    pub(crate) fn tree(&self) -> Tree {
        Tree::parse(&self.look(tree::PRINT))
    }

    /// Runs a command through the plain `ssh` client.
    pub(crate) fn ssh(&self, user: &str, command: &str) -> Output {
        Command::new("ssh")
            .args([
                "-F",
                "none",
                "-o",
                "BatchMode=yes",
                "-o",
                "IdentityAgent=none",
                "-i",
            ])
            .arg(self.dir.path().join("id"))
            .args(self.ssh_args().split(' '))
            .args([
                "-p",
                &self.port.to_string(),
                "-l",
                user,
                &self.address.to_string(),
                command,
            ])
            .stdin(Stdio::null())
            .output()
            .expect("ssh is installed")
    }

    fn wait_for_boot(&self) {
        let listening = "until grep -q ':0016 [0-9A-F:]* 0A ' /proc/net/tcp; do sleep 0.05; done";
        let booted = match self.image {
            // A service that failed leaves a system that runs.
            Image::Debian => {
                "until case $(systemctl is-system-running --wait 2>/dev/null) in running|degraded) :;; *) false;; esac;
                 do sleep 0.05; done"
            }
            Image::Busybox => "",
        };
        let output = Command::new("timeout")
            .args([
                "60",
                "docker",
                "exec",
                &self.name,
                "sh",
                "-c",
                &format!("{listening}\n{booted}"),
            ])
            .stdin(Stdio::null())
            .output()
            .expect("timeout is installed");
        assert!(
            output.status.success(),
            "the container did not boot: {output:?}"
        );
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text)
            .expect("a file in the container's directory");
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Whether tests run without containers. If so, the calling test is reported as ignored.
#[track_caller]
fn are_left_out() -> bool {
    let are = std::env::var_os("OPS_TEST_NO_CONTAINERS").is_some_and(|value| value == "1");
    if are {
        ignored("it needs a container (OPS_TEST_NO_CONTAINERS=1)");
    }
    are
}

/// Builds the images if they are not there, and starts Docker.
fn build_images() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/fleet-image");
        let output = Command::new(script).stdin(Stdio::null()).output().expect("scripts/fleet-image");
        assert!(
            output.status.success(),
            "no images to run containers from (OPS_TEST_NO_CONTAINERS=1 leaves these tests out)\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    });
}

/// Shared containers are never dropped, and a test process may be killed: this outlives it, and cleans up.
fn watchdog(container: &str, dir: &Path) -> Child {
    let script =
        "cat >/dev/null; docker rm --force --volumes \"$1\" >/dev/null 2>&1; rm -rf \"$2\"";
    Command::new("sh")
        .args(["-c", script, "watchdog", container])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C is for the tests.
        .process_group(0)
        .spawn()
        .expect("sh is installed")
}

#[track_caller]
fn docker(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("docker is installed");
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
