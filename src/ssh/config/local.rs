//! The user and the machine of this process, for the expansion of tokens and `~` in a configuration.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The user as `ssh` sees it: from the system's user database, not from `HOME` and `USER`.
#[derive(Debug, Clone)]
pub(super) struct Local {
    pub user: String,
    pub uid: u32,
    pub home: PathBuf,
    pub host: String,
    /// The environment variables that a configuration may name or send to hosts.
    pub environment: BTreeMap<OsString, OsString>,
}

impl Local {
    /// # Errors
    /// If the user is not in the database: `ssh` would not start either.
    pub(crate) fn of_this_process() -> Result<Self, String> {
        let uid = rustix::process::getuid().as_raw();
        let entry = std::fs::read_to_string("/etc/passwd")
            .ok()
            .and_then(|users| entry(&users, uid))
            .or_else(|| entry(&getent(uid)?, uid));
        let (user, home) = entry.ok_or_else(|| format!("no user exists for uid {uid}"))?;
        let host = rustix::system::uname();
        Ok(Self {
            user,
            uid,
            home,
            host: host.nodename().to_string_lossy().into_owned(),
            environment: std::env::vars_os().collect(),
        })
    }

    /// The value of an environment variable, if it is set and is valid UTF-8.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(std::ffi::OsStr::new(name))?.to_str()
    }

    /// Expands `~` and `~/x`. `None` for the home of another user.
    pub(crate) fn expand_home(&self, path: &str) -> Option<String> {
        let Some(rest) = path.strip_prefix('~') else {
            return Some(path.to_owned());
        };
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let home = self.home.to_str()?.trim_end_matches('/');
        Some(format!("{home}/{}", rest.trim_start_matches('/')))
    }

    /// A path for messages: `~/.ssh/config`.
    pub(crate) fn shown(&self, path: &Path) -> String {
        match path.strip_prefix(&self.home) {
            Ok(rest) if self.home != Path::new("/") => format!("~/{}", rest.display()),
            _ => path.display().to_string(),
        }
    }
}

/// The name and home of the first entry with this id.
fn entry(users: &str, uid: u32) -> Option<(String, PathBuf)> {
    let uid = uid.to_string();
    users.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        match fields[..] {
            [name, _, number, _, _, home, ..] if number == uid => {
                Some((name.to_owned(), PathBuf::from(home)))
            }
            _ => None,
        }
    })
}

/// Looks the user up with getent(1): users of a directory service are not in /etc/passwd.
fn getent(uid: u32) -> Option<String> {
    let found = Command::new("getent")
        .args(["passwd", &uid.to_string()])
        .output()
        .ok()?;
    String::from_utf8(found.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_of_the_user_is_found() {
        let users = "root:x:0:0:root:/root:/bin/bash\namy:x:1000:1000::/home/amy:/bin/sh\n";
        assert_eq!(
            entry(users, 1000),
            Some(("amy".to_owned(), PathBuf::from("/home/amy")))
        );
        assert_eq!(entry(users, 1), None);
        assert_eq!(entry(users, 100), None);
    }

    #[test]
    fn a_tilde_is_the_home_in_the_user_database() {
        let mut local = Local::of_this_process().unwrap();
        local.home = PathBuf::from("/home/amy");
        assert_eq!(local.expand_home("~").as_deref(), Some("/home/amy/"));
        assert_eq!(
            local.expand_home("~//.ssh/id").as_deref(),
            Some("/home/amy/.ssh/id")
        );
        assert_eq!(local.expand_home("/x/~").as_deref(), Some("/x/~"));
        assert_eq!(local.expand_home("~bob/x"), None);
        assert_eq!(
            local.shown(Path::new("/home/amy/.ssh/config")),
            "~/.ssh/config"
        );
    }
}
