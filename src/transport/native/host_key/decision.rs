//! What is to be done with the key that a host has shown: `check_host_key` of OpenSSH, with nobody there to be asked.

use std::net::SocketAddr;

use russh::keys::Certificate;

use super::cache::{Found, Shown, Status};
use super::key::Key;
use super::refusal::{Refusal, Why};
use super::{HostKeys, certificate, with_port};
use crate::transport::StrictHostKeyChecking as Strict;

/// Letters that `ssh` writes into no `known_hosts` file.
const NOT_LEARNT: &[char] = &['@', '?', '*', '#', '[', ']', '|', '\'', '"', '\\'];

/// The host is taken for who it says it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Names under which the key is to be kept.
    pub learn: Vec<String>,
    pub key: Option<Key>,
    /// What the user has to know, as fragments.
    pub warnings: Vec<String>,
}

/// One host's key, to be looked up.
pub(super) struct Lookup<'a> {
    pub keys: &'a HostKeys,
    pub key: &'a Key,
    pub certificate: Option<(&'a Certificate, &'a Key)>,
    pub peer: Option<SocketAddr>,
}

impl Lookup<'_> {
    pub(super) fn decide(&self) -> Result<Verdict, Refusal> {
        let policy = &self.keys.policy;
        if policy.trust_localhost && self.is_local() && policy.alias.is_none() {
            return Ok(Verdict::default());
        }
        self.at(self.keys.port, false)
    }

    /// Looks the host up at a port; `again` if nothing is known of it at its own port.
    fn at(&self, port: u16, again: bool) -> Result<Verdict, Refusal> {
        let unvouched = match self.certificate {
            None => None,
            Some((certificate, authority)) => {
                match self.certified(port, again, certificate, authority)? {
                    Ok(verdict) => return Ok(verdict),
                    Err(why) => Some(why),
                }
            }
        };
        self.plain(port, again, unvouched.as_ref())
    }

    /// Whether an authority vouches for the host; else its key counts alone, and why it does.
    fn certified(
        &self,
        port: u16,
        again: bool,
        certificate: &Certificate,
        authority: &Key,
    ) -> Result<Result<Verdict, String>, Refusal> {
        let keys = self.keys;
        if !keys.offers(self.key.kind(), true) {
            return Ok(Err("HostKeyAlgorithms does not name it".to_owned()));
        }
        let shown = Shown::Certificate {
            key: self.key,
            authority,
        };
        match keys.known.status(&keys.files(), &keys.name(port), shown) {
            Status::Revoked(found) => Err(self.refused(port, Why::Revoked(found), None)),
            Status::Known(_) => {
                let host = keys.policy.alias.as_ref().unwrap_or(&keys.host);
                Ok(
                    match certificate::fault(certificate, host, &keys.authority_signatures) {
                        None => Ok(Verdict::default()),
                        Some(fault) => Err(fault),
                    },
                )
            }
            Status::New if self.may_look_again(port, again) => match self.at(0, true) {
                Ok(verdict) => Ok(Ok(verdict)),
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
    ) -> Result<Verdict, Refusal> {
        let keys = self.keys;
        let (policy, files, name) = (&keys.policy, keys.files(), keys.name(port));
        let refused = |why| Err(self.refused(port, why, unvouched.cloned()));
        if !keys.offers(self.key.kind(), false) {
            return refused(Why::NotOffered);
        }
        let mut verdict = Verdict {
            key: Some(self.key.clone()),
            ..Verdict::default()
        };
        let shown = Shown::Key(self.key);
        let status = keys.known.status(&files, &name, shown);
        let address = self.address(port);
        let by_address = address
            .as_ref()
            .map(|address| keys.known.status(&files, address, shown));
        if let Some(Status::Revoked(found)) = by_address {
            return refused(Why::Revoked(found));
        }
        let writable = !again && self.may_learn();
        let new_address = address
            .clone()
            .filter(|_| writable && by_address == Some(Status::New));
        match &status {
            Status::Known(_) => verdict.learn.extend(new_address),
            Status::New => {
                if self.may_look_again(port, again) {
                    match self.at(0, true) {
                        Ok(known) => verdict.warnings.extend(known.warnings),
                        Err(refusal) if refusal.is_final() => return Err(refusal),
                        Err(_) => {
                            self.learn(&mut verdict, name, new_address, writable, unvouched)?;
                        }
                    }
                } else {
                    self.learn(&mut verdict, name, new_address, writable, unvouched)?;
                }
            }
            Status::Revoked(found) => return refused(Why::Revoked(found.clone())),
            Status::Changed(found) => {
                if again || policy.strict != Strict::No {
                    return refused(Why::Changed(found.clone()));
                }
                verdict.warnings.push(self.changed(&name, found));
            }
        }
        if let (Some(Status::Changed(found)), Some(address)) = (by_address, address)
            && !matches!(status, Status::Changed(_))
        {
            if policy.strict != Strict::No {
                return refused(Why::OtherAddress { address, found });
            }
            verdict.warnings.push(self.changed(&address, &found));
        }
        Ok(verdict)
    }

    fn learn(
        &self,
        verdict: &mut Verdict,
        name: String,
        address: Option<String>,
        writable: bool,
        unvouched: Option<&String>,
    ) -> Result<(), Refusal> {
        if !writable || self.keys.strict() == Strict::Yes {
            return Err(self.refused(self.keys.port, Why::Unknown, unvouched.cloned()));
        }
        verdict.learn.push(name);
        verdict.learn.extend(address);
        Ok(())
    }

    fn refused(&self, port: u16, why: Why, unvouched: Option<String>) -> Refusal {
        Refusal::Key {
            name: self.keys.name(port),
            key: self.key.clone(),
            why,
            unvouched,
        }
    }

    fn changed(&self, name: &str, found: &Found) -> String {
        format!(
            "the {} host key of {name} is not the one that {} has: it is now {}",
            self.key.kind(),
            found.place(),
            self.key.fingerprint()
        )
    }

    /// A host at a port of its own may be known without it.
    fn may_look_again(&self, port: u16, again: bool) -> bool {
        !again && port != 0 && port != 22 && self.keys.policy.alias.is_none()
    }

    fn may_learn(&self) -> bool {
        !self.keys.policy.user_files.is_empty() && !self.keys.host.contains(NOT_LEARNT)
    }

    /// What the host is looked up by beside its name (`CheckHostIP`), at a port.
    fn address(&self, port: u16) -> Option<String> {
        let peer = self.peer.filter(|_| self.keys.policy.check_host_ip)?;
        if self.is_local() {
            return None;
        }
        let address = with_port(&peer.ip().to_string(), port);
        (address != self.keys.host).then_some(address)
    }

    fn is_local(&self) -> bool {
        self.peer.is_some_and(|peer| peer.ip().is_loopback())
    }
}

fn no_authority() -> String {
    "no @cert-authority that is known for the host has signed it".to_owned()
}
