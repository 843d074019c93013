//! What may be asked of a host, and how many questions become one short script.
//!
//! Questions of one family share a process on the host: one `stat` for all paths, one `sha256sum` for all
//! files, one `dpkg-query` for all packages. A process costs a host about 0.7 ms, a builtin of its shell
//! nothing that one would notice. One file a family.

mod contents;
mod files;
mod packages;
mod scripts;
mod stamps;
#[cfg(test)]
mod tests;
mod units;
mod users;

pub use units::{MISSING_LINKS, UPTIME};

use std::collections::HashMap;

use super::resource::alters_path;
use super::{Answer, Resource};

/// A question to a host. Answering it writes nothing there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Query {
    /// What stands at this absolute path.
    Path(String),
    /// The SHA-256 of the regular file that this path leads to.
    Sha256(String),
    /// The content of the regular file that this path leads to.
    Content(String),
    /// What is installed under the name of a package: `nginx`, `libc6:i386`.
    Package(String),
    /// A unit of systemd, by its whole name: `nginx.service`. A table of the properties in [`units`].
    Unit(String),
    /// What ops last noted of a unit: see [`stamps`].
    Stamp(String),
    /// A user: a table of `name`, `uid`, `gid`, `comment`, `home`, `shell`, `group` (by its name) and `groups` (the other
    /// ones, sorted, parted by commas). Empty: there is none.
    User(String),
    /// The password hash of a user: a table of `hash`. Only root can tell.
    Password(String),
    /// A group: a table of `gid`, and `members` as they are written. Empty: there is none.
    Group(String),
    /// A short script of a task's own, which prints lines `key=value`. It must only read, and must not
    /// wait. `reads` says what its answer depends on.
    Script {
        script: String,
        reads: Vec<Resource>,
    },
    /// A guard of the user's (`unless`, `only_if`). Runs as a command, in a session of its own, for it
    /// may do anything; it depends on anything.
    Shell(String),
    /// The probe of a task that a playbook defines. Runs as a command, like a guard; its answer depends on
    /// what the playbook says that it reads.
    Probe {
        script: String,
        reads: Vec<Resource>,
    },
}

impl Query {
    /// A file of more bytes is not read by [`Query::Content`]: nobody can tell its content.
    pub const LARGEST_CONTENT: u64 = 4 * 1024 * 1024;

    /// Whether a change of one of `altered` may change the answer.
    #[must_use]
    pub fn depends_on(&self, altered: &[Resource]) -> bool {
        let on = |resource: &Resource| altered.iter().any(|a| a.overlaps(resource));
        // A row of the file, and not by a task that knows rows: anything may stand there then.
        let file = |path: &str| {
            let by_hand = |a: &&Resource| !matches!(a, Resource::Accounts);
            let mut by_hand = altered.iter().filter(by_hand);
            by_hand.any(|a| alters_path(std::slice::from_ref(a), path))
        };
        match self {
            Self::Path(path) | Self::Sha256(path) | Self::Content(path) => {
                alters_path(altered, path)
            }
            Self::Package(name) => on(&Resource::Package(name.clone())),
            Self::Unit(name) => altered
                .iter()
                .any(|altered| units::depends_on(name, altered)),
            Self::Stamp(name) => on(&Resource::Service(name.clone())),
            Self::User(name) => {
                on(&Resource::User(name.clone()))
                    || file("/etc/passwd")
                    || file("/etc/group")
                    || altered.iter().any(|a| matches!(a, Resource::Group(_)))
            }
            Self::Password(name) => on(&Resource::User(name.clone())) || file("/etc/shadow"),
            Self::Group(name) => on(&Resource::Group(name.clone())) || file("/etc/group"),
            Self::Script { reads, .. } | Self::Probe { reads, .. } => reads.iter().any(on),
            Self::Shell(_) => !altered.is_empty(),
        }
    }

    /// The script of a question that is asked as a command and not within the probe.
    #[must_use]
    pub fn command(&self) -> Option<&str> {
        match self {
            Self::Shell(script) | Self::Probe { script, .. } => Some(script),
            _ => None,
        }
    }

    /// What it is about, for a message.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::Path(path) | Self::Sha256(path) | Self::Content(path) => path.clone(),
            Self::Package(name) => format!("package {name}"),
            Self::Unit(name) => name.clone(),
            Self::Stamp(name) => format!("the stamp of {name}"),
            Self::User(name) => format!("user {name}"),
            Self::Password(name) => format!("the password of {name}"),
            Self::Group(name) => format!("group {name}"),
            Self::Script { script, .. } | Self::Probe { script, .. } | Self::Shell(script) => {
                script.clone()
            }
        }
    }
}

/// The script that answers all of `queries` but those that are a [`Query::command`], which the caller runs
/// as such. It
/// wants `$ops_state`, ops's state directory on the host.
///
/// `token` is random and new for each script: what a file holds cannot be mistaken for a border between answers.
#[must_use]
pub fn render(queries: &[Query], token: &str) -> String {
    let mut text = format!("o() {{ printf '\\n%s %s\\n' {token} \"$1\"; }}\n");
    files::render(queries, &mut text);
    contents::render(queries, token, &mut text);
    packages::render(queries, &mut text);
    units::render(queries, &mut text);
    stamps::render(queries, &mut text);
    users::render(queries, &mut text);
    scripts::render(queries, &mut text);
    text.push_str("o end\n");
    text
}

/// What a host printed for [`render`]'s script.
pub struct Reply<'a> {
    token: &'a str,
    /// The data of each section by its name.
    sections: HashMap<&'a str, &'a [u8]>,
}

impl<'a> Reply<'a> {
    /// Splits what a host printed. `None`: the script did not come to its end.
    #[must_use]
    pub fn split(printed: &'a [u8], token: &'a str) -> Option<Self> {
        let border = format!("\n{token} ").into_bytes();
        let mut sections = HashMap::new();
        let mut rest = printed;
        let mut name: Option<&str> = None;
        loop {
            let at = find(rest, &border);
            let (data, after) = match at {
                Some(at) => (&rest[..at], Some(&rest[at + border.len()..])),
                None => (rest, None),
            };
            if let Some(name) = name {
                sections.insert(name, data);
            }
            let Some(after) = after else { break };
            let end = after.iter().position(|&b| b == b'\n')?;
            name = Some(std::str::from_utf8(&after[..end]).ok()?);
            rest = &after[end + 1..];
        }
        sections
            .contains_key("end")
            .then_some(Self { token, sections })
    }

    /// The answers, one for each of the queries that the script was rendered for.
    #[must_use]
    pub fn answers(&self, queries: &[Query]) -> Vec<(Query, Answer)> {
        let mut answers = Vec::with_capacity(queries.len());
        files::parse(queries, self, &mut answers);
        contents::parse(queries, self, &mut answers);
        packages::parse(queries, self, &mut answers);
        units::parse(queries, self, &mut answers);
        stamps::parse(queries, self, &mut answers);
        users::parse(queries, self, &mut answers);
        scripts::parse(queries, self, &mut answers);
        answers
    }

    fn section(&self, name: &str) -> Option<&'a [u8]> {
        self.sections.get(name).copied()
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|&b| b == first) {
        let at = from + at;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
