//! Logging in with a password: by keyboard-interactive (RFC 4256) if the server asks for it, or directly (RFC
//! 4252, 8).

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse, Prompt};

use super::accounts::Account;
use super::progress::{Answer, Login, Progress};
use crate::ssh::diagnosis::excerpt;
use crate::ssh::error::{Advice, SshError, SshErrorKind as Kind};
use crate::ssh::handler::Handler;
use crate::ssh::settings::{LoginMethod, Password};

/// Maximum number of requests of a server that are answered, with and without prompts. PAM modules that only
/// print something send requests without a prompt.
const MAX_REQUESTS: usize = 10;

/// What a server asks for.
#[derive(Debug, PartialEq, Eq)]
enum Question {
    Password,
    /// The password has expired, and the server asks for a new one.
    NewPassword,
    /// A code, or something else that this client does not know.
    Other,
}

impl Login<'_> {
    /// Sends the password with this method.
    pub(super) async fn by_password(
        &self,
        handle: &mut Handle<Handler>,
        method: LoginMethod,
        password: &Password,
        tried: &mut Progress,
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
        tracing::debug!(host = settings.original, ?method, "sending the password");
        let (answer, given) = if method == LoginMethod::Password {
            let user = settings.user.as_str();
            let answer = handle.authenticate_password(user, password.reveal()).await;
            (self.heard(answer.ok(), tried).await, true)
        } else {
            self.answer_questions(handle, password, tried).await
        };
        // The password was also accepted if the host then asks for more.
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

    /// Returns the result, and whether the password was sent.
    async fn answer_questions(
        &self,
        handle: &mut Handle<Handler>,
        password: &Password,
        tried: &mut Progress,
    ) -> (Answer, bool) {
        let user = self.settings.user.as_str();
        let mut given = false;
        let mut reply = handle
            .authenticate_keyboard_interactive_start(user, None)
            .await;
        for _ in 0..MAX_REQUESTS {
            let (said, prompts) = match reply {
                Ok(KeyboardInteractiveAuthResponse::InfoRequest {
                    name,
                    instructions,
                    prompts,
                }) => (format!("{name}\n{instructions}"), prompts),
                Ok(KeyboardInteractiveAuthResponse::Success) => return (Answer::In, given),
                Ok(KeyboardInteractiveAuthResponse::Failure {
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
        let error = self.refused_login("the host asked too many questions", None);
        (Answer::Stop(error), given)
    }

    /// The error for a refused password.
    fn denied_password(&self, tried: &Progress) -> SshError {
        let user = &self.settings.user;
        let mut error = self.denied(tried);
        error.advice = Some(Advice::CheckPassword { user: user.clone() });
        error
    }

    fn expired(&self, said: &str, prompt: &Prompt) -> SshError {
        let asked = excerpt(&format!("{said}\n{}", prompt.prompt));
        self.refused_login(
            &format!("the password has expired, and the host asks for a new one: {asked}"),
            Some(Advice::try_this(
                "Log in with `ssh` once and change it, or have root reset it.",
            )),
        )
    }

    fn asks_for_more(&self, prompt: &Prompt) -> SshError {
        let asked = excerpt(&prompt.prompt);
        self.refused_login(
            &format!("the host asks for something other than the password: {asked}"),
            Some(Advice::AvoidSecondFactor),
        )
    }

    fn refused_login(&self, what: &str, advice: Option<Advice>) -> SshError {
        SshError {
            kind: Kind::Authentication,
            message: format!("{}@{}: {what}", self.settings.user, self.settings.host),
            advice,
        }
    }
}

/// What a prompt asks for. A prompt in an unknown language is assumed to ask for the password if the input is
/// not echoed.
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
        .any(|word| SECOND_FACTOR_WORDS.contains(&word));
    if prompt.echo || code {
        Question::Other
    } else {
        Question::Password
    }
}

/// Words in prompts for a second factor.
const SECOND_FACTOR_WORDS: &[&str] = &[
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_shows_what_is_asked_for() {
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
