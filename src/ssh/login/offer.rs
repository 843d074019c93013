//! Decides which keys are offered to a host, and in which order.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};

use crate::ssh::settings::{DEFAULT_SIGNATURES, SshSettings};

use super::key_file::KeyFile;
use super::signing_key::Unusable;

/// A key or a certificate, and its signer.
#[derive(Clone)]
pub(super) struct Offer {
    pub shown: Shown,
    pub signer: Signer,
    /// Its source: a file, or the agent's comment.
    from: String,
    explicit: bool,
}

#[derive(Clone)]
pub(super) enum Shown {
    Key(PublicKey),
    Certificate(Box<Certificate>),
}

#[derive(Clone)]
pub(super) enum Signer {
    File(Arc<KeyFile>),
    Agent {
        identity: Box<AgentIdentity>,
        /// Whether the agent shows the key only to this connection.
        bound: bool,
    },
}

impl Shown {
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Key(key) => key.algorithm(),
            Self::Certificate(certificate) => certificate.algorithm(),
        }
    }

    fn key(&self) -> &KeyData {
        match self {
            Self::Key(key) => key.key_data(),
            Self::Certificate(certificate) => certificate.public_key(),
        }
    }
}

/// The format of `ssh -v`: `/home/amy/.ssh/id_ed25519 ED25519 SHA256:... explicit`.
impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let print = self.shown.key().fingerprint(HashAlg::Sha256);
        write!(f, "{} {} {print}", self.from, self.kind())?;
        if self.explicit {
            f.write_str(" explicit")?;
        }
        if matches!(self.signer, Signer::Agent { .. }) {
            f.write_str(" agent")?;
        }
        Ok(())
    }
}

impl Offer {
    /// An offer of the key in a file, which also signs.
    pub(crate) fn of_file(public: PublicKey, file: &Arc<KeyFile>, settings: &SshSettings) -> Self {
        Self {
            shown: Shown::Key(public),
            signer: Signer::File(Arc::clone(file)),
            from: file.path.display().to_string(),
            explicit: settings.identity_files_are_set,
        }
    }

    fn kind(&self) -> String {
        let kind = match self.shown.algorithm() {
            Algorithm::Ed25519 => "ED25519",
            Algorithm::Ecdsa { .. } => "ECDSA",
            Algorithm::Rsa { .. } => "RSA",
            Algorithm::SkEd25519 => "ED25519-SK",
            Algorithm::SkEcdsaSha2NistP256 => "ECDSA-SK",
            other => return other.to_string(),
        };
        match self.shown {
            Shown::Key(_) => kind.to_owned(),
            Shown::Certificate(_) => format!("{kind}-CERT"),
        }
    }

    /// Whether it is the same key or certificate, regardless of the signer.
    fn is(&self, other: &Self) -> bool {
        match (&self.shown, &other.shown) {
            (Shown::Key(a), Shown::Key(b)) => a.key_data() == b.key_data(),
            (Shown::Certificate(a), Shown::Certificate(b)) => a == b,
            _ => false,
        }
    }
}

/// The keys that can be offered.
pub(super) struct KeysAtHand<'a> {
    pub files: &'a [Arc<KeyFile>],
    /// The certificates of `CertificateFile`.
    pub certificates: &'a [(PathBuf, Certificate)],
    pub agent: &'a [AgentIdentity],
    /// Whether the agent shows its keys only to this connection.
    pub bound: bool,
}

impl KeysAtHand<'_> {
    /// The signer for a key: the agent if it has the key, otherwise a file.
    fn signer_of(&self, key: &KeyData) -> Option<Signer> {
        let agent = self.agent.iter().find(|identity| match identity {
            AgentIdentity::PublicKey { key: own, .. } => own.key_data() == key,
            AgentIdentity::Certificate { .. } => false,
        });
        let file = || self.files.iter().find(|file| file.has(key));
        match agent {
            Some(identity) => Some(agent_signer(identity, self)),
            None => file().map(|file| Signer::File(Arc::clone(file))),
        }
    }
}

/// The keys to offer, in order.
///
/// The key that the program names comes first: an agent with many keys would exhaust the attempts that the
/// host allows (`MaxAuthTries`). (A named key with a passphrase keeps its position in the order of `ssh`.)
/// Then follows the order of ssh(1): the certificates that the configuration names, those beside key files,
/// keys of the agent that are also in files, the agent's other keys, and keys that are only in files.
pub(super) fn offers(settings: &SshSettings, at_hand: &KeysAtHand<'_>) -> Vec<Offer> {
    let explicit = settings.identity_files_are_set;
    let mut offers: Vec<Offer> = Vec::new();
    let mut add = |offer: Offer| {
        if !offers.iter().any(|known| known.is(&offer)) {
            offers.push(offer);
        }
    };
    let certificate = |certificate: &Certificate, from, explicit| {
        let signer = at_hand.signer_of(certificate.public_key())?;
        let shown = Shown::Certificate(Box::new(certificate.clone()));
        Some(Offer {
            shown,
            signer,
            from,
            explicit,
        })
    };
    let beside = |file: &KeyFile| {
        let from = format!("{}-cert.pub", file.path.display());
        certificate(file.certificate.as_ref()?, from, explicit)
    };
    let named = settings.login.key_file.as_ref();
    if let Some(file) = at_hand.files.iter().find(|file| Some(&file.path) == named)
        && let Some(public) = &file.public
        && let Some(signer) = at_hand.signer_of(public.key_data())
        && (file.is_open() || matches!(signer, Signer::Agent { .. }))
    {
        beside(file).into_iter().for_each(&mut add);
        add(Offer {
            signer,
            ..Offer::of_file(public.clone(), file, settings)
        });
    }
    for (path, named) in at_hand.certificates {
        let offer = certificate(named, path.display().to_string(), true);
        offer.into_iter().for_each(&mut add);
    }
    for file in at_hand.files {
        beside(file).into_iter().for_each(&mut add);
    }
    let is_in = |identity: &AgentIdentity, file: &KeyFile| match identity {
        AgentIdentity::PublicKey { key, .. } => file.has(key.key_data()),
        AgentIdentity::Certificate { .. } => false,
    };
    for file in at_hand.files {
        for identity in at_hand
            .agent
            .iter()
            .filter(|identity| is_in(identity, file))
        {
            add(Offer {
                explicit,
                ..agent_offer(identity, at_hand, file.path.display().to_string())
            });
        }
    }
    if !settings.identities_only {
        for identity in at_hand.agent {
            if !at_hand.files.iter().any(|file| is_in(identity, file)) {
                add(agent_offer(
                    identity,
                    at_hand,
                    identity.comment().to_owned(),
                ));
            }
        }
    }
    for file in at_hand.files {
        let can_sign = !matches!(
            file.unusable(),
            Some(
                Unusable::Public
                    | Unusable::SecurityKey
                    | Unusable::Permissions(_)
                    | Unusable::Unknown(_)
            )
        );
        if let Some(public) = file.public.as_ref().filter(|_| can_sign) {
            add(Offer::of_file(public.clone(), file, settings));
        }
    }
    offers
}

fn agent_signer(identity: &AgentIdentity, at_hand: &KeysAtHand<'_>) -> Signer {
    Signer::Agent {
        identity: Box::new(identity.clone()),
        bound: at_hand.bound,
    }
}

fn agent_offer(identity: &AgentIdentity, at_hand: &KeysAtHand<'_>, from: String) -> Offer {
    let shown = match identity {
        AgentIdentity::PublicKey { key, .. } => Shown::Key(key.clone()),
        AgentIdentity::Certificate { certificate, .. } => {
            Shown::Certificate(Box::new(certificate.clone()))
        }
    };
    Offer {
        shown,
        signer: agent_signer(identity, at_hand),
        from,
        explicit: false,
    }
}

/// Both sides have no signature algorithm for a key in common.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disagreed;

/// Whether a key may be offered (`PubkeyAcceptedAlgorithms`), and for RSA the hash to sign with, among those
/// that the server accepts. `best` is the best hash that the server listed: `None` if it listed none, or only
/// SHA-1.
pub(super) fn agree(
    settings: &SshSettings,
    shown: &Shown,
    best: Option<HashAlg>,
) -> Result<Option<HashAlg>, Disagreed> {
    let is_certificate = matches!(shown, Shown::Certificate(_));
    let accepted = |algorithm: &Algorithm| {
        let name = if is_certificate {
            algorithm.to_certificate_type()
        } else {
            algorithm.to_string()
        };
        settings.algorithms.public_keys.as_ref().map_or_else(
            || DEFAULT_SIGNATURES.contains(&algorithm.to_string().as_str()),
            |names| names.contains(&name),
        )
    };
    let algorithm = shown.algorithm();
    let Algorithm::Rsa { .. } = algorithm else {
        return accepted(&algorithm).then_some(None).ok_or(Disagreed);
    };
    // A server that lists no algorithms is assumed to support only SHA-1, which this client does not sign
    // with.
    let best = best.ok_or(Disagreed)?;
    [HashAlg::Sha512, HashAlg::Sha256]
        .into_iter()
        .filter(|hash| *hash == best || best == HashAlg::Sha512)
        .find(|hash| accepted(&Algorithm::Rsa { hash: Some(*hash) }))
        .map(Some)
        .ok_or(Disagreed)
}
