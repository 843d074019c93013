//! Logging in: with keys, and with a password where there is one.

mod agent;
mod hand;
mod key_file;
mod offer;
mod password;
mod refusal;
mod signing;

use std::path::PathBuf;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::{Certificate, HashAlg};
use russh::{MethodKind, MethodSet};

use crate::transport::settings::{LoginMethod, SshSettings};
use crate::transport::{TransportError, TransportErrorKind as Kind};

pub(super) use agent::Agents;
pub(super) use key_file::KeyFiles;
pub(super) use password::Passwords;

use super::diagnosis;
use super::handler::{Handler, News};
use agent::Agent;
use hand::Hand;
use key_file::Unusable;
use offer::{Held, Offer, Shown, Signer, agree, offers};
use refusal::names;

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
    pub passwords: &'a Passwords,
    pub news: &'a News,
}

/// What a login has tried, for the error.
#[derive(Default)]
struct Tried {
    offered: Vec<String>,
    /// Keys that come after these.
    untried: Vec<String>,
    /// Keys that were passed over, and why.
    passed_over: Vec<String>,
    methods: Option<MethodSet>,
    /// A key was taken, and another is wanted.
    taken: bool,
    /// What was tried last was taken, and more is wanted.
    part_of_way: bool,
    /// The host wants no more keys.
    keys_are_over: bool,
}

enum Answer {
    In,
    /// Try the next.
    No,
    Stop(TransportError),
}

impl Login<'_> {
    /// Logs in by the first method that the host takes. Each is used once, for a host that wants several too.
    pub async fn run(&self, handle: &mut Handle<Handler>) -> Result<(), TransportError> {
        let mut tried = Tried::default();
        let mut left = self.settings.login.methods.clone();
        if self.settings.login.password.is_none() {
            // Keys are what there is, and `ssh` is left what they are turned off for.
            left = vec![LoginMethod::PublicKey];
        }
        // A host that takes a password alone would count keys as failures.
        let has_password = self.settings.login.password.is_some();
        if has_password && self.ask_methods(handle, &mut tried).await? {
            return Ok(());
        }
        while let Some(method) = next(&mut left, &tried) {
            tried.part_of_way = false;
            let answer = match (method, &self.settings.login.password) {
                (LoginMethod::PublicKey, _) => {
                    if self.by_keys(handle, &mut tried).await? {
                        Answer::In
                    } else {
                        Answer::No
                    }
                }
                (_, Some(password)) => self.by_password(handle, method, password, &mut tried).await,
                (_, None) => Answer::No,
            };
            match answer {
                Answer::In => return Ok(()),
                Answer::Stop(error) => return Err(error),
                Answer::No => {}
            }
        }
        Err(self.denied(&tried))
    }

    /// Asks the host what it takes. True if it lets in who asks.
    async fn ask_methods(
        &self,
        handle: &mut Handle<Handler>,
        tried: &mut Tried,
    ) -> Result<bool, TransportError> {
        let answer = handle.authenticate_none(&self.settings.user).await;
        match self.heard(answer.ok(), tried).await {
            Answer::In => Ok(true),
            Answer::Stop(error) => Err(error),
            Answer::No => Ok(false),
        }
    }

    /// True once the host took a key, and that is all that it wants.
    async fn by_keys(
        &self,
        handle: &mut Handle<Handler>,
        tried: &mut Tried,
    ) -> Result<bool, TransportError> {
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
        let first = offers(self.settings, &held);
        if self
            .offer_all(handle, &first, agent.as_deref(), tried)
            .await?
        {
            return Ok(true);
        }
        // What is encrypted as a whole shows nothing before it is opened: so that comes after all that can be shown.
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
                if self.offer_all(handle, &more, Some(agent), tried).await? {
                    return Ok(true);
                }
            }
        }
        // A host may let in who asks; else it says what it wants.
        if tried.methods.is_none() && self.ask_methods(handle, tried).await? {
            return Ok(true);
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
        for (index, offer) in offers.iter().enumerate() {
            if tried.keys_are_over {
                break;
            }
            let Ok(hash) = agree(self.settings, &offer.shown, best) else {
                tried.passed_over.push(format!(
                    "{offer}: no signature algorithm that both sides take"
                ));
                continue;
            };
            tracing::debug!(host = self.settings.original, %offer, "offering public key");
            tried.offered.push(offer.to_string());
            tried.untried = offers[index + 1..]
                .iter()
                .map(ToString::to_string)
                .collect();
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
        let is_left = |method: LoginMethod| {
            let has_it = method == LoginMethod::PublicKey || self.settings.login.password.is_some();
            has_it
                && self.settings.login.methods.contains(&method)
                && methods.contains(&password::kind(method))
        };
        let goes_on = LoginMethod::ALL.into_iter().any(is_left);
        if partial && !goes_on {
            return Answer::Stop(TransportError {
                kind: Kind::Authentication,
                message: format!(
                    "{}@{}: what was given was taken, and the host wants more: {}",
                    self.settings.user,
                    self.settings.host,
                    names(&methods)
                ),
                hint: Some(
                    "Keys, certificates, an agent and `ansible_password` can be used to log in."
                        .into(),
                ),
            });
        }
        // With more than one key wanted, the next is offered.
        tried.taken |= partial;
        tried.part_of_way = partial;
        tried.keys_are_over = !methods.contains(&MethodKind::PublicKey);
        let goes_on = goes_on || !tried.keys_are_over;
        tried.methods = Some(methods);
        if goes_on {
            Answer::No
        } else {
            Answer::Stop(self.denied(tried))
        }
    }
}

/// The next method that is wanted here and that the host takes, as far as it said.
fn next(left: &mut Vec<LoginMethod>, tried: &Tried) -> Option<LoginMethod> {
    let takes = |method: &LoginMethod| {
        let methods = tried.methods.as_ref();
        methods.is_none_or(|methods| methods.contains(&password::kind(*method)))
    };
    let found = left.iter().position(takes)?;
    Some(left.remove(found))
}

/// What russh says when a server leaves no method.
const NO_METHODS: &str = "No authentication method";
