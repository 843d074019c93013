//! Signs for an offer that a host wants: by a key file, or by the agent.

use std::sync::Arc;

use russh::keys::HashAlg;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};

use super::agent::Agent;
use super::key_file::{KeyFile, KeyFiles, Unusable};
use super::offer::{Offer, Signer};

/// Signs for one offer.
pub(super) struct Hand<'a> {
    pub offer: &'a Offer,
    pub keys: &'a KeyFiles,
    pub agent: Option<&'a Agent>,
    pub binding: Option<&'a AgentSessionBinding>,
    /// Why there is no signature.
    pub failed: Option<String>,
}

/// There is no signature; why is noted where it was asked for.
#[derive(Debug)]
pub(super) struct NotSigned;

impl From<russh::SendError> for NotSigned {
    fn from(_: russh::SendError) -> Self {
        Self
    }
}

impl russh::Signer for Hand<'_> {
    type Error = NotSigned;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, NotSigned> {
        let signed = match &self.offer.signer {
            Signer::File(file) => self.by_file(file, hash, request).await,
            Signer::Agent { identity, bound } => match self.agent {
                Some(agent) => agent
                    .sign(identity, hash, request, self.binding.filter(|_| *bound))
                    .await
                    .ok_or_else(|| "the agent does not sign".to_owned()),
                None => Err("there is no agent".to_owned()),
            },
        };
        signed.map_err(|why| {
            self.failed = Some(why);
            NotSigned
        })
    }
}

impl Hand<'_> {
    async fn by_file(
        &self,
        file: &Arc<KeyFile>,
        hash: Option<HashAlg>,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, String> {
        let key = self
            .keys
            .open(file)
            .await
            .map_err(|why: Unusable| why.to_string())?;
        key.sign(hash, request)
            .ok_or_else(|| "no signature could be made".to_owned())
    }
}
