//! Public keys in the one form in which they are compared, shown and written down.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

/// RSA keys below this are none to any `ssh` (`SSH_RSA_MINIMUM_MODULUS_SIZE`).
const LEAST_RSA_BITS: usize = 1024;
/// Larger numbers are refused by every `ssh` (`SSHBUF_MAX_BIGNUM`), in bytes.
const LARGEST_NUMBER: usize = 16384 / 8;

/// What kind of key it is; certificates are of the kind of the key that they certify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
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

/// A public key. Two are equal if they are the same key, whatever name or certificate it came with.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    kind: Kind,
    /// As RFC 4253 section 6.6 has it, numbers without needless zeros.
    blob: Arc<[u8]>,
}

/// A key as it stands in a file or comes from a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    pub key: Key,
    /// It is the key within a certificate.
    pub certified: bool,
}

impl Kind {
    /// The kind that an algorithm's name stands for, and whether it is a certificate's.
    pub(super) fn of_name(name: &str) -> Option<(Self, bool)> {
        let (plain, certified) = match name.strip_suffix("-cert-v01@openssh.com") {
            // The suffix of these took the place of the domain.
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

    /// The name that begins a key of this kind.
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

/// As `ssh` names it to users.
impl fmt::Display for Kind {
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

impl Key {
    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The key as it goes over the wire.
    pub(super) fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// `SHA256:...`, as `ssh` shows it.
    pub(super) fn fingerprint(&self) -> String {
        format!(
            "SHA256:{}",
            STANDARD_NO_PAD.encode(Sha256::digest(&self.blob))
        )
    }

    /// `ssh-ed25519 AAAA...`.
    pub(super) fn to_text(&self) -> String {
        format!("{} {}", self.kind.name(), STANDARD.encode(&self.blob))
    }

    /// The length of the modulus in bits, of an RSA key.
    pub(super) fn rsa_bits(&self) -> Option<usize> {
        if self.kind != Kind::Rsa {
            return None;
        }
        let mut rest = Fields(&self.blob);
        // The key was put together of these three.
        let (_, _, modulus) = (rest.string()?, rest.number()?, rest.number()?);
        let first = modulus.first()?;
        Some(modulus.len() * 8 - first.leading_zeros() as usize)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.fingerprint())
    }
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    Malformed,
    /// An RSA key of fewer than 1024 bits.
    Short,
}

impl Parsed {
    /// Reads `ssh-ed25519 AAAA... comment`; what follows the key is not looked at.
    pub(super) fn from_text(text: &str) -> Result<Self, NoKey> {
        let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(name), Some(body)) = (words.next(), words.next()) else {
            return Err(NoKey::Malformed);
        };
        let named = Kind::of_name(name).ok_or(NoKey::Malformed)?;
        // White space within is passed over by `ssh` too: a file with CR LF ends its lines in one.
        let body = body.replace(['\r', '\x0b', '\x0c', '\n'], "");
        let blob = STANDARD.decode(body).map_err(|_| NoKey::Malformed)?;
        let parsed = Self::from_blob(&blob)?;
        if (parsed.key.kind, parsed.certified) == named {
            Ok(parsed)
        } else {
            Err(NoKey::Malformed)
        }
    }

    /// Reads a key, or a certificate, of which only the key is looked at.
    pub(super) fn from_blob(blob: &[u8]) -> Result<Self, NoKey> {
        let mut fields = Fields(blob);
        let (kind, certified) = fields
            .string()
            .and_then(|name| std::str::from_utf8(name).ok())
            .and_then(Kind::of_name)
            .ok_or(NoKey::Malformed)?;
        if certified {
            // What makes no two certificates alike.
            fields.string().ok_or(NoKey::Malformed)?;
        }
        let key = fields.key(kind).ok_or(NoKey::Malformed)?;
        if !certified && !fields.0.is_empty() {
            return Err(NoKey::Malformed);
        }
        if key.rsa_bits().is_some_and(|bits| bits < LEAST_RSA_BITS) {
            return Err(NoKey::Short);
        }
        Ok(Self { key, certified })
    }
}

/// What is left of a key to read.
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

    /// A number that is not negative, without leading zeros.
    pub(super) fn number(&mut self) -> Option<&'a [u8]> {
        let bytes = self.string()?;
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            return None;
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let number = &bytes[zeros..];
        (number.len() <= LARGEST_NUMBER).then_some(number)
    }

    fn key(&mut self, kind: Kind) -> Option<Key> {
        let mut blob = Blob::default();
        blob.string(kind.name().as_bytes());
        match kind {
            Kind::Rsa | Kind::Dsa => {
                for _ in 0..if kind == Kind::Rsa { 2 } else { 4 } {
                    blob.number(self.number()?);
                }
            }
            Kind::Ed25519 | Kind::SkEd25519 => blob.string(self.string_of(32)?),
            Kind::Ecdsa256 | Kind::Ecdsa384 | Kind::Ecdsa521 | Kind::SkEcdsa => {
                let (curve, size) = kind.curve()?;
                if self.string()? != curve.as_bytes() {
                    return None;
                }
                // Points are never compressed (RFC 5656 lets a peer refuse it, and `ssh` does).
                let point = self.string_of(1 + 2 * size)?;
                if point.first() != Some(&4) {
                    return None;
                }
                blob.string(curve.as_bytes());
                blob.string(point);
            }
            // The key of ML-DSA-44 and that of Ed25519, in one.
            Kind::MlDsa44Ed25519 => blob.string(self.string()?),
        }
        if matches!(kind, Kind::SkEcdsa | Kind::SkEd25519) {
            blob.string(self.string()?);
        }
        Some(Key {
            kind,
            blob: blob.0.into(),
        })
    }

    fn string_of(&mut self, length: usize) -> Option<&'a [u8]> {
        self.string().filter(|bytes| bytes.len() == length)
    }
}

/// A key that is put together.
#[derive(Default)]
struct Blob(Vec<u8>);

impl Blob {
    fn string(&mut self, bytes: &[u8]) {
        // It was read from a string, whose length has 32 bits, or is a name or a bounded number.
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
