//! Logging in: kinds of keys, passphrases, agents, certificates.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ops::ssh::{Algorithms, Client, SshSettings};
use ops::transport::{NativeTransport, Transport, TransportError, TransportErrorKind as Kind};

use super::{connection, runtime, settings};
use crate::fleet::{Fleet, Settings, Sshd, process};
use crate::terminal::Terminal;

/// Creates a key with `ssh-keygen`.
fn key(fleet: &Fleet, name: &str, how: &[&str], passphrase: &str) -> PathBuf {
    let path = fleet.dir().join(name);
    keygen(
        &[how, &["-N", passphrase, "-C", name, "-f"]].concat(),
        &path,
    );
    path
}

fn keygen(arguments: &[&str], path: &Path) {
    let made = Command::new("ssh-keygen")
        .arg("-q")
        .args(arguments)
        .arg(path)
        .stdin(Stdio::null())
        .status();
    assert!(made.unwrap().success(), "ssh-keygen {arguments:?}");
}

/// Authorizes a key on all hosts of a fleet.
fn authorize(fleet: &Fleet, key: &Path) {
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let list = fleet.dir().join("id.pub");
    let mut list = std::fs::OpenOptions::new().append(true).open(list).unwrap();
    list.write_all(public.as_bytes()).unwrap();
}

fn with_keys(fleet: &Fleet, host: &Sshd, keys: &[PathBuf]) -> SshSettings {
    SshSettings {
        identity_files: keys.to_vec(),
        ..settings(fleet, host)
    }
}

fn open(host: &Sshd, settings: SshSettings, client: &Arc<Client>) -> Result<(), TransportError> {
    runtime().block_on(async {
        let transport = NativeTransport::new(connection(host), settings, Arc::clone(client));
        transport.open().await.map(drop)
    })
}

/// Returns what the log of sshd reports about the last login.
fn accepted(host: &Sshd) -> String {
    let last = || {
        let log = host.log();
        let mut found = log.lines().filter(|line| line.starts_with("Accepted"));
        found.next_back().map(ToOwned::to_owned)
    };
    process::wait_until(|| last().is_some(), || host.log());
    last().unwrap()
}

#[test]
fn every_kind_of_key_logs_in() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    for (name, how, said) in [
        ("ed25519", &["-t", "ed25519"][..], "ED25519"),
        ("ecdsa256", &["-t", "ecdsa", "-b", "256"], "ECDSA"),
        ("ecdsa384", &["-t", "ecdsa", "-b", "384"], "ECDSA"),
        ("ecdsa521", &["-t", "ecdsa", "-b", "521"], "ECDSA"),
        ("ecdsa_pem", &["-t", "ecdsa", "-m", "PEM"], "ECDSA"),
        ("ecdsa_pkcs8", &["-t", "ecdsa", "-m", "PKCS8"], "ECDSA"),
        ("rsa2048", &["-t", "rsa", "-b", "2048"], "RSA"),
        ("rsa3072", &["-t", "rsa", "-b", "3072"], "RSA"),
        ("rsa4096", &["-t", "rsa", "-b", "4096"], "RSA"),
        ("rsa_pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"], "RSA"),
        (
            "rsa_pkcs8",
            &["-t", "rsa", "-b", "2048", "-m", "PKCS8"],
            "RSA",
        ),
    ] {
        let key = key(&fleet, name, how, "");
        authorize(&fleet, &key);
        open(host, with_keys(&fleet, host, &[key]), &Arc::default())
            .unwrap_or_else(|error| panic!("{name}: {error}: {:?}", error.hint));
        assert!(accepted(host).contains(&format!("ssh2: {said} ")), "{name}");
    }
}

#[test]
fn rsa_signs_with_an_algorithm_that_both_sides_support() {
    for (server, client, in_) in [
        ("rsa-sha2-256", Some("rsa-sha2-256"), true),
        ("rsa-sha2-512", Some("rsa-sha2-256"), false),
        ("rsa-sha2-512,rsa-sha2-256", Some("rsa-sha2-256"), true),
        ("ssh-rsa", None, false),
    ] {
        let config = format!("PubkeyAcceptedAlgorithms {server}");
        let fleet = Fleet::sshd_with(1, &Settings::default().config(&config));
        let host = &fleet.hosts()[0];
        let key = key(&fleet, "rsa", &["-t", "rsa", "-b", "2048"], "");
        authorize(&fleet, &key);
        let settings = SshSettings {
            algorithms: Algorithms {
                public_keys: client.map(|name: &str| vec![name.to_owned()]),
                ..Algorithms::default()
            },
            ..with_keys(&fleet, host, &[key])
        };
        let opened = open(host, settings, &Arc::default());
        assert_eq!(opened.is_ok(), in_, "{server} {client:?}: {opened:?}");
    }
}

#[test]
fn asks_for_a_passphrase_once_per_run() {
    let fleet = Fleet::sshd(3);
    for (name, how) in [
        ("ed25519", &["-t", "ed25519"][..]),
        // Its public half is not readable before it is decrypted.
        ("pkcs8", &["-t", "rsa", "-b", "2048", "-m", "PKCS8"]),
    ] {
        let key = key(&fleet, name, how, "correct horse");
        authorize(&fleet, &key);
        if name == "pkcs8" {
            std::fs::remove_file(key.with_extension("pub")).unwrap();
        }
        let asked = Arc::new(AtomicU32::new(0));
        let (counted, named) = (Arc::clone(&asked), key.clone());
        let client = Arc::new(Client::asking(Arc::new(move |path, before| {
            assert_eq!(path, named);
            counted.fetch_add(1, Ordering::Relaxed);
            // Mistyped first.
            Some(["wrong", "correct horse"][before as usize].to_owned())
        })));
        runtime().block_on(async {
            let hosts = fleet.hosts().iter().map(|host| {
                let settings = with_keys(&fleet, host, std::slice::from_ref(&key));
                NativeTransport::new(connection(host), settings, Arc::clone(&client))
            });
            let hosts: Vec<_> = hosts.collect();
            let opened = futures_util::future::join_all(hosts.iter().map(NativeTransport::open));
            for opened in opened.await {
                opened.unwrap_or_else(|error| panic!("{name}: {error}: {:?}", error.hint));
            }
        });
        assert_eq!(asked.load(Ordering::Relaxed), 2, "{name}");
    }
}

#[test]
fn names_a_key_that_cannot_be_decrypted() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let key = key(&fleet, "shut", &["-t", "ed25519"], "correct horse");
    authorize(&fleet, &key);
    let settings = with_keys(&fleet, host, std::slice::from_ref(&key));
    let nobody = open(host, settings.clone(), &Arc::default()).unwrap_err();
    assert_eq!(nobody.kind, Kind::Authentication);
    let hint = nobody.hint.unwrap();
    assert!(
        hint.contains("is encrypted") && hint.contains("ssh-add"),
        "{hint}"
    );
    assert!(hint.contains(&key.display().to_string()), "{hint}");

    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let client = Arc::new(Client::asking(Arc::new(move |_: &Path, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        Some("wrong".to_owned())
    })));
    let hint = open(host, settings, &client).unwrap_err().hint.unwrap();
    assert!(hint.contains("was not unlocked"), "{hint}");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[test]
fn names_an_unusable_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let open_to_all = key(&fleet, "open", &["-t", "ed25519"], "");
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&open_to_all, mode).unwrap();
    authorize(&fleet, &open_to_all);
    let short = key(&fleet, "short", &["-t", "rsa", "-b", "1024"], "");
    let garbage = fleet.dir().join("garbage");
    std::fs::write(&garbage, "no key").unwrap();
    for (key, said) in [
        (open_to_all, "can be read by others (mode 0644)"),
        (short, "2048 to 4096 bits"),
        (garbage, "not a private key in a known format"),
        (fleet.dir().join("missing"), "does not exist"),
    ] {
        let error = open(host, with_keys(&fleet, host, &[key]), &Arc::default()).unwrap_err();
        assert_eq!(error.kind, Kind::Authentication, "{error}");
        assert!(
            error.message.ends_with("Permission denied (publickey)."),
            "{error}"
        );
        let hint = error.hint.unwrap();
        assert!(hint.contains(said), "{hint}");
    }
}

/// An `ssh-agent`, stopped when dropped.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(fleet: &Fleet, name: &str) -> Self {
        let socket = fleet.dir().join(name);
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .expect("ssh-agent is installed");
        // The socket file exists a moment before the agent listens.
        let listens = || UnixStream::connect(&socket).is_ok();
        process::wait_until(listens, || "the agent does not listen".to_owned());
        Self { child, socket }
    }

    fn add(&self, key: &Path) {
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", &self.socket)
            .stdin(Stdio::null())
            .status();
        assert!(added.unwrap().success(), "ssh-add {}", key.display());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_agent_signs() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let agent = Agent::start(&fleet, "agent");
    let kinds = [
        ("a_ed25519", &["-t", "ed25519"][..]),
        ("a_ecdsa", &["-t", "ecdsa"]),
        ("a_rsa", &["-t", "rsa", "-b", "2048"]),
    ];
    for (name, how) in kinds {
        let key = key(&fleet, name, how, "");
        agent.add(&key);
        // From here on, only the agent has the private half.
        std::fs::remove_file(&key).unwrap();
        authorize(&fleet, &key);
        // Named by the half that exists, and by the one that does not.
        for file in [key.with_extension("pub"), key] {
            let named = SshSettings {
                agent: Some(agent.socket.clone()),
                ..with_keys(&fleet, host, &[file])
            };
            open(host, named, &Arc::default())
                .unwrap_or_else(|error| panic!("{name}: {error}: {:?}", error.hint));
        }
    }
    // A key that no file names is offered unless that is forbidden.
    let none = SshSettings {
        agent: Some(agent.socket.clone()),
        ..with_keys(&fleet, host, &[])
    };
    let others = SshSettings {
        identities_only: false,
        ..none.clone()
    };
    open(host, others, &Arc::default()).unwrap();
    let error = open(host, none, &Arc::default()).unwrap_err();
    assert!(error.hint.unwrap().starts_with("No key was offered"));
}

#[test]
fn does_not_ask_if_an_agent_holds_an_encrypted_key() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let agent = Agent::start(&fleet, "agent");
    let key = key(&fleet, "shut", &["-t", "ed25519"], "");
    agent.add(&key);
    keygen(&["-p", "-P", "", "-N", "correct horse", "-f"], &key);
    authorize(&fleet, &key);
    let settings = SshSettings {
        agent: Some(agent.socket.clone()),
        ..with_keys(&fleet, host, &[key])
    };
    let client = Arc::new(Client::asking(Arc::new(|_: &Path, _| panic!("asked"))));
    open(host, settings, &client).unwrap();
}

#[test]
fn names_too_many_keys_for_the_host() {
    let fleet = Fleet::sshd_with(1, &Settings::default().config("MaxAuthTries 3"));
    let host = &fleet.hosts()[0];
    let agent = Agent::start(&fleet, "agent");
    for number in 0..5 {
        agent.add(&key(&fleet, &format!("k{number}"), &["-t", "ed25519"], ""));
    }
    let usual = SshSettings {
        agent: Some(agent.socket.clone()),
        identities_only: false,
        ..settings(&fleet, host)
    };
    let error = open(host, usual.clone(), &Arc::default()).unwrap_err();
    assert_eq!(error.kind, Kind::Authentication);
    assert!(
        error.message.contains("Too many authentication failures"),
        "{error}"
    );
    let hint = error.hint.unwrap();
    assert!(hint.contains("k0 ED25519 SHA256:"), "{hint}");
    assert!(hint.contains("IdentitiesOnly"), "{hint}");
    let only = SshSettings {
        identities_only: true,
        ..usual
    };
    open(host, only, &Arc::default()).unwrap();
}

#[test]
fn certificates_log_in() {
    let ca_of = tempfile::tempdir().unwrap();
    let ca = ca_of.path().join("ca");
    keygen(&["-t", "ed25519", "-N", "", "-f"], &ca);
    let config = format!("TrustedUserCAKeys {}.pub", ca.display());
    let fleet = Fleet::sshd_with(1, &Settings::default().config(&config));
    let host = &fleet.hosts()[0];
    let user = host.endpoint().user.clone();
    let agent = Agent::start(&fleet, "agent");
    for (name, how) in [
        ("c_ed25519", &["-t", "ed25519"][..]),
        ("c_rsa", &["-t", "rsa", "-b", "2048"]),
        ("c_ecdsa", &["-t", "ecdsa"]),
    ] {
        let key = key(&fleet, name, how, "");
        let sign = ["-s", ca.to_str().unwrap(), "-I", name, "-n", &user];
        keygen(&sign, &key.with_extension("pub"));
        // Beside its key.
        open(
            host,
            with_keys(&fleet, host, std::slice::from_ref(&key)),
            &Arc::default(),
        )
        .unwrap_or_else(|error| panic!("{name}: {error}: {:?}", error.hint));
        assert!(
            accepted(host).contains(&format!("ID {name}")),
            "{}",
            accepted(host)
        );
        // Named explicitly, with the key in the agent.
        agent.add(&key);
        let beside = fleet.dir().join(format!("{name}-cert.pub"));
        let elsewhere = fleet.dir().join(format!("{name}.certificate"));
        std::fs::rename(&beside, &elsewhere).unwrap();
        std::fs::remove_file(&key).unwrap();
        let named = SshSettings {
            agent: Some(agent.socket.clone()),
            certificate_files: vec![elsewhere],
            ..with_keys(&fleet, host, &[key])
        };
        open(host, named, &Arc::default())
            .unwrap_or_else(|error| panic!("{name}: {error}: {:?}", error.hint));
    }
}

#[test]
fn reports_what_the_host_requires_besides_a_key() {
    let two = Fleet::sshd_with(
        1,
        &Settings::default().config("AuthenticationMethods publickey,publickey"),
    );
    let host = &two.hosts()[0];
    let second = key(&two, "second", &["-t", "ecdsa"], "");
    authorize(&two, &second);
    let both = with_keys(&two, host, &[two.key(), second]);
    open(host, both, &Arc::default()).unwrap();
    let error = open(host, settings(&two, host), &Arc::default()).unwrap_err();
    assert_eq!(error.kind, Kind::Authentication);
    let hint = error.hint.unwrap();
    assert!(hint.contains("asks for more than one of these"), "{hint}");

    let password = Fleet::sshd_with(
        1,
        &Settings::default().config(&format!(
            "Match User {}\nPasswordAuthentication yes\nAuthenticationMethods publickey,password",
            crate::fleet::current_user()
        )),
    );
    let host = &password.hosts()[0];
    let error = open(host, settings(&password, host), &Arc::default()).unwrap_err();
    assert_eq!(error.kind, Kind::Authentication);
    assert!(
        error.message.ends_with("requires more: password"),
        "{error}"
    );
}

#[test]
fn shows_a_banner_with_a_refusal() {
    let text = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(text.path(), "Only for members.\n").unwrap();
    let config = format!("Banner {}", text.path().display());
    let fleet = Fleet::sshd_with(1, &Settings::default().config(&config));
    let host = &fleet.hosts()[0];
    let stranger = key(&fleet, "stranger", &["-t", "ed25519"], "");
    let settings = with_keys(&fleet, host, std::slice::from_ref(&stranger));
    let error = open(host, settings, &Arc::default()).unwrap_err();
    assert!(
        error.message.ends_with("The host says: Only for members."),
        "{error}"
    );
    let hint = error.hint.unwrap();
    let offered = format!(
        "accepts none of these for {}: {} ED25519 SHA256:",
        host.endpoint().user,
        stranger.display()
    );
    assert!(hint.contains(&offered), "{hint}");
}

#[test]
fn asks_for_a_passphrase_at_the_terminal() {
    let fleet = Fleet::sshd(2);
    let key = key(&fleet, "shut", &["-t", "ed25519"], "correct horse");
    authorize(&fleet, &key);
    let ops = fleet
        .ops_with(|endpoint| endpoint.key.clone_from(&key))
        .playbook(r#"each(hosts("all"), |h| h.run("true", #{ reads: true }));"#)
        .args(["--transport", "native"]);
    let mut terminal = Terminal::start(&ops, 120, 30);
    terminal
        .wait_for("Passphrase for")
        .type_in_secret("correct horse")
        .type_in("\n");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("correct horse"), "{shown}");

    // There is no operator to ask.
    let ran = ops.run().code(4);
    assert!(
        ran.to_string()
            .contains("is encrypted. Add an encrypted key to ssh-agent"),
        "{ran}"
    );
}
