//! Becoming another user with `sudo`.

use crate::model::Elevation;

use super::{INNER_COMMAND, SessionError, quote_str};

/// The dialogue that goes before the bootstrap when another user is become.
#[derive(Debug)]
pub(super) struct Dialogue {
    user: String,
    /// What sudo prints on stderr when it wants the password. Random, so that no locale, lecture or
    /// login can fool it.
    prompt: String,
    /// What the elevated shell prints on stdout first.
    ready: String,
    password: Option<String>,
    asked: u32,
    heard: [String; 2],
}

/// What the dialogue wants next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Wait,
    /// Send this.
    Say(Vec<u8>),
    /// The elevated shell waits for the bootstrap.
    Ready,
    WrongPassword,
}

impl Dialogue {
    pub fn new(elevation: &Elevation, random: &str) -> Result<Self, SessionError> {
        let refuse = |message: &str, hint: &str| SessionError::Elevation {
            user: elevation.user.clone(),
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
        };
        if elevation.method != "sudo" {
            return Err(refuse(
                &format!("`{}` is not supported", elevation.method),
                "Use `sudo`.",
            ));
        }
        let user = &elevation.user;
        if user.is_empty() || user.starts_with('-') || user.contains(|c: char| c.is_control()) {
            return Err(refuse(
                "that cannot be the name of a user",
                "Give a name, or `#` and a numeric id.",
            ));
        }
        if elevation
            .password
            .as_deref()
            .is_some_and(|password| password.contains(['\n', '\0']))
        {
            return Err(refuse(
                "the password holds a newline or a NUL byte",
                "Check where the password comes from.",
            ));
        }
        Ok(Self {
            user: user.clone(),
            prompt: format!("[ops {random}] "),
            ready: format!("ops-ready-{random}"),
            password: elevation.password.clone(),
            asked: 0,
            heard: Default::default(),
        })
    }

    /// The line that has the waiting `sh` hand over to sudo.
    pub fn line(&self) -> Vec<u8> {
        // sudo may pass LC_ALL on, and it is for sudo's own messages only.
        let restore = r#"if [ -n "$1" ]; then LC_ALL=$1; else unset LC_ALL; fi; shift"#;
        let ready = if self.password.is_some() {
            format!("echo; echo {}; ", self.ready)
        } else {
            String::new()
        };
        let inner = quote_str(&format!("{restore}; {ready}{INNER_COMMAND}"));
        let how = match self.password {
            Some(_) => format!("-S -p {}", quote_str(&self.prompt)),
            None => "-n".to_owned(),
        };
        let user = quote_str(&self.user);
        format!(
            "unset b; command -v sudo >/dev/null 2>&1 || {{ echo 'sudo: not found' >&2; exit 127; }}; \
             l=${{LC_ALL-}}; LC_ALL=C; export LC_ALL; exec sudo {how} -u {user} -- sh -c {inner} sh \"$l\"\n"
        )
        .into_bytes()
    }

    /// Whether the bootstrap has to wait for [`Next::Ready`].
    pub const fn waits(&self) -> bool {
        self.password.is_some()
    }

    /// Takes what was printed before the hello.
    pub fn hear(&mut self, stderr: bool, text: &[u8]) -> Next {
        let heard = &mut self.heard[usize::from(stderr)];
        heard.push_str(&String::from_utf8_lossy(text));
        let awaited = if stderr { &self.prompt } else { &self.ready };
        let Some(found) = heard.find(awaited.as_str()) else {
            return Next::Wait;
        };
        heard.drain(..found + awaited.len());
        if !stderr {
            return Next::Ready;
        }
        self.asked += 1;
        match (&self.password, self.asked) {
            (Some(password), 1) => Next::Say(format!("{password}\n").into_bytes()),
            _ => Next::WrongPassword,
        }
    }

    pub fn wrong_password(&self) -> SessionError {
        SessionError::Elevation {
            user: self.user.clone(),
            message: "sudo did not take the password".into(),
            hint: Some("Check the become password (`-K`, `ansible_become_password`).".into()),
        }
    }

    /// Names what sudo said when no hello came. Its text only chooses the hint.
    pub fn failed(&self, printed: &str) -> SessionError {
        let printed = printed.replace(&self.prompt, "");
        let said = |text: &str| printed.contains(text);
        let hint = if said("must have a tty") {
            "sudo on this host has `requiretty` set; ops needs `Defaults:USER !requiretty` in sudoers."
        } else if said("password is required") {
            "Give the password with `-K` or `ansible_become_password`, or allow NOPASSWD in sudoers."
        } else if said("not in the sudoers")
            || said("not allowed to execute")
            || said("may not run sudo")
        {
            "Allow this user in sudoers on the host."
        } else if said("sudo: not found") {
            "The host has no sudo: install it, or log in as the user."
        } else if said("unknown user") {
            "The user to become does not exist on the host."
        } else {
            "Try `sudo -n -u USER true` on the host."
        };
        let message = printed.trim().to_owned();
        SessionError::Elevation {
            user: self.user.clone(),
            message,
            hint: Some(hint.into()),
        }
    }
}
