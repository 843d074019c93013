//! Which host key algorithms are offered, and in which order.

use russh::keys::Algorithm;

use super::key::Kind;

/// What `ssh` offers unless it is told otherwise, the most wanted first, without keys that live in hardware (no `sshd`
/// of OpenSSH is started with one without saying so in its configuration).
pub(in crate::transport) const DEFAULT: &[&str] = &[
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// The authorities' signatures that `ssh` takes unless `CASignatureAlgorithms` says otherwise.
pub(super) const AUTHORITIES: &[&str] = &[
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// What a client offers: certificates before keys, as `russh` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    pub certificates: Vec<Algorithm>,
    pub keys: Vec<Algorithm>,
}

/// Puts what is known of a host first, as the client of OpenSSH does it (`order_hostkeyalgs`).
pub(super) fn order(
    algorithms: &[String],
    authority: bool,
    known: impl Fn(Kind) -> bool,
) -> Vec<String> {
    let known = |name: &String| Kind::of_name(name).is_some_and(|(kind, _)| known(kind));
    if algorithms.first().is_some_and(known) {
        return algorithms.to_vec();
    }
    let (mut first, last): (Vec<_>, Vec<_>) = algorithms
        .iter()
        .cloned()
        .partition(|name| authority && is_certificate(name) || known(name));
    first.extend(last);
    first
}

impl Offer {
    /// What a client can offer of a list. A certificate behind a key cannot be offered there, and is left out.
    pub(super) fn of(algorithms: &[String]) -> Self {
        let mut offer = Self::default();
        for name in algorithms {
            let Some(algorithm) = algorithm(name) else {
                continue;
            };
            if !is_certificate(name) {
                offer.keys.push(algorithm);
            } else if offer.keys.is_empty() {
                offer.certificates.push(algorithm);
            }
        }
        offer
    }
}

pub(super) fn is_certificate(name: &str) -> bool {
    name.ends_with("-cert-v01@openssh.com")
}

/// An algorithm that a host may prove itself with to a client of `russh`.
fn algorithm(name: &str) -> Option<Algorithm> {
    let (kind, certified) = Kind::of_name(name)?;
    match kind {
        Kind::Rsa | Kind::Ecdsa256 | Kind::Ecdsa384 | Kind::Ecdsa521 | Kind::Ed25519 => {
            let algorithm = if certified {
                Algorithm::new_certificate(name)
            } else {
                Algorithm::new(name)
            };
            algorithm.ok()
        }
        Kind::Dsa | Kind::SkEcdsa | Kind::SkEd25519 | Kind::MlDsa44Ed25519 => None,
    }
}

/// Why it takes `ssh` to offer a list as it stands, if it does: a fragment.
pub(super) fn not_offered(list: &[String]) -> Option<String> {
    let offer = Offer::of(list);
    if offer == Offer::default() {
        return Some("HostKeyAlgorithms names none that is known here".to_owned());
    }
    let certificates = list
        .iter()
        .filter(|name| is_certificate(name) && algorithm(name).is_some());
    (certificates.count() > offer.certificates.len())
        .then(|| "HostKeyAlgorithms wants a certificate less than a key".to_owned())
}
