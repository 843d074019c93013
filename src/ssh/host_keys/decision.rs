//! Decides what to do with the key that a host presents, like `check_host_key` of OpenSSH without a user to
//! ask.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::Certificate;
use russh::keys::ssh_key::certificate::CertType;

use super::key::HostKey;
use super::known_hosts::{Found, Presented, Status};
use super::refusal::{Refusal, Why};
use super::verifier::{HostVerifier, with_port};
use crate::ssh::settings::StrictHostKeyChecking as Strict;

/// `ssh` never writes names with these characters into a `known_hosts` file.
const UNSTORABLE: &[char] = &['@', '?', '*', '#', '[', ']', '|', '\'', '"', '\\'];

/// The host's identity is confirmed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Acceptance {
    /// The names under which to store the key.
    pub learn: Vec<String>,
    pub key: Option<HostKey>,
    /// Warnings for the user, as fragments.
    pub warnings: Vec<String>,
}

/// A lookup of a host's key.
pub(super) struct Lookup<'a> {
    pub verifier: &'a HostVerifier,
    pub key: &'a HostKey,
    pub certificate: Option<(&'a Certificate, &'a HostKey)>,
    pub peer: Option<SocketAddr>,
}

impl Lookup<'_> {
    pub(super) fn decide(&self) -> Result<Acceptance, Refusal> {
        let policy = &self.verifier.policy;
        if policy.trust_localhost && self.is_local() && policy.alias.is_none() {
            return Ok(Acceptance::default());
        }
        self.at(self.verifier.port, false)
    }

    /// Looks the host up at a port. `again` is set for the second lookup, if it is unknown at its own port.
    fn at(&self, port: u16, again: bool) -> Result<Acceptance, Refusal> {
        let unvouched = match self.certificate {
            None => None,
            Some((certificate, authority)) => {
                match self.certified(port, again, certificate, authority)? {
                    Ok(acceptance) => return Ok(acceptance),
                    Err(why) => Some(why),
                }
            }
        };
        self.plain(port, again, unvouched.as_ref())
    }

    /// Accepts the host if an authority vouches for it. Otherwise returns why the certificate is ignored and
    /// only the key is used.
    fn certified(
        &self,
        port: u16,
        again: bool,
        certificate: &Certificate,
        authority: &HostKey,
    ) -> Result<Result<Acceptance, String>, Refusal> {
        let verifier = self.verifier;
        if !verifier.offers(self.key.kind(), true) {
            return Ok(Err(
                "HostKeyAlgorithms does not list its algorithm".to_owned()
            ));
        }
        let shown = Presented::Certificate {
            key: self.key,
            authority,
        };
        match verifier
            .known
            .status(&verifier.files(), &verifier.name(port), shown)
        {
            Status::Revoked(found) => Err(self.refused(port, Why::Revoked(found), None)),
            Status::Known(_) => {
                let host = verifier.policy.alias.as_ref().unwrap_or(&verifier.host);
                Ok(
                    match certificate_fault(certificate, host, &verifier.authority_signatures) {
                        None => Ok(Acceptance::default()),
                        Some(fault) => Err(fault),
                    },
                )
            }
            Status::New if self.may_look_again(port, again) => match self.at(0, true) {
                Ok(acceptance) => Ok(Ok(acceptance)),
                Err(refusal) if refusal.is_final() => Err(refusal),
                Err(refusal) => Ok(Err(refusal.unvouched().unwrap_or_else(no_authority))),
            },
            Status::New | Status::Changed(_) => Ok(Err(no_authority())),
        }
    }

    fn plain(
        &self,
        port: u16,
        again: bool,
        unvouched: Option<&String>,
    ) -> Result<Acceptance, Refusal> {
        let verifier = self.verifier;
        let (policy, files, name) = (&verifier.policy, verifier.files(), verifier.name(port));
        let refused = |why| Err(self.refused(port, why, unvouched.cloned()));
        if !verifier.offers(self.key.kind(), false) {
            return refused(Why::NotOffered);
        }
        let mut acceptance = Acceptance {
            key: Some(self.key.clone()),
            ..Acceptance::default()
        };
        let shown = Presented::Key(self.key);
        let status = verifier.known.status(&files, &name, shown);
        let address = self.address(port);
        let by_address = address
            .as_ref()
            .map(|address| verifier.known.status(&files, address, shown));
        if let Some(Status::Revoked(found)) = by_address {
            return refused(Why::Revoked(found));
        }
        let writable = !again && self.may_learn();
        let new_address = address
            .clone()
            .filter(|_| writable && by_address == Some(Status::New));
        match &status {
            Status::Known(_) => acceptance.learn.extend(new_address),
            Status::New => {
                if self.may_look_again(port, again) {
                    match self.at(0, true) {
                        Ok(known) => acceptance.warnings.extend(known.warnings),
                        Err(refusal) if refusal.is_final() => return Err(refusal),
                        Err(_) => {
                            self.learn(&mut acceptance, name, new_address, writable, unvouched)?;
                        }
                    }
                } else {
                    self.learn(&mut acceptance, name, new_address, writable, unvouched)?;
                }
            }
            Status::Revoked(found) => return refused(Why::Revoked(found.clone())),
            Status::Changed(found) => {
                if again || policy.strict != Strict::No {
                    return refused(Why::Changed(found.clone()));
                }
                acceptance.warnings.push(self.changed(&name, found));
            }
        }
        if let (Some(Status::Changed(found)), Some(address)) = (by_address, address)
            && !matches!(status, Status::Changed(_))
        {
            if policy.strict != Strict::No {
                return refused(Why::OtherAddress { address, found });
            }
            acceptance.warnings.push(self.changed(&address, &found));
        }
        Ok(acceptance)
    }

    fn learn(
        &self,
        acceptance: &mut Acceptance,
        name: String,
        address: Option<String>,
        writable: bool,
        unvouched: Option<&String>,
    ) -> Result<(), Refusal> {
        if !writable || self.verifier.strict() == Strict::Yes {
            return Err(self.refused(self.verifier.port, Why::Unknown, unvouched.cloned()));
        }
        acceptance.learn.push(name);
        acceptance.learn.extend(address);
        Ok(())
    }

    fn refused(&self, port: u16, why: Why, unvouched: Option<String>) -> Refusal {
        Refusal::Key {
            name: self.verifier.name(port),
            key: self.key.clone(),
            why,
            unvouched,
        }
    }

    fn changed(&self, name: &str, found: &Found) -> String {
        format!(
            "the {} host key of {name} differs from the one in {}: it is now {}",
            self.key.kind(),
            found.place(),
            self.key.fingerprint()
        )
    }

    /// Whether a second lookup without the port is allowed: a host at an unusual port may be known without
    /// the port.
    fn may_look_again(&self, port: u16, again: bool) -> bool {
        !again && port != 0 && port != 22 && self.verifier.policy.alias.is_none()
    }

    fn may_learn(&self) -> bool {
        !self.verifier.policy.user_files.is_empty() && !self.verifier.host.contains(UNSTORABLE)
    }

    /// The address by which the host is looked up in addition to its name (`CheckHostIP`), with a port.
    fn address(&self, port: u16) -> Option<String> {
        let peer = self.peer.filter(|_| self.verifier.policy.check_host_ip)?;
        if self.is_local() {
            return None;
        }
        let address = with_port(&peer.ip().to_string(), port);
        (address != self.verifier.host).then_some(address)
    }

    fn is_local(&self) -> bool {
        self.peer.is_some_and(|peer| peer.ip().is_loopback())
    }
}

fn no_authority() -> String {
    "it is not signed by a known @cert-authority of the host".to_owned()
}

/// Why a certificate that is signed by an authority of this host is invalid (PROTOCOL.certkeys, and
/// `sshkey_cert_check_host` of OpenSSH), as a fragment.
fn certificate_fault(
    certificate: &Certificate,
    host: &str,
    signatures: &[String],
) -> Option<String> {
    if certificate.cert_type() != CertType::Host {
        return Some("it is not a host certificate".to_owned());
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
        return Some("it contains no host name".to_owned());
    }
    // Some versions of `ssh` allow patterns here, others do not.
    if !principals.iter().any(|principal| principal == host) {
        return Some(format!("it is for {}", principals.join(", ")));
    }
    if certificate.critical_options().iter().next().is_some() {
        return Some("it has critical options, which are not allowed".to_owned());
    }
    let signature = certificate.signature().algorithm();
    if !signatures.iter().any(|name| name == signature.as_str()) {
        return Some(format!(
            "it is signed with {}, which CASignatureAlgorithms does not list",
            signature.as_str()
        ));
    }
    None
}
