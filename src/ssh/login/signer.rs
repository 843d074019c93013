//! Signs for a key that a host has accepted: with a key file, or with the agent.

use std::sync::Arc;

use russh::keys::HashAlg;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};

use super::agent::Agent;
use super::key_file::{KeyFile, KeyFiles};
use super::offer::{Offer, Signer};
use super::signing_key::Unusable;

/// Signs for one offer.
pub(super) struct OfferSigner<'a> {
    pub offer: &'a Offer,
    pub keys: &'a KeyFiles,
    pub agent: Option<&'a Agent>,
    pub binding: Option<&'a AgentSessionBinding>,
    /// Why there is no signature.
    pub failed: Option<String>,
}

/// Signing failed; [`OfferSigner::failed`] has the reason.
#[derive(Debug)]
pub(super) struct NotSigned;

impl From<russh::SendError> for NotSigned {
    fn from(_: russh::SendError) -> Self {
        Self
    }
}

impl russh::Signer for OfferSigner<'_> {
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
                    .ok_or_else(|| "the agent refused to sign".to_owned()),
                None => Err("no agent is available".to_owned()),
            },
        };
        signed.map_err(|why| {
            self.failed = Some(why);
            NotSigned
        })
    }
}

impl OfferSigner<'_> {
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
            .ok_or_else(|| "signing failed".to_owned())
    }
}
