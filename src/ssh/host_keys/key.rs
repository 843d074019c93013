//! Public keys in the single form in which they are compared, shown and stored.
//!
//! The `ssh_key` crate is not used for these: it rejects numbers with leading zeros, which `ssh` accepts, and
//! rounds the length of an RSA key up to whole bytes. If it could not parse a line of `known_hosts`, that
//! line would revoke nothing.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

/// The minimum length of RSA keys in every `ssh` (`SSH_RSA_MINIMUM_MODULUS_SIZE`).
const MIN_RSA_BITS: usize = 1024;
/// The maximum size of numbers in every `ssh` (`SSHBUF_MAX_BIGNUM`), in bytes.
const MAX_NUMBER_BYTES: usize = 16384 / 8;

/// The kind of a key. A certificate has the kind of the key that it certifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum KeyKind {
    Rsa,
    Dsa,
    Ecdsa256,
    Ecdsa384,
    Ecdsa521,
    Ed25519,
    SkEcdsa,
    SkEd25519,
    MlDsa44Ed25519,
}

/// A public key. Two are equal if they are the same key, regardless of the name or certificate they came
/// with.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct HostKey {
    kind: KeyKind,
    /// The encoding of RFC 4253 section 6.6, numbers without leading zeros.
    blob: Arc<[u8]>,
}

/// A key as found in a file or received from a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParsedKey {
    pub key: HostKey,
    /// Whether the key is contained in a certificate.
    pub certified: bool,
}

impl KeyKind {
    /// The kind that an algorithm name refers to, and whether it is that of a certificate.
    pub(super) fn of_name(name: &str) -> Option<(Self, bool)> {
        let (plain, certified) = match name.strip_suffix("-cert-v01@openssh.com") {
            // In these names the suffix replaces the domain.
            Some("sk-ecdsa-sha2-nistp256" | "webauthn-sk-ecdsa-sha2-nistp256") => {
                return Some((Self::SkEcdsa, true));
            }
            Some("sk-ssh-ed25519") => return Some((Self::SkEd25519, true)),
            Some("ssh-mldsa44-ed25519") => return Some((Self::MlDsa44Ed25519, true)),
            Some(plain) => (plain, true),
            None => (name, false),
        };
        let kind = match plain {
            "ssh-rsa" | "rsa-sha2-256" | "rsa-sha2-512" => Self::Rsa,
            "ssh-dss" => Self::Dsa,
            "ecdsa-sha2-nistp256" => Self::Ecdsa256,
            "ecdsa-sha2-nistp384" => Self::Ecdsa384,
            "ecdsa-sha2-nistp521" => Self::Ecdsa521,
            "ssh-ed25519" => Self::Ed25519,
            _ if certified => return None,
            "sk-ecdsa-sha2-nistp256@openssh.com"
            | "webauthn-sk-ecdsa-sha2-nistp256@openssh.com" => Self::SkEcdsa,
            "sk-ssh-ed25519@openssh.com" => Self::SkEd25519,
            "ssh-mldsa44-ed25519@openssh.com" => Self::MlDsa44Ed25519,
            _ => return None,
        };
        Some((kind, certified))
    }

    /// The name at the start of a key of this kind.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "ssh-rsa",
            Self::Dsa => "ssh-dss",
            Self::Ecdsa256 => "ecdsa-sha2-nistp256",
            Self::Ecdsa384 => "ecdsa-sha2-nistp384",
            Self::Ecdsa521 => "ecdsa-sha2-nistp521",
            Self::Ed25519 => "ssh-ed25519",
            Self::SkEcdsa => "sk-ecdsa-sha2-nistp256@openssh.com",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::MlDsa44Ed25519 => "ssh-mldsa44-ed25519@openssh.com",
        }
    }

    const fn curve(self) -> Option<(&'static str, usize)> {
        match self {
            Self::Ecdsa256 | Self::SkEcdsa => Some(("nistp256", 32)),
            Self::Ecdsa384 => Some(("nistp384", 48)),
            Self::Ecdsa521 => Some(("nistp521", 66)),
            _ => None,
        }
    }
}

/// The name that `ssh` shows to users.
impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "RSA",
            Self::Dsa => "DSA",
            Self::Ecdsa256 | Self::Ecdsa384 | Self::Ecdsa521 => "ECDSA",
            Self::Ed25519 => "ED25519",
            Self::SkEcdsa => "ECDSA-SK",
            Self::SkEd25519 => "ED25519-SK",
            Self::MlDsa44Ed25519 => "MLDSA44-ED25519",
        })
    }
}

impl HostKey {
    pub(super) const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key as sent over the wire.
    pub(super) fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The fingerprint as shown by `ssh`: `SHA256:...`.
    pub(super) fn fingerprint(&self) -> String {
        format!(
            "SHA256:{}",
            STANDARD_NO_PAD.encode(Sha256::digest(&self.blob))
        )
    }

    /// The key as text: `ssh-ed25519 AAAA...`.
    pub(super) fn to_text(&self) -> String {
        format!("{} {}", self.kind.name(), STANDARD.encode(&self.blob))
    }

    /// The length of an RSA key's modulus in bits.
    pub(super) fn rsa_bits(&self) -> Option<usize> {
        if self.kind != KeyKind::Rsa {
            return None;
        }
        let mut rest = Fields(&self.blob);
        // The key consists of these three fields.
        let (_, _, modulus) = (rest.string()?, rest.number()?, rest.number()?);
        let first = modulus.first()?;
        Some(modulus.len() * 8 - first.leading_zeros() as usize)
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.fingerprint())
    }
}

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    Malformed,
    /// An RSA key of fewer than 1024 bits.
    Short,
}

impl ParsedKey {
    /// Parses `ssh-ed25519 AAAA... comment`. Text after the key is ignored.
    pub(super) fn from_text(text: &str) -> Result<Self, NoKey> {
        let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(name), Some(body)) = (words.next(), words.next()) else {
            return Err(NoKey::Malformed);
        };
        let named = KeyKind::of_name(name).ok_or(NoKey::Malformed)?;
        // `ssh` also ignores white space inside the key: the lines of a file with CR LF end with some.
        let body = body.replace(['\r', '\x0b', '\x0c', '\n'], "");
        let blob = STANDARD.decode(body).map_err(|_| NoKey::Malformed)?;
        let parsed = Self::from_blob(&blob)?;
        if (parsed.key.kind, parsed.certified) == named {
            Ok(parsed)
        } else {
            Err(NoKey::Malformed)
        }
    }

    /// Parses a key, or a certificate, of which only the key is read.
    pub(super) fn from_blob(blob: &[u8]) -> Result<Self, NoKey> {
        let mut fields = Fields(blob);
        let (kind, certified) = fields
            .string()
            .and_then(|name| std::str::from_utf8(name).ok())
            .and_then(KeyKind::of_name)
            .ok_or(NoKey::Malformed)?;
        if certified {
            // A nonce.
            fields.string().ok_or(NoKey::Malformed)?;
        }
        let key = fields.key(kind).ok_or(NoKey::Malformed)?;
        if !certified && !fields.0.is_empty() {
            return Err(NoKey::Malformed);
        }
        if key.rsa_bits().is_some_and(|bits| bits < MIN_RSA_BITS) {
            return Err(NoKey::Short);
        }
        Ok(Self { key, certified })
    }
}

/// The part of a key or a list that has not been read yet.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_be_bytes(self.array()?);
        self.bytes(usize::try_from(length).ok()?)
    }

    /// Reads a number that is not negative, without leading zeros.
    pub(super) fn number(&mut self) -> Option<&'a [u8]> {
        let bytes = self.string()?;
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            return None;
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let number = &bytes[zeros..];
        (number.len() <= MAX_NUMBER_BYTES).then_some(number)
    }

    fn key(&mut self, kind: KeyKind) -> Option<HostKey> {
        let mut blob = Blob::default();
        blob.string(kind.name().as_bytes());
        match kind {
            KeyKind::Rsa | KeyKind::Dsa => {
                for _ in 0..if kind == KeyKind::Rsa { 2 } else { 4 } {
                    blob.number(self.number()?);
                }
            }
            KeyKind::Ed25519 | KeyKind::SkEd25519 => blob.string(self.string_of(32)?),
            KeyKind::Ecdsa256 | KeyKind::Ecdsa384 | KeyKind::Ecdsa521 | KeyKind::SkEcdsa => {
                let (curve, size) = kind.curve()?;
                if self.string()? != curve.as_bytes() {
                    return None;
                }
                // Compressed points are refused, as in `ssh` (RFC 5656 makes them optional).
                let point = self.string_of(1 + 2 * size)?;
                if point.first() != Some(&4) {
                    return None;
                }
                blob.string(curve.as_bytes());
                blob.string(point);
            }
            // A combined ML-DSA-44 and Ed25519 key.
            KeyKind::MlDsa44Ed25519 => blob.string(self.string()?),
        }
        if matches!(kind, KeyKind::SkEcdsa | KeyKind::SkEd25519) {
            blob.string(self.string()?);
        }
        Some(HostKey {
            kind,
            blob: blob.0.into(),
        })
    }

    fn string_of(&mut self, length: usize) -> Option<&'a [u8]> {
        self.string().filter(|bytes| bytes.len() == length)
    }
}

/// A key being encoded.
#[derive(Default)]
struct Blob(Vec<u8>);

impl Blob {
    fn string(&mut self, bytes: &[u8]) {
        // The bytes are from a string, whose length has 32 bits, or are a name or a bounded number.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend(length.to_be_bytes());
        self.0.extend(bytes);
    }

    fn number(&mut self, bytes: &[u8]) {
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            self.string(&[&[0], bytes].concat());
        } else {
            self.string(bytes);
        }
    }
}
