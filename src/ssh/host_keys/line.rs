//! A line of a `known_hosts` file: see sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
//!
//! The parser of the `ssh_key` crate is not used: it treats a `#` anywhere as the start of a comment, does
//! not support tabs, and rejects some lines that `ssh` accepts, so that a `@revoked` line could be ignored.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::key::{HostKey, ParsedKey};
use crate::ssh::pattern;

/// The meaning of a line's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// It is the host's key.
    Host,
    /// `@cert-authority`: it certifies the host's key.
    Authority,
    /// `@revoked`: it must never be accepted.
    Revoked,
}

/// A line with a key.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub marker: Marker,
    pub names: Names,
    pub key: HostKey,
    /// The key is contained in a certificate: it never equals a host's plain key, but counts as a known key.
    pub certified: bool,
    /// Counted from 1.
    pub number: u32,
}

impl Line {
    /// Parses a line without its line break. Returns `None` if it contains nothing that `ssh` would use.
    pub(super) fn parse(line: &str, number: u32) -> Option<Self> {
        // For `ssh`, a string ends at a NUL byte.
        let line = line.split('\0').next().unwrap_or_default();
        let line = line.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (marker, rest) = marker(line)?;
        let (field, key) = rest.split_once([' ', '\t'])?;
        let key = key.trim_start_matches([' ', '\t']);
        let parsed = ParsedKey::from_text(key).ok()?;
        Some(Self {
            marker,
            names: Names::parse(field),
            key: parsed.key,
            certified: parsed.certified,
            number,
        })
    }
}

/// The marker at the start of a line, and the rest of the line. `None` for an unknown marker, and for two
/// markers.
///
/// For `ssh`, a tab ends a marker only if the line has no space. Here a tab always ends `@revoked`, and a
/// line that has `@revoked` together with another marker revokes the key. Lines that grant trust are read
/// like `ssh` reads them.
fn marker(line: &str) -> Option<(Marker, &str)> {
    if !line.starts_with('@') {
        return Some((Marker::Host, line));
    }
    if let Some(rest) = line.strip_prefix("@revoked")
        && rest.starts_with([' ', '\t'])
    {
        let mut rest = rest.trim_start_matches([' ', '\t']);
        while rest.starts_with('@') {
            rest = rest.split_once([' ', '\t'])?.1;
            rest = rest.trim_start_matches([' ', '\t']);
        }
        return Some((Marker::Revoked, rest));
    }
    let end = line.find(' ').or_else(|| line.find('\t'))?;
    if &line[..end] != "@cert-authority" {
        return None;
    }
    let rest = line[end..].trim_start_matches([' ', '\t']);
    (!rest.starts_with('@')).then_some((Marker::Authority, rest))
}

/// The maximum length of a pattern in `ssh`: with a longer one, the whole list matches nothing.
const MAX_PATTERN: usize = 1023;

/// The first field of a line.
#[derive(Debug, Clone)]
pub(super) enum Names {
    /// Names without wildcards and without negation, in lower case.
    Plain(Box<str>),
    /// `*.example.org,!bastion.example.org`, in lower case.
    Patterns(Box<str>),
    /// `|1|salt|hash`.
    Hashed(Box<HashedName>),
    /// Matches no name.
    Nothing,
}

impl Names {
    pub(super) fn parse(field: &str) -> Self {
        if field.starts_with('|') {
            return HashedName::parse(field)
                .map_or(Self::Nothing, |hashed| Self::Hashed(Box::new(hashed)));
        }
        if field
            .split(',')
            .any(|name| name.strip_prefix('!').unwrap_or(name).len() >= MAX_PATTERN)
        {
            return Self::Nothing;
        }
        let lower = field.to_ascii_lowercase().into_boxed_str();
        if lower.contains(['*', '?', '!']) {
            Self::Patterns(lower)
        } else {
            Self::Plain(lower)
        }
    }

    /// Whether the line applies to the host with this name.
    pub(super) fn contain(&self, name: &str) -> bool {
        match self {
            Self::Plain(names) => names.split(',').any(|own| own == name),
            Self::Patterns(patterns) => pattern::list_matches(name, patterns),
            Self::Hashed(hashed) => hashed.is(name),
            Self::Nothing => false,
        }
    }
}

/// A hashed name: it can be compared with others, but not read.
#[derive(Debug, Clone)]
pub(super) struct HashedName {
    salt: [u8; 20],
    hash: [u8; 20],
    /// The state of the HMAC after the salt, from which every comparison starts.
    salted: OnceLock<Hmac<Sha1>>,
}

impl HashedName {
    /// Parses `|1|salt|hash`. `ssh` compares the text, so only canonical base64 is accepted.
    fn parse(field: &str) -> Option<Self> {
        let (salt, hash) = field.strip_prefix("|1|")?.split_once('|')?;
        let bytes = |text: &str| STANDARD.decode(text).ok()?.try_into().ok();
        Some(Self {
            salt: bytes(salt)?,
            hash: bytes(hash)?,
            salted: OnceLock::new(),
        })
    }

    /// Hashes a name with a given salt.
    pub(super) fn new(name: &str, salt: [u8; 20]) -> Self {
        let mut hashed = Self {
            salt,
            hash: [0; 20],
            salted: OnceLock::new(),
        };
        hashed.hash = hashed.mac(name);
        hashed
    }

    fn is(&self, name: &str) -> bool {
        #[cfg(test)]
        HASHED.with(|hashed| hashed.set(hashed.get() + 1));
        self.mac(name) == self.hash
    }

    fn mac(&self, name: &str) -> [u8; 20] {
        let salted = self.salted.get_or_init(|| {
            Hmac::new_from_slice(&self.salt).expect("HMAC takes a key of any length")
        });
        let mut mac = salted.clone();
        mac.update(name.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
thread_local! {
    /// The number of names that this thread has hashed for comparisons.
    pub(super) static HASHED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The form in a file.
impl std::fmt::Display for HashedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "|1|{}|{}",
            STANDARD.encode(self.salt),
            STANDARD.encode(self.hash)
        )
    }
}
