//! Becoming another user with `sudo`.

use crate::model::Elevation;

use super::printed::excerpt;
use super::{INNER_COMMAND, SessionError, quote_str};

/// The dialogue before the bootstrap if the session runs as another user.
#[derive(Debug)]
pub(super) struct Dialogue {
    user: String,
    /// What the login's shell prints on both streams before it starts sudo.
    begun: String,
    /// The prompt that sudo prints on stderr to request the password. It is random, so that no locale,
    /// lecture or login can imitate it.
    prompt: String,
    /// The first line that the elevated shell prints on stdout.
    ready: String,
    password: Option<String>,
    asked: u32,
    streams: [Heard; 2],
    random: String,
}

/// The output of one stream.
#[derive(Debug, Default)]
struct Heard {
    /// Bytes that may be the beginning of an expected word.
    held: Vec<u8>,
    sudo_runs: bool,
}

/// What the dialogue needs next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Wait,
    /// Send this.
    Say(Vec<u8>),
    /// The elevated shell waits for the bootstrap.
    Ready,
    WrongPassword,
}

/// What was printed, and by which program.
#[derive(Debug)]
pub(super) struct Words {
    pub login: Vec<u8>,
    pub sudo: Vec<u8>,
    pub next: Next,
}

impl Heard {
    /// Takes `bytes`, and returns the output before `word` and whether `word` was found. What may be the
    /// beginning of it is kept back.
    fn until(&mut self, word: &str, bytes: &[u8]) -> (Vec<u8>, bool) {
        let word = word.as_bytes();
        self.held.extend_from_slice(bytes);
        let found = self.held.windows(word.len()).position(|part| part == word);
        if let Some(found) = found {
            let before = self.held.drain(..found).collect();
            self.held.drain(..word.len());
            return (before, true);
        }
        let begin = (1..word.len())
            .rev()
            .find(|&length| self.held.ends_with(&word[..length]));
        let given = self.held.len() - begin.unwrap_or_default();
        (self.held.drain(..given).collect(), false)
    }
}

impl Dialogue {
    pub(crate) fn new(elevation: &Elevation, random: &str) -> Result<Self, SessionError> {
        let refuse = |message: &str, hint: &str| SessionError::Elevation {
            user: elevation.user.clone(),
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
            tried_password: false,
        };
        if elevation.method != "sudo" {
            return Err(refuse(
                &elevation.method,
                "ops becomes another user with sudo.",
            ));
        }
        let user = &elevation.user;
        if user.is_empty() || user.starts_with('-') || user.contains(|c: char| c.is_control()) {
            return Err(refuse(
                "invalid user name",
                "Use a name, or `#` and a numeric id.",
            ));
        }
        if elevation
            .password
            .as_deref()
            .is_some_and(|password| password.contains(['\n', '\0']))
        {
            return Err(refuse(
                "the password contains a newline or a NUL byte",
                "Check where the password comes from.",
            ));
        }
        Ok(Self {
            user: user.clone(),
            begun: format!("ops-sudo-{random}\n"),
            prompt: format!("[ops {random}] "),
            ready: format!("ops-ready-{random}\n"),
            password: elevation.password.clone(),
            asked: 0,
            streams: Default::default(),
            random: random.to_owned(),
        })
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Whether the login's shell has started sudo.
    pub(crate) fn sudo_runs(&self) -> bool {
        self.streams.iter().any(|stream| stream.sudo_runs)
    }

    /// The line that makes the waiting `sh` start sudo. It contains none of the words that it prints: a
    /// program that echoes its input is not a shell.
    pub(crate) fn line(&self) -> Vec<u8> {
        let say = |what: &str| format!("printf '%s-%s\\n' ops-{what} {}", self.random);
        // sudo may pass LC_ALL on, but it is meant only for sudo's own messages.
        let restore = r#"if [ -n "$1" ]; then LC_ALL=$1; else unset LC_ALL; fi; shift"#;
        let ready = if self.password.is_some() {
            format!("echo; {}; ", say("ready"))
        } else {
            String::new()
        };
        let inner = quote_str(&format!("{restore}; {ready}{INNER_COMMAND}"));
        let how = match self.password {
            Some(_) => format!("-S -p {}", quote_str(&self.prompt)),
            None => "-n".to_owned(),
        };
        let user = quote_str(&self.user);
        let begun = say("sudo");
        format!(
            "unset b; {begun}; {begun} >&2; \
             command -v sudo >/dev/null 2>&1 || {{ echo 'sudo: not found' >&2; exit 127; }}; \
             l=${{LC_ALL-}}; LC_ALL=C; export LC_ALL; exec sudo {how} -u {user} -- sh -c {inner} sh \"$l\"\n"
        )
        .into_bytes()
    }

    /// Whether the bootstrap must wait for [`Next::Ready`].
    pub(crate) const fn waits(&self) -> bool {
        self.password.is_some()
    }

    /// Takes what was printed before the hello.
    pub(crate) fn hear(&mut self, stderr: bool, bytes: &[u8]) -> Words {
        let stream = &mut self.streams[usize::from(stderr)];
        let mut words = Words {
            login: Vec::new(),
            sudo: Vec::new(),
            next: Next::Wait,
        };
        let mut bytes = bytes;
        if !stream.sudo_runs {
            (words.login, stream.sudo_runs) = stream.until(&self.begun, bytes);
            if !stream.sudo_runs {
                return words;
            }
            bytes = &[];
        }
        if self.password.is_none() {
            words.sudo = std::mem::take(&mut stream.held);
            words.sudo.extend_from_slice(bytes);
            return words;
        }
        let awaited = if stderr { &self.prompt } else { &self.ready };
        let (sudo, found) = stream.until(awaited, bytes);
        words.sudo = sudo;
        if found && stderr {
            self.asked += 1;
            words.next = match (&self.password, self.asked) {
                (Some(password), 1) => Next::Say(format!("{password}\n").into_bytes()),
                _ => Next::WrongPassword,
            };
        } else if found {
            words.next = Next::Ready;
        }
        words
    }

    pub(crate) fn wrong_password(&self) -> SessionError {
        SessionError::Elevation {
            user: self.user.clone(),
            message: "sudo did not accept the password".into(),
            hint: Some(
                "Check the become password (`-K`, `ansible_become_password`). \
                 It is not tried again in this run."
                    .into(),
            ),
            tried_password: true,
        }
    }

    /// The error of a session without a hello, with the output of sudo. That text only selects the hint.
    pub(crate) fn failed(&self, printed: &str) -> SessionError {
        SessionError::Elevation {
            user: self.user.clone(),
            message: said_by_sudo(printed),
            hint: Some(hint(printed, &self.user)),
            tried_password: self.asked > 0,
        }
    }
}

/// The output of sudo, without the command that ops made it start.
fn said_by_sudo(printed: &str) -> String {
    let said = excerpt(printed);
    match said.split_once("sh -c ") {
        Some((before, rest)) => {
            let after = rest.rsplit_once('\'').map_or("", |(_, after)| after);
            let after = after.find(" as ").map_or("", |found| &after[found..]);
            format!("{before}sh -c ...'{after}")
        }
        None => said,
    }
}

fn hint(printed: &str, user: &str) -> String {
    let said = |text: &str| printed.contains(text);
    let list = "`sudo -l` on the host lists what is allowed: ops needs `sh`.";
    if said("must have a tty") {
        "sudo on this host has `requiretty` set; ops needs `Defaults:USER !requiretty` in sudoers."
            .into()
    } else if said("password is required") || said("interactive authentication is required") {
        // `sudo -n` also prints this if something is allowed without a password, but not `sh` as this user.
        format!(
            "Either sudo needs a password: provide it with `-K` or `ansible_become_password`, or allow \
             NOPASSWD in sudoers. Or sudoers lets this user run other commands only, or none as {user}. \
             {list}"
        )
    } else if said("not in the sudoers")
        || said("not allowed to")
        || said("may not run sudo")
        || said("I'm afraid I can't do that")
    {
        format!(
            "Allow this user to run `sh` as {user} in sudoers: single commands are not enough. {list}"
        )
    } else if said("sudo: not found") {
        "The host has no sudo: install it, or log in as the user.".into()
    } else if said("unknown user") || said("user not found") {
        "The user to become does not exist on the host.".into()
    } else {
        format!("Try `sudo -n -u {user} sh -c true` on the host.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(user: &str, printed: &str) -> String {
        let elevation = Elevation {
            user: user.into(),
            method: "sudo".into(),
            password: None,
        };
        let error = Dialogue::new(&elevation, "0123").unwrap().failed(printed);
        format!("{error}\n{}", error.hint().unwrap_or_default())
    }

    #[test]
    fn a_refusal_by_sudo_names_sudo_l_and_sh() {
        assert_eq!(
            failed(
                "root",
                "Sorry, user amy is not allowed to execute \
                 '/usr/bin/sh -c if [ -n \"$1\" ]; then LC_ALL=$1; fi; \
                 shift; IFS= read -r b && eval \"$b\" sh ' as root on web1.\n"
            ),
            "failed to become root: Sorry, user amy is not allowed to execute \
             '/usr/bin/sh -c ...' as root on web1.\n\
             Allow this user to run `sh` as root in sudoers: single commands are not enough. \
             `sudo -l` on the host lists what is allowed: ops needs `sh`."
        );
        assert_eq!(
            failed(
                "postgres",
                "sudo-rs: interactive authentication is required\n"
            ),
            "failed to become postgres: sudo-rs: interactive authentication is required\n\
             Either sudo needs a password: provide it with `-K` or `ansible_become_password`, or allow \
             NOPASSWD in sudoers. Or sudoers lets this user run other commands only, or none as postgres. \
             `sudo -l` on the host lists what is allowed: ops needs `sh`."
        );
        assert_eq!(
            failed(
                "root",
                "sudo-rs: I'm sorry amy. I'm afraid I can't do that\n"
            ),
            "failed to become root: sudo-rs: I'm sorry amy. I'm afraid I can't do that\n\
             Allow this user to run `sh` as root in sudoers: single commands are not enough. \
             `sudo -l` on the host lists what is allowed: ops needs `sh`."
        );
    }
}
