//! Why a host was refused, and what the user can do.

use std::path::PathBuf;

use super::key::HostKey;
use super::known_hosts::Found;
use super::verifier::HostVerifier;
use crate::ssh::error::{Advice, SshError, SshErrorKind as Kind};
use crate::ssh::settings::StrictHostKeyChecking;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    Key {
        /// The name that the host was looked up by.
        name: String,
        key: HostKey,
        why: Why,
        /// The key came in a certificate, which is ignored for this reason.
        unvouched: Option<String>,
    },
    Malformed,
    ForgedCertificate,
    Short {
        bits: usize,
    },
    /// `RevokedHostKeys` lists the key.
    Listed {
        key: HostKey,
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
    /// The address is known with another key.
    OtherAddress {
        address: String,
        found: Found,
    },
    NotOffered,
}

impl Refusal {
    pub(super) fn key(name: &str, key: &HostKey, why: Why) -> Self {
        Self::Key {
            name: name.to_owned(),
            key: key.clone(),
            why,
            unvouched: None,
        }
    }

    /// Whether another lookup could not change the refusal.
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
    /// The location: `/home/amy/.ssh/known_hosts:7`.
    pub(super) fn place(&self) -> String {
        match self.line {
            0 => self.file.display().to_string(),
            line => format!("{}:{line}", self.file.display()),
        }
    }
}

impl HostVerifier {
    pub(super) fn error(&self, refusal: &Refusal) -> SshError {
        let name = self.name(self.port);
        let (kind, message, advice) = match refusal {
            Refusal::Key {
                name,
                key,
                why,
                unvouched,
            } => {
                let (kind, mut message, advice) = self.key_error(name, key, why);
                if let Some(fault) = unvouched {
                    message.push_str(&format!("; its certificate is not accepted: {fault}"));
                }
                (kind, message, advice)
            }
            Refusal::Malformed => (
                Kind::HostKeyUnknown,
                format!("{name} presents an invalid host key"),
                self.try_ssh(),
            ),
            Refusal::ForgedCertificate => (
                Kind::HostKeyUnknown,
                format!("{name} presents a certificate that its authority has not signed"),
                Advice::try_this(
                    "Someone may be intercepting the connection, or the host's certificate is damaged: \
                     sign it again.",
                ),
            ),
            Refusal::Short { bits } => (
                Kind::HostKeyUnknown,
                format!(
                    "{name} presents an RSA key of {bits} bits; the minimum is {}",
                    self.least_rsa_bits
                ),
                Advice::try_this(
                    "Give the host a longer key, or an ED25519 one (`ssh-keygen -A` creates missing keys).",
                ),
            ),
            Refusal::Listed { key, file } => (
                Kind::HostKeyUnknown,
                format!(
                    "the {} host key of {name} is revoked by {}: {}",
                    key.kind(),
                    file.display(),
                    key.fingerprint()
                ),
                Advice::try_this(
                    "Anyone who has this key can pose as the host: give the host a new one, or correct \
                     RevokedHostKeys.",
                ),
            ),
            Refusal::NoList { fault } => (
                Kind::HostKeyUnknown,
                fault.clone(),
                Advice::try_this(
                    "No host is trusted while RevokedHostKeys cannot be read: \
                     correct the file or the setting.",
                ),
            ),
            Refusal::Signature { name: signature } => (
                Kind::HostKeyUnknown,
                format!("{name} signs with {signature}, which was not offered"),
                self.try_ssh(),
            ),
        };
        SshError {
            kind,
            message,
            advice: Some(advice),
        }
    }

    fn key_error(&self, name: &str, key: &HostKey, why: &Why) -> (Kind, String, Advice) {
        let (sort, print) = (key.kind(), key.fingerprint());
        match why {
            Why::Unknown => (
                Kind::HostKeyUnknown,
                format!("no {sort} host key is known for {name}: it presents {print}"),
                self.unknown_advice(),
            ),
            Why::Changed(found) if found.kind == key.kind() => (
                Kind::HostKeyChanged,
                format!(
                    "the host key for {name} has changed: it is now {sort} {print}, which differs from {}",
                    found.place()
                ),
                replaced(found, name),
            ),
            Why::Changed(found) => (
                Kind::HostKeyChanged,
                format!(
                    "the host key for {name} has changed: it is now {sort} {print}, and {} has one \
                     of kind {}",
                    found.place(),
                    found.kind
                ),
                replaced(found, name),
            ),
            Why::Revoked(found) => (
                Kind::HostKeyUnknown,
                format!(
                    "the {sort} host key for {name} is revoked by {}: {print}",
                    found.place()
                ),
                Advice::try_this(
                    "Anyone who has this key can pose as the host: give the host a new one. \
                     It is refused with `StrictHostKeyChecking=no`, too.",
                ),
            ),
            Why::OtherAddress { address, found } => (
                Kind::HostKeyChanged,
                format!(
                    "the {sort} host key for {name}, {print}, is not the one in {} for its address {address}",
                    found.place()
                ),
                Advice::try_this(format!(
                    "If another host has this address now, {}; otherwise someone may be intercepting \
                     the connection.",
                    forget(found, address)
                )),
            ),
            Why::NotOffered => (
                Kind::HostKeyUnknown,
                format!(
                    "{name} presents a host key of kind {sort}, which HostKeyAlgorithms does not list: \
                     {print}"
                ),
                Advice::try_this(
                    "Add its algorithm to HostKeyAlgorithms, or give the host a key of a kind that is \
                     named there.",
                ),
            ),
        }
    }

    fn unknown_advice(&self) -> Advice {
        if self.strict() == StrictHostKeyChecking::Yes {
            Advice::AcceptHostKey
        } else if self.policy.user_files.is_empty() {
            Advice::try_this(
                "New keys are not accepted if UserKnownHostsFile is `none`: set it to a file to store \
                 them in.",
            )
        } else {
            Advice::try_this(
                "The name has characters for which no key can be stored: set HostKeyAlias for the host.",
            )
        }
    }

    fn try_ssh(&self) -> Advice {
        Advice::try_this(format!("Try `ssh -v -p {} {}`.", self.port, self.host))
    }
}

/// The advice for a key that has changed.
fn replaced(found: &Found, name: &str) -> Advice {
    Advice::try_this(format!(
        "If the host was reinstalled, {}; otherwise someone may be intercepting the connection.",
        forget(found, name)
    ))
}

/// How to remove an entry, as the middle of a sentence.
fn forget(found: &Found, name: &str) -> String {
    if found.wildcard {
        format!(
            "correct the line {}, which applies to other hosts too",
            found.place()
        )
    } else {
        format!(
            "remove its old key with `ssh-keygen -f \"{}\" -R \"{name}\"`",
            found.file.display()
        )
    }
}
