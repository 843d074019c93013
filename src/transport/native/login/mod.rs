//! Logging in, with keys alone: whoever needs a password is asked for it by `ssh`.

mod agent;
mod key_file;
mod offer;
mod signing;

use std::path::PathBuf;
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use russh::keys::{Certificate, HashAlg};
use russh::{MethodKind, MethodSet};

use crate::transport::settings::SshSettings;
use crate::transport::{TransportError, TransportErrorKind as Kind};

pub(super) use agent::Agents;
pub(super) use key_file::KeyFiles;

use super::diagnosis;
use super::handler::{Handler, News};
use agent::Agent;
use key_file::{KeyFile, Unusable};
use offer::{Held, Offer, Shown, Signer, agree, offers};

/// Why it takes `ssh` itself to log in to a host, if it does: a fragment for the user. It tries keys that cannot be used here.
pub(in super::super) fn takes_ssh(settings: &SshSettings, keys: &KeyFiles) -> Option<String> {
    for path in &settings.identity_files {
        // What nobody asked for, and no server takes any more.
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
        .map(|path| format!("the certificate {} cannot be read here", path.display()))
}

/// One login under way.
pub(super) struct Login<'a> {
    pub settings: &'a SshSettings,
    pub keys: &'a KeyFiles,
    pub agents: &'a Agents,
    pub news: &'a News,
}

/// What a login has tried, for the error.
#[derive(Default)]
struct Tried {
    offered: Vec<String>,
    /// Keys that were passed over, and why.
    passed_over: Vec<String>,
    methods: Option<MethodSet>,
    /// A key was taken, and another is wanted.
    taken: bool,
}

enum Answer {
    In,
    /// Try the next.
    No,
    Stop(TransportError),
}

impl Login<'_> {
    /// Logs in with the first key that the host takes.
    pub async fn run(&self, handle: &mut Handle<Handler>) -> Result<(), TransportError> {
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
        let mut held = Held {
            files: &files,
            certificates: &certificates,
            agent: identities,
            bound: false,
        };
        let mut tried = Tried::default();
        let first = offers(self.settings, &held);
        if self
            .offer_all(handle, &first, agent.as_deref(), &mut tried)
            .await?
        {
            return Ok(());
        }
        // What is encrypted as a whole shows nothing before it is opened: so that comes after all that can be shown.
        for file in files.iter().filter(|file| file.public.is_none()) {
            if let Ok(key) = self.keys.open(file).await {
                let offer = Offer::of_file(key.public(), file, self.settings);
                if self.offer_all(handle, &[offer], None, &mut tried).await? {
                    return Ok(());
                }
            }
        }
        // What the agent shows to this host alone.
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
                held.agent = &new;
                held.bound = true;
                let more: Vec<Offer> = offers(self.settings, &held)
                    .into_iter()
                    .filter(|offer| matches!(offer.signer, Signer::Agent { .. }))
                    .collect();
                if self
                    .offer_all(handle, &more, Some(agent), &mut tried)
                    .await?
                {
                    return Ok(());
                }
            }
        }
        if tried.offered.is_empty() {
            // A host may let in who asks; else it says what it wants.
            let answer = handle.authenticate_none(&self.settings.user).await;
            match self.heard(answer.ok(), &mut tried).await {
                Answer::In => return Ok(()),
                Answer::Stop(error) => return Err(error),
                Answer::No => {}
            }
        }
        for file in &files {
            if let Some(why) = file.unusable() {
                let path = file.path.display().to_string();
                // Said already where the host wanted it.
                if !tried.passed_over.iter().any(|note| note.starts_with(&path)) {
                    tried.passed_over.push(format!("{path} {why}"));
                }
            }
        }
        Err(self.denied(&tried))
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

    /// True once the host has let us in.
    async fn offer_all(
        &self,
        handle: &mut Handle<Handler>,
        offers: &[Offer],
        agent: Option<&Agent>,
        tried: &mut Tried,
    ) -> Result<bool, TransportError> {
        let rsa = offers.iter().any(|offer| offer.shown.algorithm().is_rsa());
        // Waits for what the server says of itself: only RSA needs to know.
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
        for offer in offers {
            let Ok(hash) = agree(self.settings, &offer.shown, best) else {
                tried.passed_over.push(format!(
                    "{offer}: no signature algorithm that both sides take"
                ));
                continue;
            };
            tracing::debug!(host = self.settings.original, %offer, "offering public key");
            tried.offered.push(offer.to_string());
            let mut hand = Hand {
                offer,
                keys: self.keys,
                agent,
                binding: binding.as_ref(),
                failed: None,
            };
            let answer = self.ask(handle, offer, hash, &mut hand).await;
            if let Some(why) = hand.failed {
                tried.passed_over.push(format!("{offer}: {why}"));
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

    /// Shows a key, and signs if the host takes it. `None` without an answer.
    async fn ask(
        &self,
        handle: &mut Handle<Handler>,
        offer: &Offer,
        hash: Option<HashAlg>,
        hand: &mut Hand<'_>,
    ) -> Option<AuthResult> {
        let user = self.settings.user.as_str();
        let answer = match &offer.shown {
            Shown::Key(key) => {
                handle
                    .authenticate_publickey_with(user, key.clone(), hash, hand)
                    .await
            }
            Shown::Certificate(certificate) => {
                handle
                    .authenticate_certificate_with(user, certificate.as_ref().clone(), hash, hand)
                    .await
            }
        };
        answer.ok()
    }

    /// What an answer means for the login.
    async fn heard(&self, answer: Option<AuthResult>, tried: &mut Tried) -> Answer {
        let (methods, partial) = match answer {
            Some(AuthResult::Success) => return Answer::In,
            Some(AuthResult::Failure {
                remaining_methods,
                partial_success,
            }) => (remaining_methods, partial_success),
            None => (MethodSet::empty(), false),
        };
        if methods.is_empty() {
            // The connection ends, or has ended; its last words say why.
            self.news.over().await;
            let end = self.news.end().unwrap_or_default();
            return Answer::Stop(if end.contains("Too many authentication failures") {
                self.too_many(&end, tried)
            } else if end == NO_METHODS {
                self.denied(tried)
            } else {
                diagnosis::lost(self.settings, self.news)
            });
        }
        if partial && !methods.contains(&MethodKind::PublicKey) {
            return Answer::Stop(TransportError {
                kind: Kind::Authentication,
                message: format!(
                    "{}@{}: the key was taken, and the host wants more: {}",
                    self.settings.user,
                    self.settings.host,
                    names(&methods)
                ),
                hint: Some("Only keys, certificates and an agent can be used to log in.".into()),
            });
        }
        // With more than one key wanted, the next is offered.
        tried.taken |= partial;
        let keys = methods.contains(&MethodKind::PublicKey);
        tried.methods = Some(methods);
        if keys {
            Answer::No
        } else {
            Answer::Stop(self.denied(tried))
        }
    }

    fn denied(&self, tried: &Tried) -> TransportError {
        let methods = tried.methods.as_ref().map(names).unwrap_or_default();
        let banner = self.news.banner();
        let mut message = format!(
            "{}@{}: Permission denied ({methods}).",
            self.settings.user, self.settings.host
        );
        if !banner.is_empty() {
            message.push_str(&format!(" The host says: {banner}"));
        }
        TransportError {
            kind: Kind::Authentication,
            message,
            hint: Some(self.advice(tried)),
        }
    }

    fn too_many(&self, end: &str, tried: &Tried) -> TransportError {
        TransportError {
            kind: Kind::Authentication,
            message: format!("{}@{}: {end}", self.settings.user, self.settings.host),
            hint: Some(format!(
                "{} Name the right key with `ops_ssh_key` or `IdentityFile`, and set `IdentitiesOnly yes`.",
                self.advice(tried)
            )),
        }
    }

    fn advice(&self, tried: &Tried) -> String {
        let user = &self.settings.user;
        let mut advice = if tried.taken {
            format!(
                "The host wants more than one of these for {user}: {}.",
                tried.offered.join("; ")
            )
        } else if tried.offered.is_empty() {
            let missing = self
                .settings
                .identity_files
                .iter()
                .find(|path| self.settings.identity_files_are_set && !path.exists());
            match missing {
                Some(path) => format!("The key file {} is not there.", path.display()),
                None => format!(
                    "No key was offered: is there one for {user}, or an agent that holds it?"
                ),
            }
        } else {
            format!(
                "The host takes none of these for {user}: {}.",
                tried.offered.join("; ")
            )
        };
        if !tried.passed_over.is_empty() {
            advice.push_str(&format!(" Passed over: {}.", tried.passed_over.join("; ")));
            if tried
                .passed_over
                .iter()
                .any(|note| note.contains("is encrypted"))
            {
                advice.push_str(" Add an encrypted key to ssh-agent with `ssh-add`.");
            }
        }
        advice
    }
}

/// What russh says when a server leaves no method.
const NO_METHODS: &str = "No authentication method";

fn names(methods: &MethodSet) -> String {
    methods
        .iter()
        .map(<&str>::from)
        .collect::<Vec<_>>()
        .join(",")
}

/// Signs for one offer.
struct Hand<'a> {
    offer: &'a Offer,
    keys: &'a KeyFiles,
    agent: Option<&'a Agent>,
    binding: Option<&'a AgentSessionBinding>,
    /// Why there is no signature.
    failed: Option<String>,
}

/// There is no signature; why is noted where it was asked for.
#[derive(Debug)]
struct NotSigned;

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
