//! Whom `ops` takes for a host, beside whom the real `ssh` takes: the same files, the same options, the same
//! real `sshd`. `ops` may refuse what `ssh` accepts where a case says so; it never accepts what `ssh`
//! refuses.

mod cases;
mod client;
mod keys;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::fleet::{Fleet, Settings, Sshd, partly_ignored};

use client::Decision;
use keys::Keys;

/// What a host shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Host {
    /// An ED25519 key.
    Plain,
    /// ED25519, ECDSA and RSA keys.
    Three,
    /// An RSA key alone.
    Rsa,
    /// The ED25519 key, and a certificate of it with this name (see [`Keys`]).
    Certified(&'static str),
    /// The same with the RSA key.
    CertifiedRsa(&'static str),
    /// The ED25519 key, at port 22.
    Usual,
    /// The ED25519 key, at an address of this machine that is not a loopback one.
    Own,
}

/// Something that `ssh` and `ops` have to decide alike.
#[derive(Debug, Clone)]
struct Case {
    what: &'static str,
    host: Host,
    /// `known_hosts`, with `{name}` for what the host is looked up by, and keys by their names.
    known: String,
    global: String,
    /// As `ssh -o` takes them.
    options: Vec<String>,
    /// What `ssh` does: takes the host or not.
    taken: bool,
    /// What `ops` does, if it is not the same.
    ops: Option<bool>,
    /// Versions of `ssh` differ, so that only `ops` is held to what the case says.
    by_version: bool,
    /// `ops` keeps something else than `ssh`.
    keeps_otherwise: bool,
    prepare: fn(&Path),
}

fn case(what: &'static str, host: Host, known: &str, options: &[&str], taken: bool) -> Case {
    Case {
        what,
        host,
        known: known.to_owned(),
        global: String::new(),
        options: options.iter().map(ToString::to_string).collect(),
        taken,
        ops: None,
        by_version: false,
        keeps_otherwise: false,
        prepare: |_| {},
    }
}

impl Case {
    fn global(mut self, known: &str) -> Self {
        known.clone_into(&mut self.global);
        self
    }

    /// `ops` refuses what `ssh` takes.
    fn ops_refuses(mut self) -> Self {
        assert!(self.taken, "ops may be stricter only");
        self.ops = Some(false);
        self
    }

    /// Newer versions of `ssh` do what is said here, or older ones.
    fn by_version(mut self) -> Self {
        self.by_version = true;
        self
    }

    /// What `ops` keeps of the key is not what `ssh` keeps.
    fn keeps_otherwise(mut self) -> Self {
        self.keeps_otherwise = true;
        self
    }

    fn prepare(mut self, prepare: fn(&Path)) -> Self {
        self.prepare = prepare;
        self
    }

    /// Writes the files of the case into a directory.
    fn write(&self, dir: &Path, keys: &Keys, host: &Sshd) {
        std::fs::create_dir_all(dir).unwrap();
        let files = [
            ("known", &self.known),
            ("before", &self.known),
            ("global", &self.global),
        ];
        for (name, text) in files {
            std::fs::write(dir.join(name), keys.fill(text, host)).unwrap();
        }
        (self.prepare)(dir);
    }

    /// The options, with the files of the case in this directory.
    fn options(&self, dir: &Path, keys: &Keys, host: &Sshd) -> Vec<String> {
        let files = [
            ("UserKnownHostsFile", "known"),
            ("GlobalKnownHostsFile", "global"),
        ];
        let mut options: Vec<String> = self
            .options
            .iter()
            .map(|option| keys.fill(&option.replace("{dir}", &dir.display().to_string()), host))
            .collect();
        for (option, file) in files {
            if !options.iter().any(|own| own.starts_with(option)) {
                options.push(format!("{option}={}", dir.join(file).display()));
            }
        }
        options
    }
}

/// Whether the real `ssh` takes the host: it is then asked who the user is, and does not say.
fn ssh(options: &[String], address: &str, port: u16) -> (bool, String) {
    let output = Command::new("ssh")
        .args([
            "-F",
            "none",
            "-oBatchMode=yes",
            "-oIdentitiesOnly=yes",
            "-oIdentityAgent=none",
        ])
        .args([
            "-oKexAlgorithms=curve25519-sha256",
            "-oLogLevel=VERBOSE",
            "-oPubkeyAuthentication=no",
        ])
        .args(options.iter().map(|option| format!("-o{option}")))
        .arg("-p")
        .arg(port.to_string())
        .arg(address)
        .arg("true")
        .stdin(Stdio::null())
        .output()
        .expect("ssh is installed");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (said.contains("Permission denied"), said)
}

/// The hosts of the tests, each started when it is first asked for.
struct Hosts {
    keys: Keys,
    started: Vec<(Host, Fleet)>,
}

impl Hosts {
    fn new() -> Self {
        Self {
            keys: Keys::new(),
            started: Vec::new(),
        }
    }

    fn start(&mut self, host: Host) {
        if self.started.iter().any(|(started, _)| *started == host) {
            return;
        }
        let key = |name: &str| -> PathBuf { self.keys.path(name) };
        let number = self.started.len();
        let certified = |settings: Settings| {
            let certificate = self.keys.path(&format!("{number}-cert.pub"));
            settings.config(&format!("HostCertificate {}", certificate.display()))
        };
        let settings = match host {
            Host::Plain => Settings::default().host_keys([key("key")]),
            Host::Usual => Settings::default()
                .host_keys([key("key")])
                .config(&format!("ListenAddress {}:22", keys::usual_address())),
            Host::Own => Settings::default().host_keys([key("key")]).config(&format!(
                "ListenAddress {}",
                keys::own_address().expect("asked for before")
            )),
            Host::Three => Settings::default().host_keys([key("key"), key("ecdsa"), key("rsa")]),
            Host::Rsa => Settings::default().host_keys([key("rsa")]),
            Host::Certified(_) => certified(Settings::default().host_keys([key("key")])),
            Host::CertifiedRsa(_) => certified(Settings::default().host_keys([key("rsa")])),
        };
        let fleet = Fleet::sshd_with(1, &settings);
        let certified = match host {
            Host::Certified(name) => Some(("key", name)),
            Host::CertifiedRsa(name) => Some(("rsa", name)),
            _ => None,
        };
        if let Some((key, name)) = certified {
            // It names the host's address, which is known from now on; `sshd` reads it when it starts.
            let running = &fleet.hosts()[0];
            self.keys.certify(key, name, &number.to_string(), running);
            running.vanish();
            running.come_back();
        }
        self.started.push((host, fleet));
    }
}

#[test]
fn ops_takes_whom_ssh_takes() {
    let mut hosts = Hosts::new();
    let dir = tempfile::tempdir().unwrap();
    let (is_root, has_address) = (
        rustix::process::geteuid().is_root(),
        keys::own_address().is_some(),
    );
    if !is_root {
        partly_ignored("a server on port 22: only root can start one");
    }
    if !has_address {
        partly_ignored("an address other than loopback: this machine has none");
    }
    let cases: Vec<_> = cases::all()
        .into_iter()
        .filter(|case| match case.host {
            Host::Usual => is_root,
            Host::Own => has_address,
            _ => true,
        })
        .collect();
    for case in &cases {
        hosts.start(case.host);
    }
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(number) else {
                        break;
                    };
                    let faults = hosts.compare(case, &dir.path().join(number.to_string()));
                    wrong.lock().unwrap().extend(faults);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(cases.len() > 100, "{}", cases.len());
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

impl Hosts {
    /// What is wrong with the decisions of a case.
    fn compare(&self, case: &Case, dir: &Path) -> Vec<String> {
        let found = self.started.iter().find(|(host, _)| *host == case.host);
        let host = &found.expect("all are started").1.hosts()[0];
        let keys = &self.keys;
        let (theirs, ours) = (dir.join("ssh"), dir.join("ops"));
        case.write(&theirs, keys, host);
        case.write(&ours, keys, host);
        let (address, port) = match case.host {
            Host::Usual => (keys::usual_address(), 22),
            Host::Own => (
                keys::own_address().unwrap_or_default(),
                host.endpoint().port,
            ),
            _ => (host.endpoint().address.to_string(), host.endpoint().port),
        };
        let (taken, said) = ssh(&case.options(&theirs, keys, host), &address, port);
        let decision = client::decide(&case.options(&ours, keys, host), &address, port);

        let mut faults = Vec::new();
        let mut fault = |what: &str| {
            let what = format!(
                "{}: {what}\n  ssh: {taken}\n{said}\n  ops: {decision:?}\n",
                case.what
            );
            faults.push(what);
        };
        if taken != case.taken && !case.by_version {
            fault("ssh does not do what the case says");
        }
        if decision.is_taken() && !taken {
            fault("ops is LESS STRICT");
        } else if decision.is_taken() != case.ops.unwrap_or(case.taken) {
            fault("ops does not do what the case says");
        }
        let alike = case.ops.is_none() && !case.by_version && !case.keeps_otherwise;
        if alike && learnt(&theirs) != learnt(&ours) {
            fault(&format!(
                "learnt other things: {:?}\n{:?}",
                learnt(&theirs),
                learnt(&ours)
            ));
        }
        if matches!(&decision, Decision::Refused(error) if error.advice.is_none()) {
            fault("nothing is said of what to do");
        }
        faults
    }
}

/// What was added to the user's file; of names that are hashed, how many.
fn learnt(dir: &Path) -> Option<String> {
    let before = std::fs::read_to_string(dir.join("before")).ok()?;
    let after = std::fs::read_to_string(dir.join("known")).ok()?;
    let added = after.strip_prefix(&before)?;
    let line = |line: &str| match line.strip_prefix("|1|") {
        Some(rest) => rest
            .split_once(' ')
            .map_or(String::new(), |(_, key)| format!("hashed {key}")),
        None => line.to_owned(),
    };
    // Older versions of `ssh` go on in a line that has no end.
    Some(
        added
            .trim_start()
            .lines()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n"),
    )
}
