//! `RevokedHostKeys`: keys and certificates that no host may show, in a list of public keys or in a key revocation list
//! that `ssh-keygen -k` made.

use std::collections::HashSet;
use std::path::Path;

use russh::keys::Certificate;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::key::{Key, NoKey, Parsed};
use super::revocation_list;

/// What a file revokes.
#[derive(Debug, Default)]
pub(super) struct Revoked {
    pub keys: HashSet<Box<[u8]>>,
    pub sha1: HashSet<[u8; 20]>,
    pub sha256: HashSet<[u8; 32]>,
    pub certificates: Vec<RevokedCertificates>,
}

/// Certificates of one authority, or of all.
#[derive(Debug, Default)]
pub(super) struct RevokedCertificates {
    pub authority: Option<Key>,
    pub serials: HashSet<u64>,
    /// The first and the last of each range.
    pub ranges: Vec<(u64, u64)>,
    pub ids: HashSet<Box<[u8]>>,
}

impl Revoked {
    /// Reads a file. An error, a fragment, if it cannot be told what is revoked: then no host is to be trusted
    /// (ssh_config(5)).
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let at = path.display();
        let bytes = std::fs::read(path)
            .map_err(|error| format!("the revoked keys in {at} cannot be read: {error}"))?;
        if bytes.starts_with(revocation_list::MAGIC) {
            return revocation_list::parse(&bytes)
                .ok_or_else(|| format!("{at} is no key revocation list that can be read whole"));
        }
        Self::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|line| format!("{at}:{line} is no public key"))
    }

    /// Reads a list of public keys. An error is the number of a line that is none.
    fn parse(text: &str) -> Result<Self, usize> {
        let mut revoked = Self::default();
        for (number, line) in (1..).zip(text.split('\n')) {
            let line = line.trim_start_matches([' ', '\t']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match Parsed::from_text(line) {
                Ok(parsed) => {
                    revoked.keys.insert(parsed.key.blob().into());
                }
                Err(NoKey::Short) => {}
                Err(NoKey::Malformed) => return Err(number),
            }
        }
        Ok(revoked)
    }

    pub(super) fn has_key(&self, key: &Key) -> bool {
        let blob = key.blob();
        self.keys.contains(blob)
            || !self.sha1.is_empty() && self.sha1.contains(&<[u8; 20]>::from(Sha1::digest(blob)))
            || !self.sha256.is_empty()
                && self
                    .sha256
                    .contains(&<[u8; 32]>::from(Sha256::digest(blob)))
    }

    /// Whether a certificate is revoked by its number or its name; its keys are asked for apart.
    pub(super) fn has_certificate(&self, certificate: &Certificate, authority: &Key) -> bool {
        let (serial, id) = (certificate.serial(), certificate.key_id().as_bytes());
        self.certificates
            .iter()
            .filter(|revoked| {
                revoked
                    .authority
                    .as_ref()
                    .is_none_or(|own| own == authority)
            })
            .any(|revoked| {
                // An authority that does not number its certificates gives them all a zero.
                let numbered = serial != 0
                    && (revoked.serials.contains(&serial)
                        || revoked
                            .ranges
                            .iter()
                            .any(|(first, last)| (*first..=*last).contains(&serial)));
                numbered || revoked.ids.contains(id)
            })
    }
}
