//! The algorithms that this client offers in a key exchange.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use russh::client::Config;
use russh::{Preferred, SshId, cipher, compression, kex, mac};

use super::error::{Advice, SshError, SshErrorKind};
use super::host_keys::HostKeyOffer;
use super::settings::{Algorithms, SshSettings};

/// Extensions sent in the same list as the algorithms: support for the server's list of signature algorithms
/// (RFC 8308), and strict key exchange (OpenSSH's PROTOCOL, 1.10), without which an attacker can drop packets
/// before the encryption starts (CVE-2023-48795).
const EXTENSIONS: [kex::Name; 4] = [
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_SUPPORT_AS_SERVER,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];

/// The configuration of a connection.
pub(super) fn config(
    settings: &SshSettings,
    host_keys: HostKeyOffer,
) -> Result<Arc<Config>, SshError> {
    let (keep_alive, count) = match settings.keep_alive {
        Some(keep_alive) => (Some(keep_alive.interval), keep_alive.count),
        None => (None, 0),
    };
    // A peer that is gone does not accept bytes either. While a write waits for it, no keep-alive can be
    // sent, and this timeout ends the wait. Any answer to a keep-alive resets it, so an idle connection never
    // reaches it.
    let silence = keep_alive
        .filter(|_| count > 0)
        .map(|interval| interval * (count + 1) + Duration::from_secs(1));
    Ok(Arc::new(Config {
        client_id: SshId::Standard(Cow::Borrowed(concat!(
            "SSH-2.0-ops_",
            env!("CARGO_PKG_VERSION")
        ))),
        preferred: preferred(&settings.algorithms, host_keys)?,
        keepalive_interval: keep_alive,
        // The connection ends after more unanswered keep-alives than this, as in ssh. Zero means no limit.
        keepalive_max: usize::try_from(count).unwrap_or(usize::MAX),
        inactivity_timeout: silence,
        // For messages of a channel that `Handler` does not handle: only its opening.
        channel_buffer_size: 4,
        nodelay: true,
        ..Config::default()
    }))
}

fn preferred(wanted: &Algorithms, host_keys: HostKeyOffer) -> Result<Preferred, SshError> {
    let default = Preferred::DEFAULT;
    let mut kex = known(
        "KexAlgorithms",
        wanted.key_exchange.as_deref(),
        &default.kex,
    )?;
    kex.retain(|name| !EXTENSIONS.contains(name) && *name != kex::NONE);
    kex.extend(EXTENSIONS);
    let mut usual = default.cipher.to_vec();
    if computes_aes() {
        // Then AES-GCM needs half the processor time of ChaCha20, also on hosts with such processors.
        usual.sort_by_key(|name| *name != cipher::AES_256_GCM);
    }
    let mut ciphers = known("Ciphers", wanted.ciphers.as_deref(), &usual)?;
    ciphers.retain(|name| *name != cipher::NONE && *name != cipher::CLEAR);
    let mut macs = known("MACs", wanted.macs.as_deref(), &default.mac)?;
    macs.retain(|name| *name != mac::NONE);
    // OpenSSH only has the variant that starts after the login: data from strangers is not decompressed.
    let compression: &'static [compression::Name] = if wanted.compression {
        &[compression::ZLIB_LEGACY, compression::NONE]
    } else {
        &[compression::NONE]
    };
    Ok(Preferred {
        kex: kex.into(),
        key: host_keys.keys.into(),
        host_key_certificates: host_keys.certificates.into(),
        cipher: ciphers.into(),
        mac: macs.into(),
        compression: compression.into(),
    })
}

/// Whether the processor has instructions for AES-GCM.
fn computes_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes")
        && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

/// The configured names that russh knows, in order, or the defaults if none are configured.
fn known<N: Clone + for<'a> TryFrom<&'a str>>(
    setting: &str,
    wanted: Option<&[String]>,
    default: &[N],
) -> Result<Vec<N>, SshError> {
    let Some(wanted) = wanted else {
        return Ok(default.to_vec());
    };
    let known: Vec<N> = wanted
        .iter()
        .filter_map(|name| N::try_from(name.as_str()).ok())
        .collect();
    if known.is_empty() {
        return Err(SshError {
            kind: SshErrorKind::Invalid,
            message: format!("{setting} has no supported algorithm: {}", wanted.join(",")),
            advice: Some(Advice::UseSsh { setting: None }),
        });
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred_of(wanted: &Algorithms) -> Result<Preferred, SshError> {
        preferred(wanted, HostKeyOffer::default())
    }

    fn names<N: AsRef<str>>(names: &[N]) -> Vec<&str> {
        names.iter().map(AsRef::as_ref).collect()
    }

    #[test]
    fn strict_key_exchange_is_always_offered() {
        for key_exchange in [
            None,
            Some(vec!["curve25519-sha256".to_owned()]),
            Some(vec![
                "sntrup761x25519-sha512".to_owned(),
                "mlkem768x25519-sha256".to_owned(),
            ]),
        ] {
            let offered = preferred_of(&Algorithms {
                key_exchange,
                ..Algorithms::default()
            })
            .unwrap();
            let offered = names(&offered.kex);
            assert!(
                offered.contains(&"kex-strict-c-v00@openssh.com"),
                "{offered:?}"
            );
            assert!(offered.contains(&"ext-info-c"), "{offered:?}");
            assert!(!offered.contains(&"none"), "{offered:?}");
            assert!(!offered.contains(&"sntrup761x25519-sha512"), "{offered:?}");
        }
    }

    #[test]
    fn only_the_listed_algorithms_are_offered_in_order() {
        let offered = preferred_of(&Algorithms {
            ciphers: Some(vec!["aes128-ctr".into(), "aes256-gcm@openssh.com".into()]),
            macs: Some(vec!["umac-64@openssh.com".into(), "hmac-sha2-256".into()]),
            compression: true,
            ..Algorithms::default()
        })
        .unwrap();
        assert_eq!(
            names(&offered.cipher),
            ["aes128-ctr", "aes256-gcm@openssh.com"]
        );
        assert_eq!(names(&offered.mac), ["hmac-sha2-256"]);
        assert_eq!(names(&offered.compression), ["zlib@openssh.com", "none"]);
        let offered = preferred_of(&Algorithms::default()).unwrap();
        assert_eq!(names(&offered.compression), ["none"]);
        let first = if computes_aes() {
            "aes256-gcm@openssh.com"
        } else {
            "chacha20-poly1305@openssh.com"
        };
        assert_eq!(names(&offered.cipher)[0], first);
        assert_eq!(offered.cipher.len(), Preferred::DEFAULT.cipher.len());
        assert_eq!(names(&offered.kex)[0], "mlkem768x25519-sha256");
    }

    #[test]
    fn a_setting_without_a_supported_algorithm_is_an_error() {
        let error = preferred_of(&Algorithms {
            macs: Some(vec!["umac-64@openssh.com".into()]),
            ..Algorithms::default()
        })
        .unwrap_err();
        assert_eq!(
            error.message,
            "MACs has no supported algorithm: umac-64@openssh.com"
        );
    }
}
