//! Checks the key that a host presents, and stores a new one.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::PoisonError;

use russh::keys::ssh_encoding::Encode as _;
use russh::keys::{Certificate, PublicKeyOrCertificate};

use super::decision::{Acceptance, Lookup};
use super::key::{Fields, HostKey, ParsedKey};
use super::known_hosts::{Presented, Status};
use super::line::HashedName;
use super::refusal::{Refusal, Why};
use super::verifier::HostVerifier;
use crate::ssh::error::SshError;

impl HostVerifier {
    /// Accepts a key or a certificate if the host has proved that it has the private key, and stores it if
    /// the settings say so.
    ///
    /// `peer` is the address of the connection, `None` for a host behind another, whose address is unknown
    /// here. Keys are stored by a thread that may block.
    ///
    /// # Errors
    /// A refusal with the kind `HostKeyUnknown` or `HostKeyChanged`.
    pub async fn check(
        &self,
        shown: &PublicKeyOrCertificate,
        peer: Option<SocketAddr>,
    ) -> Result<(), SshError> {
        let acceptance = self
            .decide(shown, peer)
            .map_err(|refusal| self.error(&refusal))?;
        self.accept(acceptance).await
    }

    /// Checks that the host has signed the key exchange with an offered algorithm: RSA with SHA-1 is accepted
    /// only if configured. `signature` is that of the key exchange (RFC 4253 section 6.6).
    ///
    /// # Errors
    /// If the algorithm was not offered.
    pub fn check_signature(&self, signature: &[u8]) -> Result<(), SshError> {
        let name = Fields(signature)
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
        let name = name.unwrap_or("an invalid name").to_owned();
        Err(self.error(&Refusal::Signature { name }))
    }

    pub(super) fn decide(
        &self,
        shown: &PublicKeyOrCertificate,
        peer: Option<SocketAddr>,
    ) -> Result<Acceptance, Refusal> {
        let key = ParsedKey::from_blob(&shown.public_key().to_bytes().unwrap_or_default())
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
                // Not signed by its authority: `ssh` ends the connection too.
                certificate
                    .verify_signature()
                    .map_err(|_| Refusal::ForgedCertificate)?;
                let authority = ParsedKey::from_blob(&blob)
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
            verifier: self,
            key: &key,
            certificate,
            peer,
        }
        .decide()
    }

    /// Refuses a key or a certificate that `RevokedHostKeys` lists.
    fn see_revoked(
        &self,
        key: &HostKey,
        certificate: Option<(&Certificate, &HostKey)>,
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

    /// Carries out the decision: stores the key, and warns the user.
    pub(super) async fn accept(&self, acceptance: Acceptance) -> Result<(), SshError> {
        for warning in &acceptance.warnings {
            tracing::warn!("{warning}; the key is accepted because StrictHostKeyChecking is no");
        }
        let Some(key) = acceptance.key.filter(|_| !acceptance.learn.is_empty()) else {
            return Ok(());
        };
        let (verifier, names) = (self.clone(), acceptance.learn);
        let learnt = tokio::task::spawn_blocking(move || verifier.learn(&names, &key));
        match learnt.await {
            Ok(result) => result.map_err(|refusal| self.error(&refusal)),
            // The run is ending, and nothing is stored any more.
            Err(_) => Ok(()),
        }
    }

    /// Stores a key under these names in the first of the user's files. A file that cannot be written causes
    /// a warning, as in `ssh`. Refuses the key if another connection of this run has learnt a different one
    /// in the meantime.
    fn learn(&self, names: &[String], key: &HostKey) -> Result<(), Refusal> {
        let Some(path) = self.policy.user_files.first() else {
            return Ok(());
        };
        let _learning = self
            .known
            .learning
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut new = Vec::new();
        for name in names {
            match self.known.status(&self.files(), name, Presented::Key(key)) {
                Status::New => new.push(name.as_str()),
                Status::Known(_) => {}
                Status::Changed(found) => {
                    return Err(Refusal::key(name, key, Why::Changed(found)));
                }
                Status::Revoked(found) => {
                    return Err(Refusal::key(name, key, Why::Revoked(found)));
                }
            }
        }
        new.dedup();
        if new.is_empty() {
            return Ok(());
        }
        let (kind, listed) = (key.kind(), new.join(","));
        match self.entry(&new, key).and_then(|entry| append(path, &entry)) {
            Ok(()) => tracing::info!(
                "stored the {kind} key of {listed} in {}: {}",
                path.display(),
                key.fingerprint()
            ),
            Err(error) => tracing::warn!(
                "accepted the {kind} key of {listed}, but cannot store it in {}: {error}",
                path.display()
            ),
        }
        self.known.learn(path, &listed, key);
        Ok(())
    }

    fn entry(&self, names: &[&str], key: &HostKey) -> io::Result<String> {
        let key = key.to_text();
        if !self.policy.hash_names {
            return Ok(format!("{} {key}\n", names.join(",")));
        }
        let mut entry = String::new();
        for name in names {
            let mut salt = [0; 20];
            getrandom::fill(&mut salt).map_err(io::Error::from)?;
            entry.push_str(&format!("{} {key}\n", HashedName::new(name, salt)));
        }
        Ok(entry)
    }
}

/// Appends lines to a file in one write. A missing file and its directory are created so that only the owner
/// can access them.
fn append(path: &Path, lines: &str) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        DirBuilder::new().mode(0o700).create(directory)?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    // Other runs wait for the lock. `ssh` takes no lock, but writes its line in one piece too.
    file.lock()?;
    let begin = if ends_in_a_line(&mut file)? { "" } else { "\n" };
    file.write_all(format!("{begin}{lines}").as_bytes())
}

fn ends_in_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
