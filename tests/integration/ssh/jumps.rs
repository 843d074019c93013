//! Hosts behind jump hosts.

use super::identity::{Identity, OPEN};
use super::login::{Login, Logins};
use crate::fleet::{Fleet, Settings};

/// Returns the number of logins that the host has accepted.
fn granted(fleet: &Fleet, host: usize) -> usize {
    fleet.hosts()[host]
        .log()
        .matches("Accepted publickey")
        .count()
}

#[test]
fn one_host_and_two() {
    let fleet = Fleet::sshd(3);
    let key = format!("IdentityFile {}\n", fleet.key().display());
    let user = fleet.hosts()[1].endpoint().user.clone();
    let endpoint = fleet.hosts()[1].endpoint();
    let at = format!("{}@{}:{}", user, endpoint.address, endpoint.port);
    for (name, jump, passes) in [
        ("one", "Host h1\nProxyJump h2\nHost *\n".to_owned(), [1, 0]),
        (
            "with a user",
            format!("Host h1\nProxyJump {user}@h2\nHost *\n"),
            [1, 0],
        ),
        (
            "by its address",
            format!("Host h1\nProxyJump {at}\nHost *\n"),
            [1, 0],
        ),
        (
            "two",
            "Host h1\nProxyJump h2,h3\nHost *\n".to_owned(),
            [1, 1],
        ),
        (
            "one behind another",
            "Host h1\nProxyJump h2\nHost h2\nProxyJump h3\nHost *\n".to_owned(),
            [1, 1],
        ),
        (
            "none",
            "Host h1\nProxyJump none\nHost *\n".to_owned(),
            [0, 0],
        ),
        (
            "the first of two lines",
            "Host h1\nProxyJump none\nHost h1\nProxyJump h2\nHost *\n".to_owned(),
            [0, 0],
        ),
    ] {
        let before = [granted(&fleet, 1), granted(&fleet, 2)];
        let mut logins = Logins::new(&fleet);
        logins
            .case(name, &format!("{jump}{key}"), Login::In)
            .check();
        let after = [granted(&fleet, 1), granted(&fleet, 2)];
        // Once by ssh, and once by this process.
        assert_eq!(
            [after[0] - before[0], after[1] - before[1]],
            passes.map(|once| 2 * once),
            "{name}"
        );
    }
}

#[test]
fn every_jump_host_has_its_own_settings() {
    let fleet = Fleet::sshd(2);
    let closed = Fleet::sshd_with(2, &Settings::default().config("AllowTcpForwarding no"));
    let jump = Identity::new(&fleet.dir().join("jump"), OPEN);
    jump.authorize(&fleet);
    let wrong = Identity::new(&fleet.dir().join("wrong"), OPEN);
    let only = "Host h1\nProxyJump h2\nHost *\nIdentitiesOnly yes\n";
    let of = |host: &str, key: &Identity| {
        format!("Host {host}\nIdentityFile {}\n", key.path().display())
    };
    let all = format!("Host *\nIdentityFile {}\n", fleet.key().display());
    let mut logins = Logins::new(&fleet);
    let target = format!("Host h1\nIdentityFile {}\n", fleet.key().display());
    logins
        .case(
            "a key for each",
            &format!("{only}{target}{}Host *\n", of("h2", &jump)),
            Login::In,
        )
        .case(
            "a wrong key for the jump host",
            &format!("{only}{target}{}Host *\n", of("h2", &wrong)),
            Login::Denied,
        )
        .case(
            "a wrong key for the target",
            &format!("{only}{}{}Host *\n", of("h1", &wrong), of("h2", &jump)),
            Login::Denied,
        )
        .case(
            "a wrong user for the jump host",
            &format!("Host h1\nProxyJump nobody-has-this-name@h2\n{all}"),
            Login::Denied,
        )
        .case(
            "a user in the block of the target only",
            &format!(
                "Host h1\nUser {}\nProxyJump h2\nHost h2\nUser nobody-has-this-name\n{all}",
                fleet.hosts()[0].endpoint().user
            ),
            Login::Denied,
        )
        .case(
            "a jump host with an unknown key",
            &format!("Host h1\nProxyJump h2\nHost h2\nUserKnownHostsFile /dev/null\n{all}"),
            Login::Denied,
        )
        .case(
            "a target with an unknown key",
            &format!("Host h1\nProxyJump h2\nUserKnownHostsFile /dev/null\n{all}"),
            Login::Denied,
        )
        .case(
            "an unreachable jump host",
            &format!("Host h1\nProxyJump h2\nHost h2\nPort 1\n{all}"),
            Login::Denied,
        )
        .case(
            "an unreachable target",
            &format!("Host h1\nProxyJump h2\nPort 1\n{all}"),
            Login::Denied,
        );
    logins.check();
    let all = format!("Host *\nIdentityFile {}\n", closed.key().display());
    let mut logins = Logins::new(&closed);
    logins.case(
        "a jump host that refuses the login",
        &format!("Host h1\nProxyJump h2\n{all}"),
        Login::Denied,
    );
    logins.check();
}
