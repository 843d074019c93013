//! Reads a key revocation list: PROTOCOL.krl of OpenSSH.

use std::collections::HashSet;

use super::key::{Fields, Parsed};
use super::revoked::{Revoked, RevokedCertificates};

/// How a list begins.
pub(super) const MAGIC: &[u8] = b"SSHKRL\n\0";

/// None for what is damaged, signed (OpenSSH no longer takes such a list) or of a kind that is not known: a list that is
/// read in part would let keys pass that it revokes.
pub(super) fn parse(bytes: &[u8]) -> Option<Revoked> {
    let mut fields = Fields(bytes.strip_prefix(MAGIC)?);
    let version = u32::from_be_bytes(fields.array()?);
    if version != 1 {
        return None;
    }
    // The list's own version, the time that it was made, flags; a reserved field and a comment.
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
        revoked.authority = Some(Parsed::from_blob(authority).ok()?.key);
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

/// Adds `first` + n for each bit n of a number.
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

/// Passes over what need not be understood.
fn extension(fields: &mut Fields<'_>) -> Option<()> {
    fields.string()?;
    let [critical] = fields.array()?;
    fields.string()?;
    (critical == 0).then_some(())
}
