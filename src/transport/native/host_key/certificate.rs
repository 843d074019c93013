//! Whether a host's certificate speaks for it: PROTOCOL.certkeys, and `sshkey_cert_check_host` of OpenSSH.

use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::Certificate;
use russh::keys::ssh_key::certificate::CertType;

/// Why a certificate that an authority of this host has signed does not count; a fragment.
pub(super) fn fault(
    certificate: &Certificate,
    host: &str,
    signatures: &[String],
) -> Option<String> {
    if certificate.cert_type() != CertType::Host {
        return Some("it is not a host's".to_owned());
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    if now < certificate.valid_after() {
        return Some("it is not valid yet".to_owned());
    }
    if now >= certificate.valid_before() {
        return Some("it has expired".to_owned());
    }
    let principals = certificate.valid_principals();
    if principals.is_empty() {
        return Some("it names no host".to_owned());
    }
    // Some versions of `ssh` take patterns here, others do not.
    if !principals.iter().any(|principal| principal == host) {
        return Some(format!("it is for {}", principals.join(", ")));
    }
    if certificate.critical_options().iter().next().is_some() {
        return Some("it has critical options, and a host's has none".to_owned());
    }
    let signature = certificate.signature().algorithm();
    if !signatures.iter().any(|name| name == signature.as_str()) {
        return Some(format!(
            "it is signed with {}, which CASignatureAlgorithms does not name",
            signature.as_str()
        ));
    }
    None
}
