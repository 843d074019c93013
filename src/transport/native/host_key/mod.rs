//! Whether a host is who it should be: what `ssh` does with `known_hosts`, certificates and revoked keys, and never less
//! strict.
//!
//! The client asks [`HostKeys::algorithms`] before it connects, and [`HostKeys::check`] when the host has shown its key.
//! What `check` decides is that of OpenSSH's `check_host_key` with `BatchMode=yes`, with these differences, each of which
//! refuses more: a revoked key is refused with `StrictHostKeyChecking=no` too, and wherever it is looked up (without
//! the port, by address); a certificate that names no host is refused by every version; a key is not learnt if the
//! connection is refused. `UpdateHostKeys` is not done: no key is learnt but the one that a host has proved.

mod algorithms;
mod cache;
mod certificate;
mod decision;
mod file;
mod key;
mod learning;
mod line;
mod names;
mod refusal;
mod revocation_list;
mod revoked;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use russh::keys::ssh_encoding::Encode as _;
use russh::keys::{Certificate, PublicKeyOrCertificate};

use crate::transport::settings::{Algorithms, HostKeyPolicy, SshSettings};
use crate::transport::{StrictHostKeyChecking, TransportError};

pub(in crate::transport) use algorithms::DEFAULT as HOST_KEY_ALGORITHMS;
pub use algorithms::Offer;
pub use cache::KnownHosts;

use decision::{Lookup, Verdict};
use key::{Key, Kind, Parsed};
use refusal::Refusal;

/// What decides whom to take for one host.
#[derive(Debug, Clone)]
pub struct HostKeys {
    /// In lower case.
    host: String,
    port: u16,
    policy: HostKeyPolicy,
    /// The names of the algorithms that are offered, in their order.
    offered: Vec<String>,
    /// What an authority may sign a certificate with.
    authority_signatures: Vec<String>,
    least_rsa_bits: usize,
    known: Arc<KnownHosts>,
}

/// Why it takes `ssh` itself to know this host, if it does: a fragment for the user.
pub(in crate::transport) fn takes_ssh(settings: &SshSettings) -> Option<String> {
    if settings.host_key.check_host_ip && settings.host.contains('%') {
        return Some("CheckHostIP is set for an address with a zone".to_owned());
    }
    let list = settings.algorithms.host_keys.as_deref()?;
    algorithms::not_offered(list)
}

impl HostKeys {
    pub fn new(settings: &SshSettings, known: Arc<KnownHosts>) -> Self {
        let mut policy = settings.host_key.clone();
        // `none` alone stands for no file at all.
        if policy.user_files.len() == 1
            && policy.user_files[0]
                .as_os_str()
                .eq_ignore_ascii_case("none")
        {
            policy.user_files.clear();
        }
        policy.alias = policy.alias.map(|alias| alias.to_ascii_lowercase());
        let mut keys =
            Self {
                host: settings.host.to_ascii_lowercase(),
                port: settings.port,
                policy,
                offered: Vec::new(),
                authority_signatures: settings.algorithms.ca_signatures.clone().unwrap_or_else(
                    || {
                        algorithms::AUTHORITIES
                            .iter()
                            .map(ToString::to_string)
                            .collect()
                    },
                ),
                least_rsa_bits: settings.algorithms.required_rsa_bits.into(),
                known,
            };
        keys.offered = keys.order(&settings.algorithms);
        keys
    }

    /// What to offer, the most wanted first.
    #[must_use]
    pub fn algorithms(&self) -> Offer {
        Offer::of(&self.offered)
    }

    /// Takes a key or a certificate that the host has proved to have, learns it if the settings say so, or refuses.
    ///
    /// `peer` is what was connected to; none for a host behind another, whose address this machine does not see.
    /// Keys are learnt on a thread that may block. Refuses with the kinds `HostKeyUnknown` and `HostKeyChanged`.
    pub async fn check(
        &self,
        shown: &PublicKeyOrCertificate,
        peer: Option<SocketAddr>,
    ) -> Result<(), TransportError> {
        let verdict = self
            .decide(shown, peer)
            .map_err(|refusal| self.error(&refusal))?;
        self.accept(verdict).await
    }

    /// Sees that the host has signed the key exchange in a way that was offered: no RSA with SHA-1 but by request.
    /// `signature` is that of the key exchange, as RFC 4253 section 6.6 has it.
    pub fn check_signature(&self, signature: &[u8]) -> Result<(), TransportError> {
        let name = key::Fields(signature)
            .string()
            .and_then(|name| std::str::from_utf8(name).ok());
        let offered = name.is_some_and(|name| {
            self.offered.iter().any(|offered| {
                offered == name
                    || offered
                        .strip_suffix("-cert-v01@openssh.com")
                        .is_some_and(|plain| plain == name)
            })
        });
        if offered {
            return Ok(());
        }
        let name = name.unwrap_or("nothing that can be read").to_owned();
        Err(self.error(&Refusal::Signature { name }))
    }

    fn decide(
        &self,
        shown: &PublicKeyOrCertificate,
        peer: Option<SocketAddr>,
    ) -> Result<Verdict, Refusal> {
        let key = Parsed::from_blob(&shown.public_key().to_bytes().unwrap_or_default())
            .map_err(|_| Refusal::Malformed)?
            .key;
        let certificate = match shown {
            PublicKeyOrCertificate::PublicKey { .. } => None,
            PublicKeyOrCertificate::Certificate(certificate) => {
                let mut blob = Vec::new();
                certificate
                    .signature_key()
                    .encode(&mut blob)
                    .map_err(|_| Refusal::Malformed)?;
                // Who has not the authority's key can have signed nothing: `ssh` ends the connection.
                certificate
                    .verify_signature()
                    .map_err(|_| Refusal::ForgedCertificate)?;
                let authority = Parsed::from_blob(&blob)
                    .map_err(|_| Refusal::Malformed)?
                    .key;
                Some((certificate, authority))
            }
        };
        if let Some(bits) = key.rsa_bits()
            && bits < self.least_rsa_bits
        {
            return Err(Refusal::Short { bits });
        }
        let certificate = certificate
            .as_ref()
            .map(|(certificate, authority)| (*certificate, authority));
        self.see_revoked(&key, certificate)?;
        Lookup {
            keys: self,
            key: &key,
            certificate,
            peer,
        }
        .decide()
    }

    /// Refuses what `RevokedHostKeys` names.
    fn see_revoked(
        &self,
        key: &Key,
        certificate: Option<(&Certificate, &Key)>,
    ) -> Result<(), Refusal> {
        let Some(path) = &self.policy.revoked else {
            return Ok(());
        };
        let revoked = self.known.revoked(path);
        let revoked = match revoked.as_ref() {
            Ok(revoked) => revoked,
            Err(fault) => {
                return Err(Refusal::NoList {
                    fault: fault.clone(),
                });
            }
        };
        let listed = revoked.has_key(key)
            || certificate.is_some_and(|(certificate, authority)| {
                revoked.has_key(authority) || revoked.has_certificate(certificate, authority)
            });
        if listed {
            return Err(Refusal::Listed {
                key: key.clone(),
                file: path.clone(),
            });
        }
        Ok(())
    }

    /// All files, the user's first.
    fn files(&self) -> Vec<PathBuf> {
        let files = self.policy.user_files.iter();
        files.chain(&self.policy.global_files).cloned().collect()
    }

    fn strict(&self) -> StrictHostKeyChecking {
        self.policy.strict
    }

    /// What a host is looked up by, at a port.
    fn name(&self, port: u16) -> String {
        match &self.policy.alias {
            Some(alias) => alias.clone(),
            None => with_port(&self.host, port),
        }
    }

    /// Whether a key of this kind may be shown.
    fn offers(&self, kind: Kind, certified: bool) -> bool {
        self.offered
            .iter()
            .any(|name| Kind::of_name(name) == Some((kind, certified)))
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
            Some(changed) => algorithms::order(changed, authority(), known),
            None => {
                let default = algorithms::DEFAULT.iter().map(ToString::to_string);
                let authority = authority();
                // A certificate that nobody vouches for is no more than its key.
                let wanted: Vec<_> = default
                    .filter(|name| authority || !algorithms::is_certificate(name))
                    .collect();
                algorithms::order(&wanted, authority, known)
            }
        }
    }
}

/// `[host]:port`, or the host alone for SSH's own port.
fn with_port(host: &str, port: u16) -> String {
    if port == 0 || port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    }
}
