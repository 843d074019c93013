//! The progress of a login: what was tried, what the host's answers mean, and the error if it is refused.

use russh::client::{AuthResult, Handle};
use russh::{MethodKind, MethodSet};

use super::accounts::Passwords;
use super::agent::Agents;
use super::key_file::KeyFiles;
use crate::ssh::diagnosis::{self, not_tried};
use crate::ssh::error::{Advice, SshError, SshErrorKind as Kind};
use crate::ssh::handler::Handler;
use crate::ssh::news::News;
use crate::ssh::settings::{LoginMethod, SshSettings};

/// The message of russh for a server that accepts no further method.
const NO_METHODS: &str = "No authentication method";

/// A login in progress.
pub(crate) struct Login<'a> {
    pub settings: &'a SshSettings,
    pub keys: &'a KeyFiles,
    pub agents: &'a Agents,
    pub passwords: &'a Passwords,
    pub news: &'a News,
}

/// What a login has tried so far.
#[derive(Default)]
pub(super) struct Progress {
    pub offered: Vec<String>,
    /// The keys that would have been tried next.
    pub untried: Vec<String>,
    /// Keys that were skipped, with the reason.
    pub skipped: Vec<String>,
    pub methods: Option<MethodSet>,
    /// A key was accepted, and the host requires another.
    pub taken: bool,
    /// The last attempt was accepted, and the host requires more.
    pub part_of_way: bool,
    /// The host accepts no more keys.
    pub keys_are_over: bool,
}

pub(super) enum Answer {
    In,
    /// Try the next method.
    No,
    Stop(SshError),
}

impl Login<'_> {
    /// Asks the host which methods it accepts. Returns true if the host already accepts the login.
    pub(super) async fn ask_methods(
        &self,
        handle: &mut Handle<Handler>,
        tried: &mut Progress,
    ) -> Result<bool, SshError> {
        let answer = handle.authenticate_none(&self.settings.user).await;
        match self.heard(answer.ok(), tried).await {
            Answer::In => Ok(true),
            Answer::Stop(error) => Err(error),
            Answer::No => Ok(false),
        }
    }

    /// What an answer means for the login.
    pub(super) async fn heard(&self, answer: Option<AuthResult>, tried: &mut Progress) -> Answer {
        let (methods, partial) = match answer {
            Some(AuthResult::Success) => return Answer::In,
            Some(AuthResult::Failure {
                remaining_methods,
                partial_success,
            }) => (remaining_methods, partial_success),
            None => (MethodSet::empty(), false),
        };
        if methods.is_empty() {
            // The connection is ending or has ended. The server's last message contains the reason.
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
                && methods.contains(&kind(method))
        };
        let goes_on = LoginMethod::ALL.into_iter().any(is_left);
        if partial && !goes_on {
            return Answer::Stop(SshError {
                kind: Kind::Authentication,
                message: format!(
                    "{}@{}: the host accepted the login so far but requires more: {}",
                    self.settings.user,
                    self.settings.host,
                    names(&methods)
                ),
                advice: Some(Advice::CombineMethods),
            });
        }
        // If the host requires more than one key, the next is offered.
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

    pub(super) fn denied(&self, tried: &Progress) -> SshError {
        let methods = tried.methods.as_ref().map(names).unwrap_or_default();
        let banner = self.news.banner();
        let mut message = format!(
            "{}@{}: Permission denied ({methods}).",
            self.settings.user, self.settings.host
        );
        if !banner.is_empty() {
            message.push_str(&format!(" The host says: {banner}"));
        }
        SshError {
            kind: Kind::Authentication,
            message,
            advice: Some(Advice::try_this(self.advice(tried))),
        }
    }

    pub(super) fn too_many(&self, end: &str, tried: &Progress) -> SshError {
        SshError {
            kind: Kind::Authentication,
            message: format!("{}@{}: {end}", self.settings.user, self.settings.host),
            advice: Some(Advice::NameKey {
                tried: format!("{}{}", self.advice(tried), not_tried(&tried.untried)),
                has_password: self.settings.login.password.is_some(),
            }),
        }
    }

    fn advice(&self, tried: &Progress) -> String {
        let user = &self.settings.user;
        let mut advice = if tried.taken {
            format!(
                "The host asks for more than one of these for {user}: {}.",
                tried.offered.join("; ")
            )
        } else if tried.offered.is_empty() {
            let missing = self
                .settings
                .identity_files
                .iter()
                .find(|path| self.settings.identity_files_are_set && !path.exists());
            match missing {
                Some(path) => format!("The key file {} does not exist.", path.display()),
                None => format!(
                    "No key was offered: is there one for {user}, or an agent that holds it?"
                ),
            }
        } else {
            format!(
                "The host accepts none of these for {user}: {}.",
                tried.offered.join("; ")
            )
        };
        if !tried.skipped.is_empty() {
            advice.push_str(&format!(" Skipped: {}.", tried.skipped.join("; ")));
            if tried
                .skipped
                .iter()
                .any(|note| note.contains("is encrypted"))
            {
                advice.push_str(" Add an encrypted key to ssh-agent with `ssh-add`.");
            }
        }
        advice
    }
}

/// The server's name for one of our methods.
pub(super) const fn kind(method: LoginMethod) -> MethodKind {
    match method {
        LoginMethod::PublicKey => MethodKind::PublicKey,
        LoginMethod::KeyboardInteractive => MethodKind::KeyboardInteractive,
        LoginMethod::Password => MethodKind::Password,
    }
}

fn names(methods: &MethodSet) -> String {
    methods
        .iter()
        .map(<&str>::from)
        .collect::<Vec<_>>()
        .join(",")
}
