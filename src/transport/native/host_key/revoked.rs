//! `RevokedHostKeys`: keys that no host may show, in a list of public keys or in a revocation list of `ssh-keygen -k`.

use std::path::Path;

use super::key::Key;
use super::key::{NoKey, Parsed};

/// How the file of a key revocation list begins (PROTOCOL.krl).
const LIST: &[u8] = b"SSHKRL\n\0";

/// Whether a file says that one of these keys is revoked. An error, a fragment, if that cannot be told: then no host is
/// to be trusted (ssh_config(5)).
pub(super) fn is_revoked(path: &Path, keys: &[&Key]) -> Result<bool, String> {
    let bytes = std::fs::read(path).map_err(|error| {
        format!(
            "the revoked keys in {} cannot be read: {error}",
            path.display()
        )
    })?;
    if bytes.starts_with(LIST) {
        return Err(format!("{} is a binary list", path.display()));
    }
    for (number, line) in (1..).zip(String::from_utf8_lossy(&bytes).lines()) {
        let line = line.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match Parsed::from_text(line) {
            Ok(revoked) if keys.contains(&&revoked.key) => return Ok(true),
            Ok(_) | Err(NoKey::Short) => {}
            Err(NoKey::Malformed) => {
                return Err(format!("{}:{number} is no public key", path.display()));
            }
        }
    }
    Ok(false)
}
