//! Lists of algorithms: what this process has of those that a configuration names, and when that is not enough.

use crate::transport::native::HOST_KEY_ALGORITHMS;

use super::pattern;

/// One of the lists that a configuration may give.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// What this process's client can do, in the order in which OpenSSH counts them up.
    pub known: &'static [&'static str],
    /// What it does where nothing is said, and what `+`, `-` and `^` are about.
    pub default: &'static [&'static str],
    /// What else versions of OpenSSH know.
    pub others: &'static [&'static str],
    /// Whether the first is what is wanted, and the rest what would do.
    pub ranked: bool,
    /// Names may be patterns.
    pub patterns: bool,
    /// What only `ssh` does. A list that allows one of these takes `ssh`: which one a host will want is not known before.
    pub only_ssh: &'static [&'static str],
}

/// The user's RSA keys with SHA-1. Nothing here signs with that.
const SHA1_SIGNATURES: &[&str] = &["ssh-rsa", "ssh-rsa-cert-v01@openssh.com"];

/// Key exchanges that a quantum computer does not break.
const POST_QUANTUM: &[&str] = &[
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512",
    "sntrup761x25519-sha512@openssh.com",
];

pub(super) const KEY_EXCHANGE: Kind = Kind {
    known: &[
        "diffie-hellman-group1-sha1",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group14-sha256",
        "diffie-hellman-group15-sha512",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group17-sha512",
        "diffie-hellman-group18-sha512",
        "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group-exchange-sha256",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "mlkem768x25519-sha256",
    ],
    default: &[
        "mlkem768x25519-sha256",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group18-sha512",
        "diffie-hellman-group17-sha512",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group15-sha512",
        "diffie-hellman-group14-sha256",
    ],
    others: &[
        "sntrup761x25519-sha512",
        "sntrup761x25519-sha512@openssh.com",
        "sntrup4591761x25519-sha512@tinyssh.org",
    ],
    ranked: true,
    patterns: false,
    only_ssh: &[],
};

pub(super) const CIPHERS: Kind = Kind {
    known: &[
        "aes128-cbc",
        "aes192-cbc",
        "aes256-cbc",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com",
    ],
    default: &[
        "chacha20-poly1305@openssh.com",
        "aes256-gcm@openssh.com",
        "aes256-ctr",
        "aes192-ctr",
        "aes128-ctr",
    ],
    others: &["3des-cbc", "rijndael-cbc@lysator.liu.se"],
    ranked: true,
    patterns: false,
    only_ssh: &[],
};

pub(super) const MACS: Kind = Kind {
    known: &[
        "hmac-sha1",
        "hmac-sha2-256",
        "hmac-sha2-512",
        "hmac-sha1-etm@openssh.com",
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
    ],
    default: &[
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512",
        "hmac-sha2-256",
    ],
    others: &[
        "hmac-md5",
        "hmac-md5-96",
        "hmac-sha1-96",
        "hmac-md5-etm@openssh.com",
        "hmac-md5-96-etm@openssh.com",
        "hmac-sha1-96-etm@openssh.com",
        "umac-64@openssh.com",
        "umac-128@openssh.com",
        "umac-64-etm@openssh.com",
        "umac-128-etm@openssh.com",
    ],
    ranked: true,
    patterns: false,
    only_ssh: &[],
};

/// Keys of hosts and of users.
const KEYS: Kind = Kind {
    known: &[
        "ssh-ed25519",
        "ssh-ed25519-cert-v01@openssh.com",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp384-cert-v01@openssh.com",
        "ecdsa-sha2-nistp521",
        "ecdsa-sha2-nistp521-cert-v01@openssh.com",
        "ssh-rsa",
        "ssh-rsa-cert-v01@openssh.com",
        "rsa-sha2-256",
        "rsa-sha2-256-cert-v01@openssh.com",
        "rsa-sha2-512",
        "rsa-sha2-512-cert-v01@openssh.com",
    ],
    default: HOST_KEY_ALGORITHMS,
    others: &[
        "sk-ssh-ed25519@openssh.com",
        "sk-ssh-ed25519-cert-v01@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
        "webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "ssh-dss",
        "ssh-dss-cert-v01@openssh.com",
        "ssh-xmss@openssh.com",
        "ssh-xmss-cert-v01@openssh.com",
    ],
    ranked: true,
    patterns: true,
    only_ssh: &[],
};

pub(super) const HOST_KEYS: Kind = KEYS;

/// Which of the user's keys may be used: their order is that of the keys.
pub(super) const PUBLIC_KEYS: Kind = Kind {
    ranked: false,
    only_ssh: SHA1_SIGNATURES,
    ..KEYS
};

/// What authorities sign with: plain keys. A name of a certificate is passed over.
pub(super) const CA_SIGNATURES: Kind = Kind {
    known: &[
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-rsa",
        "rsa-sha2-256",
        "rsa-sha2-512",
    ],
    default: &[
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "rsa-sha2-512",
        "rsa-sha2-256",
    ],
    ranked: false,
    ..KEYS
};

impl Kind {
    /// The list that a value stands for.
    ///
    /// # Errors
    /// It asks for what only `ssh` has, or what it refuses.
    pub fn list(&self, value: &str) -> Result<Vec<String>, String> {
        let (sign, names) = match value.chars().next() {
            Some(sign @ ('+' | '-' | '^')) => (Some(sign), &value[1..]),
            _ => (None, value),
        };
        let default = self.default.iter().copied();
        if sign == Some('-') {
            let kept = default.filter(|name| !pattern::list_matches(name, names));
            return filled(kept.map(str::to_owned).collect());
        }
        let only_ssh = self.only_ssh.iter().find(|only| {
            let mut names = names.split(',');
            names.any(|name| name == **only || self.patterns && pattern::matches(only, name))
        });
        if let Some(name) = only_ssh {
            return Err(format!("`{name}` is not in ops"));
        }
        let mut wished = Vec::new();
        for (position, name) in names.split(',').enumerate() {
            let found = self.expand(name)?;
            // What is put first is what is wanted; what is added is for hosts that have nothing else.
            let wanted = match sign {
                Some(_) => true,
                None => self.ranked && position == 0,
            };
            if found.is_empty() && wanted {
                return Err(format!("`{name}` is not in ops"));
            }
            wished.extend(found);
        }
        let post_quantum = |name: &str| POST_QUANTUM.contains(&name);
        if names.split(',').any(post_quantum) && !wished.iter().any(|name| post_quantum(name)) {
            return Err("it asks for a post-quantum exchange that is not in ops".to_owned());
        }
        let list: Vec<&str> = match sign {
            Some('+') => default.chain(wished).collect(),
            Some('^') => wished.into_iter().chain(default).collect(),
            _ => wished,
        };
        let mut once: Vec<String> = Vec::with_capacity(list.len());
        for name in list {
            if !once.iter().any(|known| known == name) {
                once.push(name.to_owned());
            }
        }
        filled(once)
    }

    /// Those of the own algorithms that a name or a pattern is about.
    fn expand(&self, name: &str) -> Result<Vec<&'static str>, String> {
        let is_pattern = self.patterns && name.contains(['*', '?']);
        let exists = self.known.contains(&name)
            || self.others.contains(&name)
            || (self.patterns && KEYS.known.contains(&name));
        if !is_pattern && !exists {
            return Err(format!("`{name}` is an algorithm that ops does not know"));
        }
        Ok(self
            .known
            .iter()
            .copied()
            .filter(|known| pattern::matches(known, name))
            .collect())
    }
}

fn filled(list: Vec<String>) -> Result<Vec<String>, String> {
    if list.is_empty() {
        return Err("it leaves nothing that ops has".to_owned());
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_about_what_ops_has() {
        let list = |value| KEY_EXCHANGE.list(value).unwrap();
        assert_eq!(list("curve25519-sha256"), ["curve25519-sha256"]);
        let default = list("^curve25519-sha256");
        assert_eq!(default[..2], ["curve25519-sha256", "mlkem768x25519-sha256"]);
        assert_eq!(default.len(), KEY_EXCHANGE.default.len());
        assert_eq!(
            list("+ecdh-sha2-nistp256").last().map(String::as_str),
            Some("ecdh-sha2-nistp256")
        );
        assert_eq!(list("-curve*,diffie*"), ["mlkem768x25519-sha256"]);
        assert_eq!(
            HOST_KEYS
                .list("+ssh-rsa")
                .unwrap()
                .last()
                .map(String::as_str),
            Some("ssh-rsa")
        );
        assert_eq!(PUBLIC_KEYS.list("-ssh-rsa").unwrap(), PUBLIC_KEYS.default);
        assert_eq!(
            HOST_KEYS.list("ssh-ed25519*").unwrap(),
            ["ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"]
        );
    }

    #[test]
    fn the_defaults_are_those_of_the_client() {
        let client = russh::Preferred::DEFAULT;
        let kex: Vec<&str> = client
            .kex
            .iter()
            .map(AsRef::as_ref)
            .filter(|name: &&str| !name.starts_with("ext-info") && !name.starts_with("kex-strict"))
            .collect();
        assert_eq!(KEY_EXCHANGE.default, kex);
        let ciphers: Vec<&str> = client.cipher.iter().map(AsRef::as_ref).collect();
        assert_eq!(CIPHERS.default, ciphers);
        let macs: Vec<&str> = client.mac.iter().map(AsRef::as_ref).collect();
        assert_eq!(MACS.default, macs);
        for kind in [
            KEY_EXCHANGE,
            CIPHERS,
            MACS,
            HOST_KEYS,
            PUBLIC_KEYS,
            CA_SIGNATURES,
        ] {
            assert!(kind.default.iter().all(|name| kind.known.contains(name)));
        }
    }

    /// A name that stands here and that the client cannot do is a host that is not reached.
    #[test]
    fn the_client_can_do_all_that_is_known() {
        for name in KEY_EXCHANGE.known {
            assert!(russh::kex::Name::try_from(*name).is_ok(), "{name}");
        }
        for name in CIPHERS.known {
            assert!(russh::cipher::Name::try_from(*name).is_ok(), "{name}");
        }
        for name in MACS.known {
            assert!(russh::mac::Name::try_from(*name).is_ok(), "{name}");
        }
        for kind in [KEY_EXCHANGE, CIPHERS, MACS, KEYS, CA_SIGNATURES] {
            assert!(kind.known.iter().all(|name| !kind.others.contains(name)));
        }
    }

    #[test]
    fn what_only_ssh_does_takes_ssh() {
        let error = |kind: Kind, list| kind.list(list).unwrap_err();
        assert_eq!(error(CIPHERS, "3des-cbc"), "`3des-cbc` is not in ops");
        assert_eq!(error(CIPHERS, "+3des-cbc"), "`3des-cbc` is not in ops");
        for list in [
            "ssh-rsa",
            "ssh-ed25519,ssh-rsa",
            "+ssh-rsa",
            "^ssh-rsa",
            "ssh-*",
        ] {
            assert_eq!(
                error(PUBLIC_KEYS, list),
                "`ssh-rsa` is not in ops",
                "{list}"
            );
        }
        assert!(PUBLIC_KEYS.list("ssh-ed25519,rsa-sha2-*").is_ok());
        assert!(
            PUBLIC_KEYS
                .list("ssh-ed25519,sk-ssh-ed25519@openssh.com")
                .is_ok()
        );
        // A host's signature may still be of SHA-1.
        assert!(HOST_KEYS.list("ssh-rsa").is_ok());
    }

    #[test]
    fn what_is_asked_for_and_is_not_there_takes_ssh() {
        for value in [
            "sntrup761x25519-sha512@openssh.com",
            "sntrup761x25519-sha512@openssh.com,curve25519-sha256",
            "curve25519-sha256,sntrup761x25519-sha512@openssh.com",
            "^sntrup761x25519-sha512@openssh.com",
            "+sntrup761x25519-sha512",
            "nosuch",
            "curve25519-sha256,nosuch",
            "-*",
        ] {
            assert!(KEY_EXCHANGE.list(value).is_err(), "{value}");
        }
        assert!(MACS.list("umac-128-etm@openssh.com,hmac-sha2-256").is_err());
        assert!(PUBLIC_KEYS.list("+ssh-dss").is_err());
        assert!(PUBLIC_KEYS.list("sk-ssh-ed25519@openssh.com").is_err());
        // Both have the post-quantum one of the newer versions.
        let both = "sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256";
        assert!(
            KEY_EXCHANGE.list(both).is_err(),
            "the first is what is wanted"
        );
        let both = "mlkem768x25519-sha256,sntrup761x25519-sha512@openssh.com,curve25519-sha256";
        assert_eq!(
            KEY_EXCHANGE.list(both).unwrap(),
            ["mlkem768x25519-sha256", "curve25519-sha256"]
        );
        assert_eq!(
            MACS.list("hmac-sha2-256,umac-128@openssh.com").unwrap(),
            ["hmac-sha2-256"]
        );
    }
}
