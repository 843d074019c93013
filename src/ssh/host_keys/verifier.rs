//! The expectations for one host: the algorithms offered to it, and the names and files for the lookup of its
//! key.

use std::path::PathBuf;
use std::sync::Arc;

use russh::keys::Algorithm;

use super::key::KeyKind;
use super::known_hosts::KnownHosts;
use crate::ssh::settings::{
    Algorithms, DEFAULT_SIGNATURES, HostKeyPolicy, SshSettings, StrictHostKeyChecking,
};

/// The algorithms that `ssh` offers by default, the preferred one first, without those of hardware security
/// keys (an OpenSSH `sshd` has such a key only if its configuration says so).
pub(crate) const DEFAULT_ALGORITHMS: &[&str] = &[
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// The algorithms that a client offers: certificates before keys, as `russh` requires.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostKeyOffer {
    pub certificates: Vec<Algorithm>,
    pub keys: Vec<Algorithm>,
}

/// Verifies one host.
#[derive(Debug, Clone)]
pub struct HostVerifier {
    /// The host name in lower case.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) policy: HostKeyPolicy,
    /// The names of the offered algorithms, in order.
    pub(super) offered: Vec<String>,
    /// The algorithms with which an authority may sign a certificate.
    pub(super) authority_signatures: Vec<String>,
    pub(super) least_rsa_bits: usize,
    pub(super) known: Arc<KnownHosts>,
}

impl HostVerifier {
    pub fn new(settings: &SshSettings, known: Arc<KnownHosts>) -> Self {
        let mut policy = settings.host_key.clone();
        // A single `none` stands for no file.
        if policy.user_files.len() == 1
            && policy.user_files[0]
                .as_os_str()
                .eq_ignore_ascii_case("none")
        {
            policy.user_files.clear();
        }
        policy.alias = policy.alias.map(|alias| alias.to_ascii_lowercase());
        let mut verifier =
            Self {
                host: settings.host.to_ascii_lowercase(),
                port: settings.port,
                policy,
                offered: Vec::new(),
                authority_signatures: settings.algorithms.ca_signatures.clone().unwrap_or_else(
                    || DEFAULT_SIGNATURES.iter().map(ToString::to_string).collect(),
                ),
                least_rsa_bits: settings.algorithms.required_rsa_bits.into(),
                known,
            };
        verifier.offered = verifier.order(&settings.algorithms);
        verifier
    }

    /// The algorithms to offer, the preferred one first.
    #[must_use]
    pub fn algorithms(&self) -> HostKeyOffer {
        HostKeyOffer::of(&self.offered)
    }

    /// All files, the user's files first.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let files = self.policy.user_files.iter();
        files.chain(&self.policy.global_files).cloned().collect()
    }

    pub(super) fn strict(&self) -> StrictHostKeyChecking {
        self.policy.strict
    }

    /// The name by which the host is looked up, with a port.
    pub(super) fn name(&self, port: u16) -> String {
        match &self.policy.alias {
            Some(alias) => alias.clone(),
            None => with_port(&self.host, port),
        }
    }

    /// Whether the host may present a key of this kind.
    pub(super) fn offers(&self, kind: KeyKind, certified: bool) -> bool {
        self.offered
            .iter()
            .any(|name| KeyKind::of_name(name) == Some((kind, certified)))
    }

    fn order(&self, settings: &Algorithms) -> Vec<String> {
        let files = self.files();
        let name = self.name(self.port);
        let authority = || {
            self.known.has_authority(&files, &name)
                || self.policy.alias.is_none()
                    && self.port != 22
                    && self.known.has_authority(&files, &self.host)
        };
        let known = |kind| self.known.has_kind(&files, &name, kind);
        match &settings.host_keys {
            Some(set) if !settings.host_keys_known_first => set.clone(),
            Some(changed) => order(changed, authority(), known),
            None => {
                let default = DEFAULT_ALGORITHMS.iter().map(ToString::to_string);
                let authority = authority();
                // Without an authority that may vouch for it, a certificate is worth no more than its key.
                let wanted: Vec<_> = default
                    .filter(|name| authority || !is_certificate(name))
                    .collect();
                order(&wanted, authority, known)
            }
        }
    }
}

/// The reason why only `ssh` itself can verify this host, if any: a fragment for the user.
pub(crate) fn host_key_needs_ssh(settings: &SshSettings) -> Option<String> {
    if settings.host_key.check_host_ip && settings.host.contains('%') {
        return Some("CheckHostIP is set for an address with a zone".to_owned());
    }
    let list = settings.algorithms.host_keys.as_deref()?;
    not_offered(list)
}

/// Puts the algorithms of known keys first, like OpenSSH's client (`order_hostkeyalgs`).
fn order(algorithms: &[String], authority: bool, known: impl Fn(KeyKind) -> bool) -> Vec<String> {
    let known = |name: &String| KeyKind::of_name(name).is_some_and(|(kind, _)| known(kind));
    if algorithms.first().is_some_and(known) {
        return algorithms.to_vec();
    }
    let (mut first, last): (Vec<_>, Vec<_>) = algorithms
        .iter()
        .cloned()
        .partition(|name| authority && is_certificate(name) || known(name));
    first.extend(last);
    first
}

impl HostKeyOffer {
    /// The part of a list that this client can offer. russh cannot offer a certificate after a key, so such
    /// certificates are omitted.
    fn of(algorithms: &[String]) -> Self {
        let mut offer = Self::default();
        for name in algorithms {
            let Some(algorithm) = algorithm(name) else {
                continue;
            };
            if !is_certificate(name) {
                offer.keys.push(algorithm);
            } else if offer.keys.is_empty() {
                offer.certificates.push(algorithm);
            }
        }
        offer
    }
}

fn is_certificate(name: &str) -> bool {
    name.ends_with("-cert-v01@openssh.com")
}

/// The algorithm for a name, if russh can verify a host with it.
fn algorithm(name: &str) -> Option<Algorithm> {
    let (kind, certified) = KeyKind::of_name(name)?;
    match kind {
        KeyKind::Rsa
        | KeyKind::Ecdsa256
        | KeyKind::Ecdsa384
        | KeyKind::Ecdsa521
        | KeyKind::Ed25519 => {
            let algorithm = if certified {
                Algorithm::new_certificate(name)
            } else {
                Algorithm::new(name)
            };
            algorithm.ok()
        }
        KeyKind::Dsa | KeyKind::SkEcdsa | KeyKind::SkEd25519 | KeyKind::MlDsa44Ed25519 => None,
    }
}

/// The reason why only `ssh` can offer a list as written, if any: a fragment.
fn not_offered(list: &[String]) -> Option<String> {
    let offer = HostKeyOffer::of(list);
    if offer == HostKeyOffer::default() {
        return Some(
            "HostKeyAlgorithms has no algorithm that the built-in client supports".to_owned(),
        );
    }
    let certificates = list
        .iter()
        .filter(|name| is_certificate(name) && algorithm(name).is_some());
    (certificates.count() > offer.certificates.len())
        .then(|| "HostKeyAlgorithms prefers a key to a certificate".to_owned())
}

/// `[host]:port`, or only the host for SSH's default port.
pub(super) fn with_port(host: &str, port: u16) -> String {
    if port == 0 || port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    }
}
