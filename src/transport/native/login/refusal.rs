//! What is said of a login that was refused: what was offered, and what to try.

use russh::MethodSet;

use super::{Login, Tried};
use crate::transport::{TransportError, TransportErrorKind as Kind, not_tried};

impl Login<'_> {
    pub(super) fn denied(&self, tried: &Tried) -> TransportError {
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

    pub(super) fn too_many(&self, end: &str, tried: &Tried) -> TransportError {
        let password = if self.settings.login.password.is_some() {
            " To use the password first, set `PreferredAuthentications keyboard-interactive,password` there."
        } else {
            ""
        };
        TransportError {
            kind: Kind::Authentication,
            message: format!("{}@{}: {end}", self.settings.user, self.settings.host),
            hint: Some(format!(
                "{}{} Name the right key with `ansible_ssh_private_key_file` or `--private-key`, or set `IdentitiesOnly yes` in the \
                 ssh configuration.{password}",
                self.advice(tried),
                not_tried(&tried.untried)
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

pub(super) fn names(methods: &MethodSet) -> String {
    methods
        .iter()
        .map(<&str>::from)
        .collect::<Vec<_>>()
        .join(",")
}
