//! Signs with keys that this process holds.

use std::fmt;

use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding};
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};

/// A private key, ready to sign.
pub(super) enum SigningKey {
    /// `ring` signs RSA in constant time and with blinding. The `rsa` crate does neither, and its timing
    /// reveals the key over a network (RUSTSEC-2023-0071): a host with many logins could measure it.
    Rsa {
        pair: Box<KeyPair>,
        public: PublicKey,
    },
    /// Ed25519 and ECDSA.
    Other(Box<PrivateKey>),
}

/// Why a key file cannot sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It has a passphrase, and there is no user to ask for it.
    Encrypted,
    /// The user entered no passphrase that unlocks it.
    WrongPassphrase,
    /// Other users can read it.
    Permissions(u32),
    /// It contains a public key; an agent may hold the private key.
    Public,
    /// It is on a hardware security key, which only an agent or `ssh` can use.
    SecurityKey,
    /// It cannot be read, or is of an unknown kind.
    Unknown(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encrypted => f.write_str("is encrypted"),
            Self::WrongPassphrase => f.write_str("is encrypted and was not unlocked"),
            Self::Permissions(mode) => write!(f, "can be read by others (mode {mode:04o})"),
            Self::Public => f.write_str("is a public key, and no agent holds the private key"),
            Self::SecurityKey => f.write_str("is on a security key"),
            Self::Unknown(why) => write!(f, "cannot be used ({why})"),
        }
    }
}

impl SigningKey {
    pub(crate) fn new(key: PrivateKey) -> Result<Self, Unusable> {
        match key.key_data() {
            KeypairData::Rsa(_) => {
                let unknown = |why: String| Unusable::Unknown(why);
                let der = russh::keys::pkcs8::encode_pkcs8(&key)
                    .map_err(|error| unknown(error.to_string()))?;
                let public = key.public_key().clone();
                KeyPair::from_pkcs8(&der)
                    .map(|pair| Self::Rsa {
                        pair: Box::new(pair),
                        public,
                    })
                    .map_err(|error| {
                        unknown(format!("RSA key: {error}; 2048 to 4096 bits are supported"))
                    })
            }
            KeypairData::Ed25519(_) | KeypairData::Ecdsa(_) => Ok(Self::Other(Box::new(key))),
            KeypairData::SkEd25519(_) | KeypairData::SkEcdsaSha2NistP256(_) => {
                Err(Unusable::SecurityKey)
            }
            _ => Err(Unusable::Unknown(format!(
                "{} keys are not supported",
                key.algorithm()
            ))),
        }
    }

    /// The public key, which is shown to hosts.
    pub(crate) fn public(&self) -> PublicKey {
        match self {
            Self::Rsa { public, .. } => public.clone(),
            Self::Other(key) => key.public_key().clone(),
        }
    }

    /// Appends the signature of a login request to it (RFC 4252, 7). For RSA it uses the hash that both sides
    /// agreed on (RFC 8332).
    pub(crate) fn sign(&self, hash: Option<HashAlg>, mut request: Vec<u8>) -> Option<Vec<u8>> {
        let blob = match self {
            Self::Rsa { pair, .. } => {
                let encoding: &'static dyn RsaEncoding = match hash {
                    Some(HashAlg::Sha512) => &RSA_PKCS1_SHA512,
                    Some(HashAlg::Sha256) => &RSA_PKCS1_SHA256,
                    _ => return None,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), &request, &mut signature)
                    .ok()?;
                let mut blob = Vec::new();
                Algorithm::Rsa { hash }.as_str().encode(&mut blob).ok()?;
                signature.as_slice().encode(&mut blob).ok()?;
                blob
            }
            Self::Other(key) => {
                let signature = key.key_data().try_sign(&request).ok()?;
                let mut blob = Vec::new();
                signature.encode(&mut blob).ok()?;
                blob
            }
        };
        blob.as_slice().encode(&mut request).ok()?;
        Some(request)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}
