//! Why a host is unreachable: the same kinds over both clients, with a hint, and with the words that a user
//! needs to fix it.

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use ops::model::{Connection, SshClient};
use ops::shell::{SessionError, SessionOptions};
use ops::transport::TransportErrorKind as Kind;

use super::identity::{Identity, OPEN};
use crate::fleet::{Fleet, Settings, Sshd};
use crate::over::{self, over_both, transport};

over_both!(
    the_network,
    the_host_key,
    the_login,
    the_handshake,
    the_shell,
    invalid_host_names,
);

/// A host that is unreachable, and what the error must contain.
struct Case {
    name: &'static str,
    connection: Connection,
    kind: Kind,
    again: bool,
    /// Each must be in the message or in the hint, in upper or lower case.
    words: Vec<String>,
}

impl Case {
    fn new(name: &'static str, connection: Connection, kind: Kind, words: &[&str]) -> Self {
        Self {
            name,
            connection: Connection {
                retry_for: Duration::from_millis(100),
                ..connection
            },
            kind,
            again: matches!(kind, Kind::Refused | Kind::TimedOut | Kind::Network),
            words: words.iter().map(|word| word.to_lowercase()).collect(),
        }
    }

    /// Returns what is wrong with the error, or nothing.
    async fn faults(&self, client: SshClient) -> Option<String> {
        let (error, hint) = match transport(client, self.connection.clone()).open().await {
            Ok(_) => return Some(format!("{}: it is reached", self.name)),
            Err(error) => (error.clone(), error.hint.unwrap_or_default()),
        };
        let said = format!("{}\n{hint}", error.message);
        let low = said.to_lowercase();
        let lacks: Vec<_> = self
            .words
            .iter()
            .filter(|word| !low.contains(*word))
            .collect();
        let good = error.kind == self.kind
            && error.is_retryable() == self.again
            && lacks.is_empty()
            && hint.ends_with(['.', '?'])
            && !error.message.is_empty()
            && error.message.trim().lines().count() <= 2
            && !error.message.contains("debug1");
        (!good).then(|| {
            format!(
                "{}: {:?} instead of {:?}, lacks {lacks:?}: {said:?}",
                self.name, error.kind, self.kind
            )
        })
    }
}

#[track_caller]
fn check(client: SshClient, cases: &[Case]) {
    let faults: Vec<_> = over::run(async {
        let faults = cases.iter().map(|case| case.faults(client));
        futures_util::future::join_all(faults).await
    });
    let faults: Vec<_> = faults.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{client:?}:\n{}", faults.join("\n"));
}

fn usual(fleet: &Fleet) -> Connection {
    with(fleet, "")
}

fn with(fleet: &Fleet, args: &str) -> Connection {
    let args = format!("-F none -o IdentityAgent=none {args} {}", fleet.ssh_args());
    over::connection(fleet.hosts()[0].endpoint(), &args)
}

fn the_network(client: SshClient) {
    let fleet = Fleet::sshd(1);
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let shut = closes_at_once();
    let at = |port: u16| Connection {
        address: "127.0.0.1".into(),
        port: Some(port),
        connect_timeout: Duration::from_secs(1),
        ..usual(&fleet)
    };
    let silent_port = silent.local_addr().expect("an address").port();
    check(
        client,
        &[
            Case::new("refused", at(1), Kind::Refused, &["refused", "127.0.0.1"]),
            Case::new("silence", at(silent_port), Kind::TimedOut, &["firewall"]),
            Case::new("closed", at(shut), Kind::Network, &["connection"]),
            Case::new(
                "no name",
                Connection {
                    address: "no-such-host.invalid".into(),
                    ..usual(&fleet)
                },
                Kind::NameNotResolved,
                &["no-such-host.invalid", "name or service not known"],
            ),
        ],
    );
}

/// Returns a port that closes every connection without sending anything.
fn closes_at_once() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || while listener.accept().is_ok() {});
    port
}

fn the_host_key(client: SshClient) {
    let (fleet, other) = (Fleet::sshd(1), Fleet::sshd(1));
    let host = &fleet.hosts()[0];
    let place = place(host);
    let wrong = fleet.dir().join("wrong_known_hosts");
    let line = other.hosts()[0].known_hosts_line();
    let (_, key) = line.split_once(' ').expect("a name and a key");
    std::fs::write(&wrong, format!("{place} {key}")).expect("known_hosts");
    let known = |file: &Path| {
        let file = file.display();
        let args = format!("-o UserKnownHostsFile={file} -o GlobalKnownHostsFile=none");
        with(&fleet, &args)
    };
    check(
        client,
        &[
            Case::new(
                "unknown",
                known(Path::new("/dev/null")),
                Kind::HostKeyUnknown,
                &[
                    "ED25519",
                    "host key is known for",
                    &place,
                    "`ops_host_keys` of the host to `accept-new`",
                ],
            ),
            Case::new(
                "changed",
                known(&wrong),
                Kind::HostKeyChanged,
                &[
                    "has changed",
                    &place,
                    "it is now",
                    "SHA256:",
                    &format!("ssh-keygen -f \"{}\" -R \"{place}\"", wrong.display()),
                ],
            ),
        ],
    );
}

fn place(host: &Sshd) -> String {
    format!("[{}]:{}", host.endpoint().address, host.endpoint().port)
}

fn the_login(client: SshClient) {
    let (fleet, other) = (Fleet::sshd(1), Fleet::sshd(0));
    let user = &fleet.hosts()[0].endpoint().user;
    let locked = Identity::new(
        &fleet.dir().join("locked"),
        &["-t", "ed25519", "-N", "word"],
    );
    locked.authorize(&fleet);
    let open = Identity::new(&fleet.dir().join("laid-open"), OPEN);
    open.authorize(&fleet);
    open.mode(0o644);
    let of_key = |key: &Path| Connection {
        key_file: Some(key.to_owned()),
        ..with(&fleet, "-o IdentitiesOnly=yes")
    };
    let denied = "permission denied (publickey)";
    check(
        client,
        &[
            Case::new(
                "no key",
                Connection {
                    key_file: None,
                    ..with(&fleet, "-o IdentityFile=none")
                },
                Kind::Authentication,
                &[denied, user, "no key was offered"],
            ),
            Case::new(
                "a key that does not exist",
                of_key(Path::new("/nowhere/id")),
                Kind::Authentication,
                &[denied, "the key file /nowhere/id does not exist"],
            ),
            Case::new(
                "a wrong key",
                of_key(&other.key()),
                Kind::Authentication,
                &[denied, user, &other.key().display().to_string(), "SHA256:"],
            ),
            Case::new(
                "a wrong user",
                Connection {
                    user: Some("nobody-has-this-name".into()),
                    ..usual(&fleet)
                },
                Kind::Authentication,
                &[denied, "nobody-has-this-name"],
            ),
            Case::new(
                "a key with a passphrase",
                of_key(locked.path()),
                Kind::Authentication,
                &[denied, "ssh-add", &locked.path().display().to_string()],
            ),
            Case::new(
                "a key that others may read",
                of_key(open.path()),
                Kind::Authentication,
                &[denied, "others", &open.path().display().to_string()],
            ),
        ],
    );
}

fn the_handshake(client: SshClient) {
    let narrow = "Ciphers aes256-ctr\nMACs hmac-sha2-512\nKexAlgorithms curve25519-sha256";
    let fleet = Fleet::sshd_with(1, &Settings::default().config(narrow));
    let full = Fleet::sshd_with(1, &Settings::default().config("MaxStartups 1"));
    let endpoint = full.hosts()[0].endpoint();
    // The server accepts only one connection that has not logged in.
    let mut first = TcpStream::connect((endpoint.address, endpoint.port)).expect("a connection");
    first.read_exact(&mut [0; 4]).expect("the server's version");
    let no_match = |what: &'static str, args: &str, theirs: &str| {
        let words = [&format!("no matching {what}") as &str, theirs];
        Case::new(what, with(&fleet, args), Kind::Other, &words)
    };
    check(
        client,
        &[
            no_match("cipher", "-o Ciphers=aes128-ctr", "aes256-ctr"),
            no_match("MAC", "-o MACs=hmac-sha2-256", "hmac-sha2-512"),
            no_match(
                "key exchange method",
                "-o KexAlgorithms=ecdh-sha2-nistp256",
                "curve25519-sha256",
            ),
            no_match(
                "host key type",
                "-o HostKeyAlgorithms=rsa-sha2-512",
                "ssh-ed25519",
            ),
            Case::new("full", usual(&full), Kind::Network, &["connection"]),
        ],
    );
}

/// The login works, but it does not start a shell.
fn the_shell(client: SshClient) {
    for (command, words) in [
        (
            "echo 'This account is currently not available.'; exit 1",
            vec!["This account is currently not available.", "login shell"],
        ),
        ("echo only this", vec!["only this"]),
        ("exit 3", vec!["login shell"]),
    ] {
        let fleet = Fleet::sshd_with(
            1,
            &Settings::default().config(&format!("ForceCommand {command}")),
        );
        let (said, again) = over::run(async {
            let transport = transport(client, usual(&fleet));
            match transport.session(SessionOptions::default()).await {
                Ok(session) => {
                    let error = session.facts().await.unwrap_err();
                    let hint = error.hint().unwrap_or_default().to_owned();
                    assert!(!matches!(error, SessionError::Elevation { .. }), "{error}");
                    (format!("{error} {hint}"), error.is_retryable())
                }
                Err(error) => (
                    format!("{error} {}", error.hint.clone().unwrap_or_default()),
                    error.is_retryable(),
                ),
            }
        });
        for word in words {
            assert!(said.contains(word), "{client:?}: {command}: {said}");
        }
        assert!(!again, "{client:?}: {command}: {said}");
    }
}

/// Names that would be an option of ssh, or more than a name.
fn invalid_host_names(client: SshClient) {
    let fleet = Fleet::sshd(1);
    for (address, user) in [
        ("-oProxyCommand=touch /tmp/x", "amy"),
        ("", "amy"),
        ("web 1", "amy"),
        ("web1", "-x"),
        ("web1", "a b"),
    ] {
        let connection = Connection {
            address: address.into(),
            user: Some(user.into()),
            ssh_client: client,
            ..usual(&fleet)
        };
        let connector = ops::transport::Connector::new();
        let error = over::run(async { connector.transport(&connection).open().await.map(drop) })
            .unwrap_err();
        assert_eq!(error.kind, Kind::Invalid, "{address:?} {user:?}: {error}");
        assert!(error.hint.is_some());
    }
}
