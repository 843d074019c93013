//! `RevokedHostKeys`: keys and certificates that no host may present, in a list of public keys or in a key
//! revocation list created by `ssh-keygen -k` (PROTOCOL.krl of OpenSSH).

use std::collections::HashSet;
use std::path::Path;

use russh::keys::Certificate;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::key::{Fields, HostKey, NoKey, ParsedKey};

/// The start of a key revocation list.
const MAGIC: &[u8] = b"SSHKRL\n\0";

/// The keys and certificates that a file revokes.
#[derive(Debug, Default)]
pub(super) struct Revoked {
    pub keys: HashSet<Box<[u8]>>,
    pub sha1: HashSet<[u8; 20]>,
    pub sha256: HashSet<[u8; 32]>,
    pub certificates: Vec<RevokedCertificates>,
}

/// Revoked certificates of one authority, or of all authorities.
#[derive(Debug, Default)]
pub(super) struct RevokedCertificates {
    pub authority: Option<HostKey>,
    pub serials: HashSet<u64>,
    /// The first and the last of each range.
    pub ranges: Vec<(u64, u64)>,
    pub ids: HashSet<Box<[u8]>>,
}

impl Revoked {
    /// Reads a file.
    ///
    /// # Errors
    /// A fragment, if the revoked keys are unknown: then no host may be trusted (ssh_config(5)).
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let at = path.display();
        let bytes = std::fs::read(path)
            .map_err(|error| format!("cannot read the revoked keys in {at}: {error}"))?;
        if bytes.starts_with(MAGIC) {
            return parse_list(&bytes)
                .ok_or_else(|| format!("{at} is not a valid key revocation list"));
        }
        Self::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|line| format!("{at}:{line} is not a public key"))
    }

    /// Parses a list of public keys. The error is the number of a line that is not one.
    fn parse(text: &str) -> Result<Self, usize> {
        let mut revoked = Self::default();
        for (number, line) in (1..).zip(text.split('\n')) {
            let line = line.trim_start_matches([' ', '\t']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match ParsedKey::from_text(line) {
                Ok(parsed) => {
                    revoked.keys.insert(parsed.key.blob().into());
                }
                Err(NoKey::Short) => {}
                Err(NoKey::Malformed) => return Err(number),
            }
        }
        Ok(revoked)
    }

    pub(super) fn has_key(&self, key: &HostKey) -> bool {
        let blob = key.blob();
        self.keys.contains(blob)
            || !self.sha1.is_empty() && self.sha1.contains(&<[u8; 20]>::from(Sha1::digest(blob)))
            || !self.sha256.is_empty()
                && self
                    .sha256
                    .contains(&<[u8; 32]>::from(Sha256::digest(blob)))
    }

    /// Whether a certificate is revoked by its serial number or its id. Its keys are looked up separately.
    pub(super) fn has_certificate(&self, certificate: &Certificate, authority: &HostKey) -> bool {
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
                // An authority that does not number its certificates uses zero for all.
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

/// Parses a key revocation list. `None` if it is damaged, signed (OpenSSH no longer accepts such a list) or
/// of an unknown kind: reading only a part of it would accept keys that it revokes.
fn parse_list(bytes: &[u8]) -> Option<Revoked> {
    let mut fields = Fields(bytes.strip_prefix(MAGIC)?);
    let version = u32::from_be_bytes(fields.array()?);
    if version != 1 {
        return None;
    }
    // The version, time and flags of the list, a reserved field and a comment.
    fields.bytes(3 * 8)?;
    fields.string()?;
    fields.string()?;
    let mut revoked = Revoked::default();
    while !fields.0.is_empty() {
        let [section] = fields.array()?;
        let mut body = Fields(fields.string()?);
        match section {
            1 => revoked.certificates.push(certificates(&mut body)?),
            2 => {
                while !body.0.is_empty() {
                    revoked.keys.insert(body.string()?.into());
                }
            }
            3 => {
                while !body.0.is_empty() {
                    revoked.sha1.insert(body.string()?.try_into().ok()?);
                }
            }
            5 => {
                while !body.0.is_empty() {
                    revoked.sha256.insert(body.string()?.try_into().ok()?);
                }
            }
            255 => extension(&mut body)?,
            _ => return None,
        }
        body.0.is_empty().then_some(())?;
    }
    Some(revoked)
}

fn certificates(fields: &mut Fields<'_>) -> Option<RevokedCertificates> {
    let authority = fields.string()?;
    fields.string()?;
    let mut revoked = RevokedCertificates::default();
    if !authority.is_empty() {
        revoked.authority = Some(ParsedKey::from_blob(authority).ok()?.key);
    }
    while !fields.0.is_empty() {
        let [section] = fields.array()?;
        let mut body = Fields(fields.string()?);
        match section {
            0x20 => {
                while !body.0.is_empty() {
                    revoked.serials.insert(u64::from_be_bytes(body.array()?));
                }
            }
            0x21 => {
                let first = u64::from_be_bytes(body.array()?);
                let last = u64::from_be_bytes(body.array()?);
                (first <= last).then_some(())?;
                revoked.ranges.push((first, last));
            }
            0x22 => {
                let first = u64::from_be_bytes(body.array()?);
                bitmap(first, body.number()?, &mut revoked.serials)?;
            }
            0x23 => {
                while !body.0.is_empty() {
                    revoked.ids.insert(body.string()?.into());
                }
            }
            0x39 => extension(&mut body)?,
            _ => return None,
        }
        body.0.is_empty().then_some(())?;
    }
    Some(revoked)
}

/// Adds `first` + n for each set bit n of a number.
fn bitmap(first: u64, number: &[u8], serials: &mut HashSet<u64>) -> Option<()> {
    for (place, byte) in (0_u64..).zip(number.iter().rev()) {
        for bit in 0..8 {
            if byte & (1 << bit) != 0 {
                serials.insert(first.checked_add(place * 8 + bit)?);
            }
        }
    }
    Some(())
}

/// Skips an extension unless it is critical.
fn extension(fields: &mut Fields<'_>) -> Option<()> {
    fields.string()?;
    let [critical] = fields.array()?;
    fields.string()?;
    (critical == 0).then_some(())
}
