//! A question to a host.

use super::unit_files;
use crate::task::Resource;
use crate::task::resource::alters_path;

/// A query to a host. Answering it writes nothing there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Query {
    /// The entry at this absolute path.
    Path(String),
    /// The SHA-256 of the regular file at this path, after following links.
    Sha256(String),
    /// The content of the regular file at this path, after following links.
    Content(String),
    /// What is installed under the name of a package: `nginx`, `libc6:i386`.
    Package(String),
    /// A systemd unit, by its full name: `nginx.service`. A table of the properties in `units`.
    Unit(String),
    /// What ops last noted about a unit: see `stamps`.
    Stamp(String),
    /// A user: a table of `name`, `uid`, `gid`, `comment`, `home`, `shell`, `group` (by its name) and
    /// `groups` (the supplementary ones, sorted, separated by commas). Empty: no such user.
    User(String),
    /// The password hash of a user: a table of `hash`. Only root can read it.
    Password(String),
    /// A group: a table of `gid`, and `members` as written. Empty: no such group.
    Group(String),
    /// A short script of a task, which prints lines `key=value`. It must be read-only and must not wait.
    /// `reads` lists what its answer depends on.
    Script {
        script: String,
        reads: Vec<Resource>,
    },
    /// A user's guard (`unless`, `only_if`). Runs as a command, in its own session, because it may do
    /// anything; its answer may depend on anything.
    Shell(String),
    /// The probe of a task that a playbook defines. Runs as a command, like a guard; its answer depends on
    /// what the playbook declares to read.
    Probe {
        script: String,
        reads: Vec<Resource>,
    },
}

impl Query {
    /// [`Query::Content`] does not read a larger file, in bytes: its content stays unknown.
    pub const LARGEST_CONTENT: u64 = 4 * 1024 * 1024;

    /// Whether a change to one of `altered` may change the answer.
    #[must_use]
    pub fn depends_on(&self, altered: &[Resource]) -> bool {
        let on = |resource: &Resource| altered.iter().any(|a| a.overlaps(resource));
        // The file is changed by a task that does not know its rows: any row may change.
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
                .any(|altered| unit_files::depends_on(name, altered)),
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

    /// The script of a query that runs as a command and not within the probe.
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
