//! A session before its hello: the output of the login and of sudo, which of the two must act, and for how
//! long.

use tokio::time::{Duration, Instant};

use super::SessionError;
use super::elevate::{Dialogue, Next};
use super::error::Waiting;
use super::printed::Printed;

pub(super) struct Opening {
    dialogue: Option<Dialogue>,
    login: Printed,
    /// What was printed since sudo started.
    sudo: Printed,
    sudo_runs: bool,
    /// When the current wait began.
    since: Instant,
    limit: Duration,
}

impl Opening {
    /// The login has `limit` to start a shell, and sudo has the same time again.
    pub(crate) fn new(dialogue: Option<Dialogue>, limit: Duration) -> Self {
        Self {
            dialogue,
            login: Printed::default(),
            sudo: Printed::default(),
            sudo_runs: false,
            since: Instant::now(),
            limit,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.since + self.limit
    }

    /// Takes what was printed before the hello, and returns what to do next.
    ///
    /// # Errors
    /// sudo did not accept the password.
    pub(crate) fn hear(&mut self, stderr: bool, bytes: &[u8]) -> Result<Next, SessionError> {
        let Some(dialogue) = &mut self.dialogue else {
            self.login.push(bytes);
            return Ok(Next::Wait);
        };
        let heard = dialogue.hear(stderr, bytes);
        self.login.push(&heard.login);
        self.sudo.push(&heard.sudo);
        if dialogue.sudo_runs() && !self.sudo_runs {
            self.sudo_runs = true;
            self.since = Instant::now();
        }
        match heard.next {
            Next::WrongPassword => Err(dialogue.wrong_password()),
            next => Ok(next),
        }
    }

    /// The error of a stream that ended; `epitaph` is what the transport reports about that.
    pub(crate) fn ended(&mut self, rest: [&[u8]; 2], epitaph: Option<String>) -> SessionError {
        for (stream, rest) in rest.into_iter().enumerate() {
            if let Err(error) = self.hear(stream == 1, rest) {
                return error;
            }
        }
        match (&self.dialogue, epitaph) {
            (Some(dialogue), epitaph) if self.sudo_runs => match epitaph {
                Some(detail) if self.sudo.is_empty() => SessionError::Lost { detail },
                _ => dialogue.failed(&self.sudo.text()),
            },
            (_, Some(detail)) => SessionError::Lost { detail },
            (_, None) => SessionError::Handshake {
                hint: Some(login_hint(&self.login.text()).to_owned()),
                printed: self.login.shown(),
            },
        }
    }

    /// The error of a hello that did not arrive in time.
    pub(crate) fn late(&self) -> SessionError {
        let (waiting, printed) = match &self.dialogue {
            Some(dialogue) if self.sudo_runs => {
                let user = dialogue.user().to_owned();
                (Waiting::Sudo { user }, &self.sudo)
            }
            _ => (Waiting::Login, &self.login),
        };
        SessionError::TimedOut {
            waiting,
            after: self.limit,
            printed: printed.shown(),
        }
    }
}

/// What to try if a login starts no shell. Its output only selects the hint.
fn login_hint(printed: &str) -> &'static str {
    let said = |text: &str| printed.contains(text);
    if said("password has expired") || said("Password change required") {
        "The password of this user has expired: \
         log in with `ssh` and change it, or have root reset it."
    } else if said("account has expired") {
        "The account of this user has expired: have root extend it (`chage -E`), or log in as another user."
    } else if said("not available") || said("nologin") {
        "This user has no login shell (`nologin`): log in as another user with `ansible_user` or `-u`."
    } else if said("restricted") {
        "The login shell is restricted, like rbash: ops needs an ordinary one, such as /bin/sh."
    } else {
        "Something other than a POSIX shell answered: check the login shell and its startup files."
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Elevation;

    const RANDOM: &str = "0123";

    fn opening(password: Option<&str>) -> Opening {
        let elevation = Elevation {
            user: "root".into(),
            method: "sudo".into(),
            password: password.map(str::to_owned),
        };
        let dialogue = Dialogue::new(&elevation, RANDOM).unwrap();
        Opening::new(Some(dialogue), Duration::from_secs(30))
    }

    fn said(error: &SessionError) -> String {
        format!("{error}\n{}", error.hint().unwrap_or_default())
    }

    #[test]
    fn output_before_sudo_starts_is_that_of_the_login() {
        for (printed, text) in [
            (
                "This account is currently not available.\n",
                "the host did not answer as a POSIX shell: This account is currently not available.\n\
                 This user has no login shell (`nologin`): \
                 log in as another user with `ansible_user` or `-u`.",
            ),
            (
                "rbash: line 1: exec: restricted\n",
                "the host did not answer as a POSIX shell: rbash: line 1: exec: restricted\n\
                 The login shell is restricted, like rbash: ops needs an ordinary one, such as /bin/sh.",
            ),
            (
                "WARNING: Your password has expired.\r\nPassword change required but no TTY available.\r\n",
                "the host did not answer as a POSIX shell: WARNING: Your password has expired.; \
                 Password change required but no TTY available.\n\
                 The password of this user has expired: \
                 log in with `ssh` and change it, or have root reset it.",
            ),
            (
                "",
                "the host did not answer as a POSIX shell; it printed nothing\n\
                 Something other than a POSIX shell answered: check the login shell and its startup files.",
            ),
        ] {
            for password in [None, Some("secret")] {
                let mut opening = opening(password);
                opening.hear(true, printed.as_bytes()).unwrap();
                assert_eq!(said(&opening.ended([b"", b""], None)), text);
            }
        }
    }

    #[test]
    fn later_output_is_that_of_sudo() {
        let mut opening = opening(None);
        opening.hear(false, b"Welcome.\nops-sudo-01").unwrap();
        opening.hear(true, b"ops-sudo-0123\nsudo: a pass").unwrap();
        opening.hear(true, b"word is required\n").unwrap();
        let error = opening.ended([b"23\n", b""], None);
        assert_eq!(
            said(&error),
            "failed to become root: sudo: a password is required\n\
             Either sudo needs a password: provide it with `-K` or `ansible_become_password`, or allow \
             NOPASSWD in sudoers. Or sudoers lets this user run other commands only, or none as root. \
             `sudo -l` on the host lists what is allowed: ops needs `sh`."
        );
    }

    #[test]
    fn a_late_hello_names_the_program_that_did_not_answer() {
        let mut opening = opening(Some("secret"));
        let menu = "1) status\n2) logs\nYour choice? ".repeat(2000);
        opening.hear(false, menu.as_bytes()).unwrap();
        let text = said(&opening.late());
        assert!(
            text.starts_with(
                "the login did not start a shell within 30 s; it printed: \
                 1) status; 2) logs; Your choice? 1) status"
            ),
            "{text}"
        );
        assert!(text.contains(" ...\n"), "{text}");
        assert!(text.len() < 1000, "{}", text.len());
        for stderr in [false, true] {
            opening.hear(stderr, b"ops-sudo-0123\n").unwrap();
        }
        opening.hear(true, b"Please touch your key.\n").unwrap();
        let text = said(&opening.late());
        assert!(
            text.starts_with(
                "sudo did not start a shell as root within 30 s; it printed: Please touch your key."
            ),
            "{text}"
        );
    }

    /// A login shell such as `cat` prints the line that it was sent.
    #[test]
    fn an_echoed_line_starts_nothing() {
        let mut opening = opening(Some("secret"));
        let line = opening.dialogue.as_ref().unwrap().line();
        assert_eq!(opening.hear(false, &line).unwrap(), Next::Wait);
        assert!(matches!(
            opening.ended([b"", b""], None),
            SessionError::Handshake { .. }
        ));
    }

    #[test]
    fn the_output_of_sudo_may_arrive_in_pieces() {
        let mut opening = opening(Some("secret"));
        let mut next = Vec::new();
        for (stderr, piece) in [
            (true, "ops-sudo-0123\n[ops 01"),
            (true, "23] "),
            (false, "ops-sudo-0123\nwelcome\nops-rea"),
            (false, "dy-0123\n"),
        ] {
            next.push(opening.hear(stderr, piece.as_bytes()).unwrap());
        }
        assert_eq!(
            next,
            [
                Next::Wait,
                Next::Say(b"secret\n".to_vec()),
                Next::Wait,
                Next::Ready
            ]
        );
        let error = opening.hear(true, b"[ops 0123] ").unwrap_err();
        assert!(matches!(
            error,
            SessionError::Elevation {
                tried_password: true,
                ..
            }
        ));
    }
}
