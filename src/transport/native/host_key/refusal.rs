//! Why a host was not taken for who it should be, and what the user can do.

use std::path::PathBuf;

use super::HostKeys;
use super::cache::Found;
use super::key::Key;
use crate::transport::{StrictHostKeyChecking, TransportError, TransportErrorKind as Kind};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    Key {
        /// What the host was looked up by.
        name: String,
        key: Key,
        why: Why,
        /// It came in a certificate, which was not taken for this reason.
        unvouched: Option<String>,
    },
    Malformed,
    ForgedCertificate,
    Short {
        bits: usize,
    },
    /// `RevokedHostKeys` names it.
    Listed {
        key: Key,
        file: PathBuf,
    },
    /// `RevokedHostKeys` cannot be read.
    NoList {
        fault: String,
    },
    Signature {
        name: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    Unknown,
    Changed(Found),
    Revoked(Found),
    /// The address is known by another key.
    OtherAddress {
        address: String,
        found: Found,
    },
    NotOffered,
}

impl Refusal {
    /// Nothing that is known elsewhere makes up for it.
    pub(super) const fn is_final(&self) -> bool {
        !matches!(
            self,
            Self::Key {
                why: Why::Unknown | Why::Changed(_) | Why::OtherAddress { .. } | Why::NotOffered,
                ..
            }
        )
    }

    pub(super) fn unvouched(self) -> Option<String> {
        match self {
            Self::Key { unvouched, .. } => unvouched,
            _ => None,
        }
    }
}

impl Found {
    /// `/home/amy/.ssh/known_hosts:7`.
    pub(super) fn place(&self) -> String {
        match self.line {
            0 => self.file.display().to_string(),
            line => format!("{}:{line}", self.file.display()),
        }
    }
}

impl HostKeys {
    pub(super) fn error(&self, refusal: &Refusal) -> TransportError {
        let name = self.name(self.port);
        let (kind, message, hint) = match refusal {
            Refusal::Key {
                name,
                key,
                why,
                unvouched,
            } => {
                let (kind, mut message, hint) = self.key_error(name, key, why);
                if let Some(fault) = unvouched {
                    message.push_str(&format!("; its certificate does not count: {fault}"));
                }
                (kind, message, hint)
            }
            Refusal::Malformed => (
                Kind::HostKeyUnknown,
                format!("{name} shows a host key that cannot be read"),
                self.try_ssh(),
            ),
            Refusal::ForgedCertificate => (
                Kind::HostKeyUnknown,
                format!("{name} shows a certificate that its authority has not signed"),
                "Somebody may be in between, or the host's certificate is damaged: have it signed anew.".to_owned(),
            ),
            Refusal::Short { bits } => (
                Kind::HostKeyUnknown,
                format!("{name} shows an RSA key of {bits} bits, and {} are the least", self.least_rsa_bits),
                "Give the host a longer key, or an ED25519 one (`ssh-keygen -A` makes those that are missing).".to_owned(),
            ),
            Refusal::Listed { key, file } => (
                Kind::HostKeyUnknown,
                format!(
                    "the {} host key of {name} is revoked by {}: {}",
                    key.kind(),
                    file.display(),
                    key.fingerprint()
                ),
                "Whoever has it may not be the host: give the host a new key, or take the file out of RevokedHostKeys.".to_owned(),
            ),
            Refusal::NoList { fault } => (
                Kind::HostKeyUnknown,
                fault.clone(),
                "No host is trusted while RevokedHostKeys cannot be read: repair the file, or the setting.".to_owned(),
            ),
            Refusal::Signature { name: signature } => (
                Kind::HostKeyUnknown,
                format!("{name} signs with {signature}, which was not offered"),
                self.try_ssh(),
            ),
        };
        TransportError {
            kind,
            message,
            hint: Some(hint),
        }
    }

    fn key_error(&self, name: &str, key: &Key, why: &Why) -> (Kind, String, String) {
        let (sort, print) = (key.kind(), key.fingerprint());
        match why {
            Why::Unknown => (
                Kind::HostKeyUnknown,
                format!("no {sort} host key is known for {name}: it shows {print}"),
                self.unknown_hint(),
            ),
            Why::Changed(found) if found.kind == key.kind() => (
                Kind::HostKeyChanged,
                format!(
                    "the host key for {name} has changed: it is now {sort} {print}, and {} has another",
                    found.place()
                ),
                format!(
                    "If the host was set up anew, {}; else somebody may be in between.",
                    forget(found, name)
                ),
            ),
            Why::Changed(found) => (
                Kind::HostKeyChanged,
                format!(
                    "the host key for {name} has changed: it is now {sort} {print}, and {} has one of kind {}",
                    found.place(),
                    found.kind
                ),
                format!(
                    "If the host was set up anew, {}; else somebody may be in between.",
                    forget(found, name)
                ),
            ),
            Why::Revoked(found) => (
                Kind::HostKeyUnknown,
                format!(
                    "the {sort} host key for {name} is revoked by {}: {print}",
                    found.place()
                ),
                "Whoever has it may not be the host: give the host a new key. With `StrictHostKeyChecking=no` it is refused too.".to_owned(),
            ),
            Why::OtherAddress { address, found } => (
                Kind::HostKeyChanged,
                format!(
                    "the {sort} host key for {name}, {print}, is not the one that {} has for its address {address}",
                    found.place()
                ),
                format!(
                    "If the address went to another host, {}; else somebody may be in between.",
                    forget(found, address)
                ),
            ),
            Why::NotOffered => (
                Kind::HostKeyUnknown,
                format!("{name} shows a host key of kind {sort}, which HostKeyAlgorithms does not name: {print}"),
                "Add its algorithm to HostKeyAlgorithms, or give the host a key of a kind that is named there.".to_owned(),
            ),
        }
    }

    fn unknown_hint(&self) -> String {
        if self.strict() == StrictHostKeyChecking::Yes {
            "Log in once with `ssh` to take its key, or set `ops_host_keys = \"accept-new\"`."
                .to_owned()
        } else if self.policy.user_files.is_empty() {
            "No key is taken where UserKnownHostsFile is `none`: name a file to keep it in."
                .to_owned()
        } else {
            "No key is taken for a name with such letters: set HostKeyAlias for the host."
                .to_owned()
        }
    }

    fn try_ssh(&self) -> String {
        format!("Try `ssh -v -p {} {}`.", self.port, self.host)
    }
}

/// What takes an entry away, as the middle of a sentence.
fn forget(found: &Found, name: &str) -> String {
    if found.wildcard {
        format!(
            "correct the line {}, which is for other hosts too",
            found.place()
        )
    } else {
        format!(
            "remove its old key with `ssh-keygen -f \"{}\" -R \"{name}\"`",
            found.file.display()
        )
    }
}
