//! The effect of ssh_config(5) on a login.

use super::identity::{Identity, OPEN};
use super::login::{Login, Logins};
use crate::fleet::{Fleet, Settings};

#[test]
fn names_ports_users_and_blocks() {
    let fleet = Fleet::sshd(1);
    let key = format!("IdentityFile {}\n", fleet.key().display());
    let endpoint = fleet.hosts()[0].endpoint();
    let user = &endpoint.user;
    let part = fleet.dir().join("part.conf");
    std::fs::write(&part, &key).expect("a file to include");
    let part = part.display();
    let mut logins = Logins::new(&fleet);
    let denied = |config: &str| (format!("{key}{config}"), Login::Denied);
    let lets_in = |config: &str| (format!("{key}{config}"), Login::In);
    let alone = |config: String| (config, Login::In);
    let not_alone = |config: String| (config, Login::Denied);
    for (name, (config, login)) in [
        ("a user", lets_in(&format!("User {user}"))),
        ("another user", denied("User nobody-has-this-name")),
        ("another port", denied("Port 1")),
        ("another name", denied("HostName no-such-host.invalid")),
        ("IPv4", lets_in("AddressFamily inet")),
        ("IPv6", denied("AddressFamily inet6")),
        (
            "an alias of the host key",
            lets_in(&format!(
                "HostKeyAlias [{}]:{}",
                endpoint.address, endpoint.port
            )),
        ),
        ("an unknown alias", denied("HostKeyAlias somebody-else")),
        (
            "keep-alive",
            lets_in("ServerAliveInterval 1\nServerAliveCountMax 2\nTCPKeepAlive no"),
        ),
        ("compression", lets_in("Compression yes")),
        ("a block of the host", alone(format!("Host h*\n{key}"))),
        ("a block of others", not_alone(format!("Host web*\n{key}"))),
        (
            "a block for all hosts but this",
            not_alone(format!("Host * !h1\n{key}")),
        ),
        ("Match host", alone(format!("Match host {}\n{key}", "h1"))),
        (
            "Match originalhost",
            alone(format!("Match originalhost h?\n{key}")),
        ),
        ("Match user", alone(format!("Match user {user}\n{key}"))),
        (
            "Match not user",
            not_alone(format!("Match !user {user}\n{key}")),
        ),
        (
            "a Match block that changes another host's user",
            lets_in("Match host web\nUser nobody-has-this-name"),
        ),
        ("Include", alone(format!("Include {part}"))),
        (
            "Include in a block",
            not_alone(format!("Host web\nInclude {part}")),
        ),
        ("Include of nothing", lets_in("Include /nowhere/*.conf")),
        (
            "quotes",
            alone(format!("IdentityFile \"{}\"", fleet.key().display())),
        ),
        (
            "an equals sign",
            alone(format!("IdentityFile={}", fleet.key().display())),
        ),
        (
            "tokens",
            alone(format!(
                "IdentityFile {}/i%%d\nIdentityFile {}/%d\nIdentityFile {}",
                fleet.dir().display(),
                fleet.dir().display(),
                fleet.key().display()
            )),
        ),
        (
            "the first of two",
            denied(&format!("User nobody-has-this-name\nUser {user}")),
        ),
    ] {
        logins.case(name, &config, login);
    }
    logins.check();
}

#[test]
fn leaves_to_ssh_what_only_ssh_supports() {
    let fleet = Fleet::sshd(2);
    let key = format!("IdentityFile {}\n", fleet.key().display());
    let through = fleet.ssh_config();
    let mut logins = Logins::new(&fleet);
    for config in [
        format!("ProxyCommand ssh -F {} -W %h:%p h2", through.display()),
        "Host h1\nProxyJump ssh://h2\nHost *".to_owned(),
        format!(
            "Host h1\nProxyJump none\nHost *\nProxyCommand ssh -F {} -W %h:%p h2",
            through.display()
        ),
        "PreferredAuthentications hostbased,publickey\nHostbasedAuthentication yes".to_owned(),
    ] {
        logins.case(&config, &format!("{key}{config}"), Login::LeftToSsh);
    }
    logins.check();
}

#[test]
fn keeps_to_the_configured_key_algorithms() {
    let fleet = Fleet::sshd(1);
    let strict = Fleet::sshd_with(
        1,
        &Settings::default().config("PubkeyAcceptedAlgorithms rsa-sha2-512"),
    );
    let rsa = Identity::new(
        &fleet.dir().join("rsa"),
        &["-t", "rsa", "-b", "2048", "-N", ""],
    );
    let ed25519 = Identity::new(&fleet.dir().join("ed25519"), OPEN);
    for key in [&rsa, &ed25519] {
        key.authorize(&fleet).authorize(&strict);
    }
    let of = |key: &Identity| format!("IdentityFile {}\n", key.path().display());
    let accept = |key: &Identity, what: &str| format!("{}PubkeyAcceptedAlgorithms {what}", of(key));
    let mut logins = Logins::new(&fleet);
    logins
        .case("rsa-sha2-256", &accept(&rsa, "rsa-sha2-256"), Login::In)
        .case("rsa-sha2-512", &accept(&rsa, "rsa-sha2-512"), Login::In)
        .case(
            "rsa, and not its kind",
            &accept(&rsa, "ssh-ed25519"),
            Login::Denied,
        )
        .case("ed25519", &accept(&ed25519, "ssh-ed25519"), Login::In)
        .case(
            "all but ed25519",
            &accept(&ed25519, "-ssh-ed25519"),
            Login::Denied,
        )
        .case("a pattern", &accept(&rsa, "rsa-sha2-*"), Login::In)
        .case(
            "with SHA-1",
            &accept(&ed25519, "+ssh-rsa"),
            Login::LeftToSsh,
        );
    logins.check();
    let mut logins = Logins::new(&strict);
    logins
        .case("a server that accepts one", &of(&rsa), Login::In)
        .case(
            "a server that does not accept it",
            &of(&ed25519),
            Login::Denied,
        );
    logins.check();
}
