//! Each algorithm that this process supports works with the real server, and is the one that was requested.

use std::process::Command;

use super::login::{Login, Logins};
use crate::fleet::{Fleet, Settings};

/// Returns the output of `ssh -Q`.
fn known_to_ssh(what: &str) -> Vec<String> {
    let output = Command::new("ssh")
        .args(["-Q", what])
        .output()
        .expect("ssh");
    let text = String::from_utf8(output.stdout).expect("names");
    text.lines().map(str::to_owned).collect()
}

/// Logs in with each algorithm of the list that the installed OpenSSH has, and with no other.
#[track_caller]
fn each_works(query: &str, option: &str, with: &str, ours: &[&str]) {
    let theirs = known_to_ssh(query);
    let settings = Settings::default().config(&format!("{option} {}", theirs.join(",")));
    let fleet = Fleet::sshd_with(1, &settings);
    let mut logins = Logins::new(&fleet);
    let shared: Vec<_> = ours
        .iter()
        .filter(|name| theirs.iter().any(|their| their == *name))
        .collect();
    assert!(shared.len() * 2 > ours.len(), "{query}: only {shared:?}");
    for name in shared {
        let config = format!(
            "IdentityFile {}\n{option} {name}\n{with}",
            fleet.key().display()
        );
        logins.case(name, &config, Login::In);
    }
    logins.check();
}

/// (Except those over groups of 4096 bits and more, which take seconds in an unoptimised build.)
#[test]
fn each_key_exchange() {
    each_works(
        "kex",
        "KexAlgorithms",
        "",
        &[
            "curve25519-sha256",
            "curve25519-sha256@libssh.org",
            "diffie-hellman-group14-sha256",
            "ecdh-sha2-nistp256",
            "ecdh-sha2-nistp384",
            "ecdh-sha2-nistp521",
            // OpenSSH 9.9 and later.
            "mlkem768x25519-sha256",
        ],
    );
}

#[test]
fn each_cipher() {
    each_works(
        "cipher",
        "Ciphers",
        "",
        &[
            "chacha20-poly1305@openssh.com",
            "aes128-gcm@openssh.com",
            "aes256-gcm@openssh.com",
            "aes128-ctr",
            "aes192-ctr",
            "aes256-ctr",
        ],
    );
}

#[test]
fn each_mac() {
    each_works(
        "mac",
        "MACs",
        "Ciphers aes128-ctr",
        &[
            "hmac-sha2-256",
            "hmac-sha2-512",
            "hmac-sha2-256-etm@openssh.com",
            "hmac-sha2-512-etm@openssh.com",
            "hmac-sha1",
            "hmac-sha1-etm@openssh.com",
        ],
    );
}
