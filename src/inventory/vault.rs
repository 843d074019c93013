//! Ansible Vault, formats 1.1 and 1.2: AES-256 in counter mode, keys from PBKDF2-HMAC-SHA256 (10,000 rounds),
//! and an HMAC-SHA256 over the ciphertext.
//!
//! The text is a header, followed by hex digits, 80 per line. They encode three more hex strings, one per
//! line: salt, HMAC and ciphertext. The plaintext has PKCS#7 padding. See "Ansible Vault payload format" in
//! Ansible's documentation.

use aes::Aes256;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const ROUNDS: u32 = 10_000;

/// A password, and its label from `--vault-id LABEL@FILE`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct VaultPassword {
    pub label: Option<String>,
    pub password: String,
}

impl std::fmt::Debug for VaultPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultPassword")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum VaultError {
    #[error("encrypted, but no vault password was given")]
    NoPassword,
    #[error(
        "no vault password can decrypt the text{}",
        label.as_ref().map(|l| format!(" (its vault id is `{l}`)")).unwrap_or_default()
    )]
    WrongPassword { label: Option<String> },
    #[error("unsupported vault format `{0}`: only 1.1 and 1.2 with AES256 are supported")]
    Format(String),
    #[error("damaged vault text: {0}")]
    Damaged(&'static str),
    #[error("the decrypted text is not UTF-8")]
    NotText,
}

impl VaultError {
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoPassword => {
                Some("Pass the file that contains the password with --vault-password-file.")
            }
            Self::WrongPassword { .. } => {
                Some("Check --vault-password-file, which may be given several times.")
            }
            Self::Format(_) | Self::Damaged(_) | Self::NotText => None,
        }
    }
}

/// Whether a text has the header of an encrypted one.
pub(super) fn is_vault(text: &str) -> bool {
    text.trim_start().starts_with("$ANSIBLE_VAULT;")
}

/// Finds damage without a password, so that a text that was cut off or contains merge conflict markers is an
/// error as soon as it is read. The number is the line in the text, counted from 0.
pub(super) fn check(text: &str) -> Result<(), (usize, VaultError)> {
    let lines: Vec<&str> = text.trim().lines().map(str::trim).collect();
    let is_mark = |line: &&str| {
        ["<<<<<<<", "=======", ">>>>>>>", "|||||||"]
            .iter()
            .any(|mark| line.starts_with(mark))
    };
    if let Some(at) = lines.iter().position(is_mark) {
        return Err((at, VaultError::Damaged("unresolved merge conflict")));
    }
    if !is_vault(text) {
        return Err((
            0,
            VaultError::Damaged("it does not start with $ANSIBLE_VAULT"),
        ));
    }
    let body = lines.iter().enumerate().skip(1);
    for (at, line) in body.clone() {
        if !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err((at, VaultError::Damaged("the line is not hexadecimal")));
        }
    }
    // All lines but the last have the same even length.
    let odd = body.rev().find(|(_, line)| !line.len().is_multiple_of(2));
    match Sealed::parse(text) {
        Err(VaultError::Damaged(why)) => Err(match odd {
            Some((at, _)) => (
                at,
                VaultError::Damaged("the line has an odd number of digits"),
            ),
            None => (0, VaultError::Damaged(why)),
        }),
        Err(error) => Err((0, error)),
        Ok(_) => Ok(()),
    }
}

/// Decrypts a text.
pub(super) fn open(text: &str, passwords: &[VaultPassword]) -> Result<String, VaultError> {
    let sealed = Sealed::parse(text)?;
    if passwords.is_empty() {
        return Err(VaultError::NoPassword);
    }
    // Tries the password with the same label first, then the others, like Ansible.
    let (same, others): (Vec<_>, Vec<_>) = passwords
        .iter()
        .partition(|password| password.label.is_some() && password.label == sealed.label);
    for password in same.into_iter().chain(others) {
        if let Some(bytes) = sealed.open(&password.password)? {
            return String::from_utf8(bytes).map_err(|_| VaultError::NotText);
        }
    }
    Err(VaultError::WrongPassword {
        label: sealed.label,
    })
}

struct Sealed {
    label: Option<String>,
    salt: Vec<u8>,
    hmac: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Sealed {
    fn parse(text: &str) -> Result<Self, VaultError> {
        let mut lines = text.trim().lines();
        let header = lines.next().unwrap_or_default().trim_end();
        let fields: Vec<&str> = header.split(';').collect();
        let label = match fields.as_slice() {
            ["$ANSIBLE_VAULT", "1.1", "AES256"] => None,
            ["$ANSIBLE_VAULT", "1.2", "AES256", label] => Some((*label).to_owned()),
            _ => return Err(VaultError::Format(header.chars().take(80).collect())),
        };
        let body: String = lines.map(str::trim).collect();
        let inner =
            hex(body.as_bytes()).ok_or(VaultError::Damaged("the text is not hexadecimal"))?;
        let mut parts = inner.splitn(3, |byte| *byte == b'\n').map(hex);
        let mut part = || {
            parts.next().flatten().ok_or(VaultError::Damaged(
                "the salt, the HMAC or the ciphertext is missing",
            ))
        };
        let sealed = Self {
            label,
            salt: part()?,
            hmac: part()?,
            ciphertext: part()?,
        };
        if sealed.hmac.len() != 32 || !sealed.ciphertext.len().is_multiple_of(16) {
            return Err(VaultError::Damaged("the text is incomplete"));
        }
        Ok(sealed)
    }

    /// Returns `None` if the password is wrong.
    fn open(&self, password: &str) -> Result<Option<Vec<u8>>, VaultError> {
        let mut keys = [0u8; 80];
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &self.salt, ROUNDS, &mut keys);
        let (cipher_key, rest) = keys.split_at(32);
        let (hmac_key, iv) = rest.split_at(32);
        let damaged = |_| VaultError::Damaged("the keys have the wrong length");
        let mut mac = Hmac::<Sha256>::new_from_slice(hmac_key).map_err(damaged)?;
        mac.update(&self.ciphertext);
        if mac.verify_slice(&self.hmac).is_err() {
            return Ok(None);
        }
        let mut plain = self.ciphertext.clone();
        ctr::Ctr128BE::<Aes256>::new_from_slices(cipher_key, iv)
            .map_err(|_| VaultError::Damaged("the keys have the wrong length"))?
            .apply_keystream(&mut plain);
        let padding = usize::from(
            *plain
                .last()
                .ok_or(VaultError::Damaged("the ciphertext is missing"))?,
        );
        if padding == 0 || padding > 16 || padding > plain.len() {
            return Err(VaultError::Damaged("the padding is wrong"));
        }
        plain.truncate(plain.len() - padding);
        Ok(Some(plain))
    }
}

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16);
    digits
        .chunks_exact(2)
        .map(|pair| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok())
        .collect()
}
