//! Logging in with keys and certificates (RFC 4252, 7).

use std::path::PathBuf;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::{Certificate, HashAlg};

use super::agent::Agent;
use super::key_file::{self, KeyFiles};
use super::offer::{KeysAtHand, Offer, Shown, Signer, agree, offers};
use super::progress::{Answer, Login, Progress};
use super::signer::OfferSigner;
use super::signing_key::Unusable;
use crate::ssh::error::SshError;
use crate::ssh::handler::Handler;
use crate::ssh::settings::SshSettings;

/// The reason why only `ssh` itself can log in to a host, if any: a fragment for the user. `ssh` can use keys
/// that this client cannot use.
pub(crate) fn keys_need_ssh(settings: &SshSettings, keys: &KeyFiles) -> Option<String> {
    for path in &settings.identity_files {
        // The user did not ask for these, and no server accepts them any more.
        let outdated = ["id_dsa", "id_xmss"]
            .iter()
            .any(|name| path.ends_with(name));
        if outdated && !settings.identity_files_are_set {
            continue;
        }
        let file = keys.look(path);
        if let Some(why @ (Unusable::SecurityKey | Unusable::Unknown(_))) =
            file.as_ref().and_then(|file| file.unusable())
        {
            return Some(format!("the key file {} {why}", path.display()));
        }
    }
    settings
        .certificate_files
        .iter()
        .find(|path| path.exists() && key_file::certificate(path).is_none())
        .map(|path| {
            format!(
                "the built-in client cannot read the certificate {}",
                path.display()
            )
        })
}

impl Login<'_> {
    /// Returns true once the host has accepted a key and requires nothing else.
    pub(super) async fn by_keys(
        &self,
        handle: &mut Handle<Handler>,
        tried: &mut Progress,
    ) -> Result<bool, SshError> {
        let mut files = Vec::new();
        for path in &self.settings.identity_files {
            files.extend(self.keys.load(path).await);
        }
        let certificates = self.certificates().await;
        let agent = self
            .settings
            .agent
            .as_ref()
            .map(|socket| self.agents.at(socket));
        let identities: &[AgentIdentity] = match &agent {
            Some(agent) => agent.identities().await,
            None => &[],
        };
        let mut at_hand = KeysAtHand {
            files: &files,
            certificates: &certificates,
            agent: identities,
            bound: false,
        };
        let first = offers(self.settings, &at_hand);
        if self
            .offer_all(handle, &first, agent.as_deref(), tried)
            .await?
        {
            return Ok(true);
        }
        // A file that is encrypted as a whole reveals nothing before it is unlocked, so it is tried after all
        // others.
        for file in files.iter().filter(|file| file.public.is_none()) {
            if tried.keys_are_over {
                break;
            }
            if let Ok(key) = self.keys.open(file).await {
                let offer = Offer::of_file(key.public(), file, self.settings);
                if self.offer_all(handle, &[offer], None, tried).await? {
                    return Ok(true);
                }
            }
        }
        // Keys that the agent shows only to this host.
        let binding = handle.agent_session_binding().cloned();
        if let (Some(agent), Some(binding)) = (&agent, &binding) {
            let shown = agent.identities_for(Some(binding)).await;
            let new: Vec<AgentIdentity> = shown
                .into_iter()
                .filter(|identity| {
                    !identities.iter().any(|known| {
                        known.public_key().key_data() == identity.public_key().key_data()
                    })
                })
                .collect();
            if !new.is_empty() {
                at_hand.agent = &new;
                at_hand.bound = true;
                let more: Vec<Offer> = offers(self.settings, &at_hand)
                    .into_iter()
                    .filter(|offer| matches!(offer.signer, Signer::Agent { .. }))
                    .collect();
                if self.offer_all(handle, &more, Some(agent), tried).await? {
                    return Ok(true);
                }
            }
        }
        // A host may accept the login without a key; otherwise it lists the methods that it accepts.
        if tried.methods.is_none() && self.ask_methods(handle, tried).await? {
            return Ok(true);
        }
        for file in &files {
            if let Some(why) = file.unusable() {
                let path = file.path.display().to_string();
                // The file is already in the list if the host accepted its key.
                if !tried.skipped.iter().any(|note| note.starts_with(&path)) {
                    tried.skipped.push(format!("{path} {why}"));
                }
            }
        }
        Ok(false)
    }

    async fn certificates(&self) -> Vec<(PathBuf, Certificate)> {
        let paths = self.settings.certificate_files.clone();
        if paths.is_empty() {
            return Vec::new();
        }
        let read = move || {
            paths
                .into_iter()
                .filter_map(|path| key_file::certificate(&path).map(|found| (path, found)))
                .collect()
        };
        tokio::task::spawn_blocking(read).await.unwrap_or_default()
    }

    /// Returns true once the login is complete.
    async fn offer_all(
        &self,
        handle: &mut Handle<Handler>,
        offers: &[Offer],
        agent: Option<&Agent>,
        tried: &mut Progress,
    ) -> Result<bool, SshError> {
        let rsa = offers.iter().any(|offer| offer.shown.algorithm().is_rsa());
        // Waits for the server's list of algorithms, which is needed only for RSA.
        let best = if rsa {
            handle
                .best_supported_rsa_hash()
                .await
                .ok()
                .flatten()
                .flatten()
        } else {
            None
        };
        let binding = handle.agent_session_binding().cloned();
        for (index, offer) in offers.iter().enumerate() {
            if tried.keys_are_over {
                break;
            }
            let Ok(hash) = agree(self.settings, &offer.shown, best) else {
                tried.skipped.push(format!(
                    "{offer}: no signature algorithm that both sides accept"
                ));
                continue;
            };
            tracing::debug!(host = self.settings.original, %offer, "offering public key");
            tried.offered.push(offer.to_string());
            tried.untried = offers[index + 1..]
                .iter()
                .map(ToString::to_string)
                .collect();
            let mut signer = OfferSigner {
                offer,
                keys: self.keys,
                agent,
                binding: binding.as_ref(),
                failed: None,
            };
            let answer = self.ask(handle, offer, hash, &mut signer).await;
            if let Some(why) = signer.failed {
                tried.skipped.push(format!("{offer}: {why}"));
                tried.offered.pop();
                if !self.news.is_over() {
                    continue;
                }
            }
            match self.heard(answer, tried).await {
                Answer::In => return Ok(true),
                Answer::No => {}
                Answer::Stop(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Offers a key, and signs if the host accepts it. Returns `None` if there is no answer.
    async fn ask(
        &self,
        handle: &mut Handle<Handler>,
        offer: &Offer,
        hash: Option<HashAlg>,
        signer: &mut OfferSigner<'_>,
    ) -> Option<AuthResult> {
        let user = self.settings.user.as_str();
        let answer = match &offer.shown {
            Shown::Key(key) => {
                handle
                    .authenticate_publickey_with(user, key.clone(), hash, signer)
                    .await
            }
            Shown::Certificate(certificate) => {
                handle
                    .authenticate_certificate_with(user, certificate.as_ref().clone(), hash, signer)
                    .await
            }
        };
        answer.ok()
    }
}
