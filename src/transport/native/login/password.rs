//! Logging in with a password: by keyboard-interactive (RFC 4256), where the server asks, or as it is (RFC 4252, 8).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use russh::MethodKind;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse as Reply, Prompt};

use super::{Answer, Login, Tried};
use crate::shell::excerpt;
use crate::transport::native::handler::Handler;
use crate::transport::settings::{LoginMethod, Password};
use crate::transport::{TransportError, TransportErrorKind as Kind, TriedOnce};

/// Questions of a server that are answered, with and without a prompt. PAM modules that only tell something ask nothing.
const QUESTIONS: usize = 10;

/// The passwords of a run.
#[derive(Debug, Default)]
pub(in super::super) struct Passwords {
    tried: Mutex<HashMap<Account, TriedOnce<TransportError>>>,
}

/// Where a password is tried. Several names of an inventory may lead there.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Account {
    user: String,
    host: String,
    port: u16,
    password: Password,
}

/// What a server asks for.
#[derive(Debug, PartialEq, Eq)]
enum Question {
    Password,
    /// The password has expired, and another is wanted.
    NewPassword,
    /// A code, or something else that is not known here.
    Other,
}

impl Passwords {
    fn of(&self, account: Account) -> TriedOnce<TransportError> {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.entry(account).or_default().clone()
    }
}

impl Login<'_> {
    /// Gives the password, by the method that is said.
    pub(super) async fn by_password(
        &self,
        handle: &mut Handle<Handler>,
        method: LoginMethod,
        password: &Password,
        tried: &mut Tried,
    ) -> Answer {
        let settings = self.settings;
        let known = self.passwords.of(Account {
            user: settings.user.clone(),
            host: settings.host.clone(),
            port: settings.port,
            password: password.clone(),
        });
        let turn = match known.turn().await {
            Ok(turn) => turn,
            Err(error) => return Answer::Stop(error),
        };
        tracing::debug!(host = settings.original, ?method, "giving the password");
        let (answer, given) = if method == LoginMethod::Password {
            let user = settings.user.as_str();
            let answer = handle.authenticate_password(user, password.reveal()).await;
            (self.heard(answer.ok(), tried).await, true)
        } else {
            self.answer_questions(handle, password, tried).await
        };
        // A part of the way is a password that was taken too.
        let is_taken = matches!(answer, Answer::In) || tried.part_of_way;
        match (&answer, given) {
            _ if is_taken => turn.good(),
            (Answer::Stop(error), true) if error.kind == Kind::Authentication => {
                turn.refused(error.clone());
            }
            (Answer::No, true) => {
                let error = self.denied_password(tried);
                turn.refused(error.clone());
                return Answer::Stop(error);
            }
            _ => {}
        }
        answer
    }

    /// What came of it, and whether the password was given.
    async fn answer_questions(
        &self,
        handle: &mut Handle<Handler>,
        password: &Password,
        tried: &mut Tried,
    ) -> (Answer, bool) {
        let user = self.settings.user.as_str();
        let mut given = false;
        let mut reply = handle
            .authenticate_keyboard_interactive_start(user, None)
            .await;
        for _ in 0..QUESTIONS {
            let (said, prompts) = match reply {
                Ok(Reply::InfoRequest {
                    name,
                    instructions,
                    prompts,
                }) => (format!("{name}\n{instructions}"), prompts),
                Ok(Reply::Success) => return (Answer::In, given),
                Ok(Reply::Failure {
                    remaining_methods,
                    partial_success,
                }) => {
                    let failure = AuthResult::Failure {
                        remaining_methods,
                        partial_success,
                    };
                    return (self.heard(Some(failure), tried).await, given);
                }
                Err(_) => return (self.heard(None, tried).await, given),
            };
            let mut answers = Vec::with_capacity(prompts.len());
            for prompt in &prompts {
                match question(&said, prompt) {
                    Question::Password if given => {
                        return (Answer::Stop(self.denied_password(tried)), true);
                    }
                    Question::Password => answers.push(password.reveal().to_owned()),
                    Question::NewPassword => {
                        return (Answer::Stop(self.expired(&said, prompt)), true);
                    }
                    Question::Other => {
                        return (Answer::Stop(self.asks_for_more(prompt)), given);
                    }
                }
                given = true;
            }
            reply = handle
                .authenticate_keyboard_interactive_respond(answers)
                .await;
        }
        let error = self.refused_login("the host asks too many questions", None);
        (Answer::Stop(error), given)
    }

    /// The password was not taken.
    fn denied_password(&self, tried: &Tried) -> TransportError {
        let user = &self.settings.user;
        let mut error = self.denied(tried);
        error.hint = Some(format!(
            "The host does not take the password of {user} (`ansible_password`, `--ask-pass`). It is not tried again in this run."
        ));
        error
    }

    fn expired(&self, said: &str, prompt: &Prompt) -> TransportError {
        let asked = excerpt(&format!("{said}\n{}", prompt.prompt));
        self.refused_login(
            &format!("the password has expired, and the host asks for a new one: {asked}"),
            Some("Log in with `ssh` once and change it, or have root reset it."),
        )
    }

    fn asks_for_more(&self, prompt: &Prompt) -> TransportError {
        let asked = excerpt(&prompt.prompt);
        self.refused_login(
            &format!("the host asks for something other than the password: {asked}"),
            Some(
                "ops answers questions for the password only. Use a key for this user, or a user without a second factor. \
                 If the host also takes the password without questions, set `KbdInteractiveAuthentication no` for it in \
                 the ssh configuration.",
            ),
        )
    }

    fn refused_login(&self, what: &str, hint: Option<&str>) -> TransportError {
        TransportError {
            kind: Kind::Authentication,
            message: format!("{}@{}: {what}", self.settings.user, self.settings.host),
            hint: hint.map(str::to_owned),
        }
    }
}

/// What a prompt is about. A prompt in a language that is not known here is for the password, if it is the kind that is not
/// shown while it is typed.
fn question(said: &str, prompt: &Prompt) -> Question {
    let text = format!("{said} {}", prompt.prompt).to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if says(&[
        "new password",
        "current password",
        "(current)",
        "change your password",
        "password change",
        "password has expired",
        "password expired",
    ]) {
        return Question::NewPassword;
    }
    let asked = prompt.prompt.to_lowercase();
    let code = asked
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| CODES.contains(&word));
    if prompt.echo || code {
        Question::Other
    } else {
        Question::Password
    }
}

/// Words of prompts for a second factor.
const CODES: &[&str] = &[
    "2fa",
    "authenticator",
    "code",
    "challenge",
    "duo",
    "factor",
    "oath",
    "otp",
    "passcode",
    "pin",
    "time",
    "token",
    "totp",
    "username",
    "verification",
    "yubikey",
];

/// The way of this side's method in a server's list.
pub(super) const fn kind(method: LoginMethod) -> MethodKind {
    match method {
        LoginMethod::PublicKey => MethodKind::PublicKey,
        LoginMethod::KeyboardInteractive => MethodKind::KeyboardInteractive,
        LoginMethod::Password => MethodKind::Password,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_told_by_the_prompt() {
        let asked = |said: &str, prompt: &str, echo: bool| {
            let prompt = Prompt {
                prompt: prompt.to_owned(),
                echo,
            };
            question(said, &prompt)
        };
        for prompt in [
            "Password: ",
            "amy's password:",
            "Passwort:",
            "パスワード:",
            "Mot de passe : ",
        ] {
            assert_eq!(asked("", prompt, false), Question::Password, "{prompt}");
        }
        for prompt in [
            "Verification code: ",
            "One-time password (OATH) for `amy':",
            "Enter PASSCODE:",
            "Passcode or option (1-3): ",
            "Password & verification code: ",
            "YubiKey for `amy': ",
        ] {
            assert_eq!(asked("", prompt, false), Question::Other, "{prompt}");
        }
        assert_eq!(asked("", "Password: ", true), Question::Other);
        for (said, prompt) in [
            ("", "New password: "),
            ("Changing password for amy.", "Current password: "),
            (
                "You are required to change your password immediately",
                "Password: ",
            ),
            ("", "(current) UNIX password: "),
        ] {
            assert_eq!(
                asked(said, prompt, false),
                Question::NewPassword,
                "{prompt}"
            );
        }
    }
}
