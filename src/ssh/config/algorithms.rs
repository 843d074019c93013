//! Lists of algorithms: those that this client supports, and how a configuration changes them.

use crate::ssh::host_keys::DEFAULT_ALGORITHMS;
use crate::ssh::pattern;

/// One of the lists that a configuration can change.
#[derive(Debug, Clone, Copy)]
pub(super) struct AlgorithmList {
    /// The algorithms that this client supports, in the order of OpenSSH's lists.
    pub known: &'static [&'static str],
    /// The algorithms that it offers by default, and that `+`, `-` and `^` change.
    pub default: &'static [&'static str],
    /// Further algorithms that versions of OpenSSH know.
    pub others: &'static [&'static str],
    /// Whether the first name is the preferred one, and the rest are alternatives.
    pub ranked: bool,
    /// Whether names may be patterns.
    pub patterns: bool,
    /// Algorithms that only `ssh` supports. A list that allows one of these needs `ssh`, because it is
    /// unknown which one a host will ask for.
    pub only_ssh: &'static [&'static str],
}

/// SHA-1 signatures of the user's RSA keys. This client does not create any.
const SHA1_SIGNATURES: &[&str] = &["ssh-rsa", "ssh-rsa-cert-v01@openssh.com"];

/// Key exchanges that resist quantum computers.
const POST_QUANTUM: &[&str] = &[
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512",
    "sntrup761x25519-sha512@openssh.com",
];

pub(super) const KEY_EXCHANGE: AlgorithmList = AlgorithmList {
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

pub(super) const CIPHERS: AlgorithmList = AlgorithmList {
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

pub(super) const MACS: AlgorithmList = AlgorithmList {
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

/// Algorithms for keys of hosts and users.
const KEYS: AlgorithmList = AlgorithmList {
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
    default: DEFAULT_ALGORITHMS,
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

pub(super) const HOST_KEYS: AlgorithmList = KEYS;

/// Which of the user's keys may be used. The order of the keys matters, not the order of this list.
pub(super) const PUBLIC_KEYS: AlgorithmList = AlgorithmList {
    ranked: false,
    only_ssh: SHA1_SIGNATURES,
    ..KEYS
};

/// Signature algorithms of certificate authorities: plain keys. Names of certificate algorithms are ignored.
pub(super) const CA_SIGNATURES: AlgorithmList = AlgorithmList {
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

impl AlgorithmList {
    /// Returns the list that a value defines.
    ///
    /// # Errors
    /// If it asks for something that only `ssh` supports, or is invalid.
    pub(crate) fn read(&self, value: &str) -> Result<Vec<String>, String> {
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
            return Err(format!("the built-in client does not support `{name}`"));
        }
        let mut wished = Vec::new();
        for (position, name) in names.split(',').enumerate() {
            let found = self.expand(name)?;
            // A name in first place is the one to use. A name that is added is for hosts that support nothing
            // else.
            let wanted = match sign {
                Some(_) => true,
                None => self.ranked && position == 0,
            };
            if found.is_empty() && wanted {
                return Err(format!("the built-in client does not support `{name}`"));
            }
            wished.extend(found);
        }
        let post_quantum = |name: &str| POST_QUANTUM.contains(&name);
        if names.split(',').any(post_quantum) && !wished.iter().any(|name| post_quantum(name)) {
            return Err(
                "the built-in client does not support this post-quantum key exchange".to_owned(),
            );
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

    /// The supported algorithms that a name or a pattern matches.
    fn expand(&self, name: &str) -> Result<Vec<&'static str>, String> {
        let is_pattern = self.patterns && name.contains(['*', '?']);
        let exists = self.known.contains(&name)
            || self.others.contains(&name)
            || (self.patterns && KEYS.known.contains(&name));
        if !is_pattern && !exists {
            return Err(format!("`{name}` is an unknown algorithm"));
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
        return Err("no algorithm is left".to_owned());
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_change_the_defaults() {
        let list = |value| KEY_EXCHANGE.read(value).unwrap();
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
                .read("+ssh-rsa")
                .unwrap()
                .last()
                .map(String::as_str),
            Some("ssh-rsa")
        );
        assert_eq!(PUBLIC_KEYS.read("-ssh-rsa").unwrap(), PUBLIC_KEYS.default);
        assert_eq!(
            HOST_KEYS.read("ssh-ed25519*").unwrap(),
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

    /// If this list had a name that russh does not support, hosts could not be reached.
    #[test]
    fn russh_supports_all_known_names() {
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
    fn algorithms_that_only_ssh_supports_need_ssh() {
        let error = |kind: AlgorithmList, list| kind.read(list).unwrap_err();
        assert_eq!(
            error(CIPHERS, "3des-cbc"),
            "the built-in client does not support `3des-cbc`"
        );
        assert_eq!(
            error(CIPHERS, "+3des-cbc"),
            "the built-in client does not support `3des-cbc`"
        );
        for list in [
            "ssh-rsa",
            "ssh-ed25519,ssh-rsa",
            "+ssh-rsa",
            "^ssh-rsa",
            "ssh-*",
        ] {
            assert_eq!(
                error(PUBLIC_KEYS, list),
                "the built-in client does not support `ssh-rsa`",
                "{list}"
            );
        }
        assert!(PUBLIC_KEYS.read("ssh-ed25519,rsa-sha2-*").is_ok());
        assert!(
            PUBLIC_KEYS
                .read("ssh-ed25519,sk-ssh-ed25519@openssh.com")
                .is_ok()
        );
        // A host may still sign with SHA-1.
        assert!(HOST_KEYS.read("ssh-rsa").is_ok());
    }

    #[test]
    fn unsupported_names_need_ssh() {
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
            assert!(KEY_EXCHANGE.read(value).is_err(), "{value}");
        }
        assert!(MACS.read("umac-128-etm@openssh.com,hmac-sha2-256").is_err());
        assert!(PUBLIC_KEYS.read("+ssh-dss").is_err());
        assert!(PUBLIC_KEYS.read("sk-ssh-ed25519@openssh.com").is_err());
        // Both lists have the post-quantum algorithm of newer versions.
        let both = "sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256";
        assert!(KEY_EXCHANGE.read(both).is_err(), "the first one counts");
        let both = "mlkem768x25519-sha256,sntrup761x25519-sha512@openssh.com,curve25519-sha256";
        assert_eq!(
            KEY_EXCHANGE.read(both).unwrap(),
            ["mlkem768x25519-sha256", "curve25519-sha256"]
        );
        assert_eq!(
            MACS.read("hmac-sha2-256,umac-128@openssh.com").unwrap(),
            ["hmac-sha2-256"]
        );
    }
}
