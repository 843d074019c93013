//! Keys in files and in agents, and certificates of users.

use std::fs;
use std::os::unix::fs::chown;

use ops::model::{Connection, SshClient};

use super::identity::{Agent, Identity, OPEN};
use super::login::{Login, Logins};
use crate::fleet::{Fleet, Settings, partly_ignored};
use crate::over::{self, over_both};

/// A kind of key: a name, and the arguments of `ssh-keygen`.
const KINDS: &[(&str, &[&str])] = &[
    ("ed25519", &["-t", "ed25519"]),
    ("ecdsa-256", &["-t", "ecdsa", "-b", "256"]),
    ("ecdsa-384", &["-t", "ecdsa", "-b", "384"]),
    ("ecdsa-521", &["-t", "ecdsa", "-b", "521"]),
    ("ecdsa-256-pem", &["-t", "ecdsa", "-b", "256", "-m", "PEM"]),
    (
        "ecdsa-384-pkcs8",
        &["-t", "ecdsa", "-b", "384", "-m", "PKCS8"],
    ),
    ("rsa-2048", &["-t", "rsa", "-b", "2048"]),
    ("rsa-4096", &["-t", "rsa", "-b", "4096"]),
    ("rsa-2048-pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
    (
        "rsa-2048-pkcs8",
        &["-t", "rsa", "-b", "2048", "-m", "PKCS8"],
    ),
];

const PASSPHRASE: &str = "passes for tests";

/// A key of each kind, without and with a passphrase, that the fleet accepts.
fn one_of_each(fleet: &Fleet, passphrase: &str) -> Vec<(String, Identity)> {
    std::thread::scope(|scope| {
        let made: Vec<_> = KINDS
            .iter()
            .map(|(name, kind)| {
                scope.spawn(move || {
                    let name = format!("{name}-{}", passphrase.len());
                    let args = [*kind, &["-N", passphrase]].concat();
                    let key = Identity::new(&fleet.dir().join(&name), &args);
                    (name, key)
                })
            })
            .collect();
        made.into_iter()
            .map(|key| {
                let (name, key) = key.join().expect("a key");
                key.authorize(fleet);
                (name, key)
            })
            .collect()
    })
}

#[test]
fn every_kind_of_key_logs_in() {
    let fleet = Fleet::sshd(1);
    let mut logins = Logins::new(&fleet);
    for (name, key) in one_of_each(&fleet, "") {
        let config = format!("IdentityFile {}", key.path().display());
        logins.case(&name, &config, Login::In);
        // If the public half does not exist, it is derived from the private one.
        if name.starts_with("ecdsa-521") || name.starts_with("rsa-2048-pem") {
            fs::remove_file(key.public()).expect("the public key");
        }
    }
    logins.check();
}

#[test]
fn a_key_with_a_passphrase_logs_in_only_by_an_agent() {
    let fleet = Fleet::sshd(1);
    let keys = one_of_each(&fleet, PASSPHRASE);
    let agent = Agent::start(&fleet.dir().join("agent"), []);
    for (_, key) in &keys {
        agent.add(key.path(), Some(PASSPHRASE));
    }
    let mut logins = Logins::new(&fleet);
    for (name, key) in &keys {
        let config = format!("IdentityFile {}\nIdentitiesOnly yes", key.path().display());
        logins.case(name, &config, Login::Denied);
        let config = format!("{config}\nIdentityAgent {}", agent.socket().display());
        logins.case(&format!("{name} with an agent"), &config, Login::In);
    }
    logins.check();
}

#[test]
fn ignores_a_key_file_that_others_may_read() {
    let fleet = Fleet::sshd(1);
    let mut logins = Logins::new(&fleet);
    for (mode, login) in [
        (0o600, Login::In),
        (0o400, Login::In),
        (0o700, Login::In),
        (0o640, Login::Denied),
        (0o604, Login::Denied),
        (0o644, Login::Denied),
        (0o610, Login::Denied),
    ] {
        let key = Identity::new(&fleet.dir().join(format!("{mode:o}")), OPEN);
        key.authorize(&fleet).mode(mode);
        let config = format!("IdentityFile {}", key.path().display());
        logins.case(&format!("{mode:o}"), &config, login);
    }
    if rustix::process::geteuid().is_root() {
        // ssh(1) only checks the files of the user; root can read all.
        let key = Identity::new(&fleet.dir().join("of-another"), OPEN);
        key.authorize(&fleet).mode(0o644);
        chown(key.path(), Some(65534), None).expect("root has permission");
        let config = format!("IdentityFile {}", key.path().display());
        logins.case("another user's", &config, Login::In);
    } else {
        partly_ignored("a key that belongs to another user: only root can make one");
    }
    logins.check();
}

#[test]
fn which_keys_are_tried_and_in_which_order() {
    let fleet = Fleet::sshd(1);
    let make = |name: &str| Identity::new(&fleet.dir().join(name), OPEN);
    let wrong: Vec<_> = (0..8).map(|n| make(&format!("wrong{n}"))).collect();
    let right = make("right");
    right.authorize(&fleet);
    let crowd = wrong.iter().map(Identity::path);
    let agent = Agent::start(&fleet.dir().join("crowd"), crowd.clone());
    let with_right = Agent::start(&fleet.dir().join("last"), crowd.chain([right.path()]));
    let alone = Agent::start(&fleet.dir().join("alone"), [right.path()]);

    // The private half of this one is only in an agent.
    let elsewhere = fleet.dir().join("elsewhere");
    fs::copy(right.public(), elsewhere.with_extension("pub")).expect("a copy");

    let of = |identity: &Identity| format!("IdentityFile {}\n", identity.path().display());
    let by = |agent: &Agent| format!("IdentityAgent {}\n", agent.socket().display());
    let only = "IdentitiesOnly yes\n";
    // Servers allow six tries (MaxAuthTries).
    let mut logins = Logins::new(&fleet);
    logins
        .case("an agent", &by(&alone), Login::In)
        .case("no agent", "", Login::Denied)
        .case(
            "an agent that does not exist",
            &format!("{}IdentityAgent /nowhere/agent", of(&right)),
            Login::In,
        )
        .case(
            "eight others first",
            &format!("{}{}", by(&agent), of(&right)),
            Login::Denied,
        )
        .case(
            "the named one only",
            &format!("{}{}{only}", by(&agent), of(&right)),
            Login::In,
        )
        .case("last in the agent", &by(&with_right), Login::Denied)
        .case(
            "last in the agent, and named",
            &format!("{}{}", by(&with_right), of(&right)),
            Login::In,
        )
        .case(
            "not named",
            &format!("{}{}{only}", by(&alone), of(&wrong[0])),
            Login::Denied,
        )
        .case(
            "a wrong one and then the right one",
            &format!("{}{}", of(&wrong[0]), of(&right)),
            Login::In,
        )
        .case(
            "seven wrong ones first",
            &format!(
                "{}{}",
                wrong[..7].iter().map(of).collect::<String>(),
                of(&right)
            ),
            Login::Denied,
        )
        .case(
            "five wrong ones first",
            &format!(
                "{}{}",
                wrong[..5].iter().map(of).collect::<String>(),
                of(&right)
            ),
            Login::In,
        )
        .case(
            "named by its public half",
            &format!(
                "{}{only}IdentityFile {}",
                by(&alone),
                right.public().display()
            ),
            Login::In,
        )
        .case(
            "only the public half exists",
            &format!("{}{only}IdentityFile {}", by(&alone), elsewhere.display()),
            Login::In,
        )
        .case(
            "another way first",
            &format!("{}PreferredAuthentications password,publickey", of(&right)),
            Login::In,
        );
    logins.check();
}

#[test]
fn certificates_log_in() {
    let dir = tempfile::tempdir().expect("a directory");
    let ca = Identity::new(&dir.path().join("ca"), OPEN);
    let other_ca = Identity::new(&dir.path().join("other-ca"), OPEN);
    let trust = format!("TrustedUserCAKeys {}", ca.public().display());
    let fleet = Fleet::sshd_with(1, &Settings::default().config(&trust));
    let user = fleet.hosts()[0].endpoint().user.clone();
    let mut logins = Logins::new(&fleet);
    let of = |key: &Identity| format!("IdentityFile {}\n", key.path().display());
    let make = |name: &str, kind: &[&str], ca: &Identity, args: &[&str]| {
        let key = Identity::new(&fleet.dir().join(name), &[kind, &["-N", ""]].concat());
        ca.certify(&key, args);
        key
    };
    let (ed25519, principal) = (["-t", "ed25519"], ["-n", user.as_str()]);
    for (name, kind) in KINDS {
        // One is enough of those that take long to create.
        if !["ed25519", "ecdsa-256", "ecdsa-521", "rsa-2048"].contains(name) {
            continue;
        }
        let key = make(name, kind, &ca, &principal);
        logins.case(name, &of(&key), Login::In);
    }
    for (name, ca, args, login) in [
        ("untrusted", &other_ca, vec!["-n", &user], Login::Denied),
        ("of-somebody-else", &ca, vec!["-n", "amy"], Login::Denied),
        (
            "of-several",
            &ca,
            vec!["-n", "amy,root,bob"],
            if user == "root" {
                Login::In
            } else {
                Login::Denied
            },
        ),
        (
            "expired",
            &ca,
            vec!["-n", &user, "-V", "-2d:-1d"],
            Login::Denied,
        ),
        (
            "too-early",
            &ca,
            vec!["-n", &user, "-V", "+1d:+2d"],
            Login::Denied,
        ),
    ] {
        let key = make(name, &ed25519, ca, &args);
        logins.case(name, &of(&key), login);
    }

    let apart = make("apart", &ed25519, &ca, &principal);
    let moved = fleet.dir().join("moved-cert.pub");
    fs::rename(apart.certificate(), &moved).expect("a file of ours");
    let certificate = format!("CertificateFile {}\n", moved.display());
    let beside = make("beside", &ed25519, &ca, &principal);
    let agent = Agent::start(&fleet.dir().join("agent"), [beside.path()]);
    let keys_only = Agent::start(&fleet.dir().join("keys"), [apart.path()]);
    let by = |agent: &Agent| format!("IdentityAgent {}\n", agent.socket().display());
    logins
        .case("without its certificate", &of(&apart), Login::Denied)
        .case(
            "CertificateFile",
            &format!("{}{certificate}", of(&apart)),
            Login::In,
        )
        .case(
            "CertificateFile before its key",
            &format!("{certificate}{}IdentitiesOnly yes", of(&apart)),
            Login::In,
        )
        .case("an agent that holds both", &by(&agent), Login::In)
        .case(
            "a file, and an agent for the key",
            &format!("{}{certificate}", by(&keys_only)),
            Login::In,
        )
        .case("no agent for the key", &certificate, Login::Denied);
    logins.check();
}

over_both!(tries_a_key_of_the_inventory_before_those_of_an_agent);

/// `ssh` offers the keys of an agent before a file that is named, and the host counts the tries.
fn tries_a_key_of_the_inventory_before_those_of_an_agent(client: SshClient) {
    let fleet = Fleet::sshd_with(1, &Settings::default().config("MaxAuthTries 3"));
    let make = |name: String| Identity::new(&fleet.dir().join(name), OPEN);
    let others: Vec<_> = (0..6).map(|n| make(format!("other{n}"))).collect();
    let agent = Agent::start(
        &fleet.dir().join("agent"),
        others.iter().map(Identity::path),
    );
    let args = format!(
        "-F none -o IdentityAgent={} {}",
        agent.socket().display(),
        fleet.ssh_args()
    );
    let endpoint = fleet.hosts()[0].endpoint();
    let named = over::connection(endpoint, &args);
    over::run(async {
        let opened = over::transport(client, named.clone()).open().await;
        opened.map(drop).expect("the named key goes first");
        let unnamed = Connection {
            key_file: None,
            ..named
        };
        let refused = over::transport(client, unnamed).open().await.map(drop);
        let error = refused.expect_err("no acceptable key");
        assert!(
            error.message.contains("Too many authentication failures"),
            "{error}"
        );
        let hint = error.hint.expect("a hint");
        assert!(
            hint.ends_with(
                "Name the right key with `ansible_ssh_private_key_file` or `--private-key`, or set `IdentitiesOnly yes` in \
                 the ssh configuration."
            ),
            "{hint}"
        );
    });
}
