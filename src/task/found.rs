//! The answers of a host to queries.

use std::collections::HashMap;

use super::{Query, Resource};

/// The answers of one host to queries.
#[derive(Debug, Clone, Default)]
pub struct Found {
    answers: HashMap<Query, Answer>,
    /// What earlier changes would alter of these answers: for a task that predicts, in check mode.
    altered: Vec<Resource>,
}

/// An answer of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Path(PathState),
    /// SHA-256 in hex of the file at the path, after following links; `None` if it is not a readable
    /// regular file.
    Sha256(Option<String>),
    /// The bytes of the file at the path, after following links; `None` if it is not a readable regular
    /// file.
    Content(Option<Vec<u8>>),
    /// An installed package; `None`: not installed.
    Package(Option<Installed>),
    /// Lines `key=value`, for the families that read one table: services, users, stamps.
    Table(Vec<(String, String)>),
    /// A user's guard.
    Ran(super::Ran),
    /// The host cannot answer, for this reason.
    Unknowable(String),
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Empty for a name that other packages provide.
    pub version: String,
    /// Held at its version by the administrator.
    pub held: bool,
    /// The package that provides the name, if no package has it.
    pub provider: Option<String>,
}

/// The entry at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathState {
    /// `None`: nothing exists there.
    pub own: Option<Stat>,
    /// For a symbolic link: its target (`None`: it dangles). Otherwise the same as `own`.
    pub target: Option<Stat>,
    /// The target as written in a symbolic link.
    pub link: Option<String>,
}

/// One entry of a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    pub kind: PathKind,
    /// Permission bits, with set-id and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// The name of the user id, or the id as text if it has no name.
    pub owner: String,
    pub group: String,
    pub size: u64,
    /// The number of hard links.
    pub links: u64,
    /// When its content or metadata last changed, in seconds since the epoch (the `ctime`, which no program
    /// can set back). In check mode `i64::MAX` for entries that an earlier task would change.
    pub modified: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathKind {
    File,
    Directory,
    Link,
    /// A device, a socket or a pipe.
    Other,
}

impl Stat {
    /// The id of an unknown owner: of an entry that does not exist yet. No host has it, because chown(2)
    /// uses it for "leave unchanged". An unknown name is empty.
    pub const UNKNOWN_ID: u32 = u32::MAX;

    /// What would exist after a change, if the change says so: in check mode.
    #[must_use]
    pub const fn imagined(kind: PathKind, mode: u32, size: u64) -> Self {
        Self {
            kind,
            mode,
            uid: Self::UNKNOWN_ID,
            gid: Self::UNKNOWN_ID,
            owner: String::new(),
            group: String::new(),
            size,
            links: 1,
            modified: 0,
        }
    }
}

impl PathState {
    /// Nothing exists there.
    pub const ABSENT: Self = Self {
        own: None,
        target: None,
        link: None,
    };

    /// Whether anything exists there.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.own.is_some()
    }

    /// An entry that is not a link.
    #[must_use]
    pub fn plain(stat: Stat) -> Self {
        Self {
            own: Some(stat.clone()),
            target: Some(stat),
            link: None,
        }
    }
}

impl Found {
    #[must_use]
    pub fn get(&self, query: &Query) -> Option<&Answer> {
        self.answers.get(query)
    }

    pub fn insert(&mut self, query: Query, answer: Answer) {
        self.answers.insert(query, answer);
    }

    /// Forgets what a change to one of these may have altered.
    pub fn forget(&mut self, altered: &[Resource]) {
        if !altered.is_empty() {
            self.answers.retain(|query, _| !query.depends_on(altered));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Query, &Answer)> {
        self.answers.iter()
    }

    /// What earlier changes would alter of these answers. Empty in a run.
    #[must_use]
    pub fn altered(&self) -> &[Resource] {
        &self.altered
    }

    pub(super) fn set_altered(&mut self, altered: Vec<Resource>) {
        self.altered = altered;
    }

    /// Forgets answers that no longer hold.
    pub(super) fn retain(&mut self, holds: impl Fn(&Query, &Answer) -> bool) {
        self.answers.retain(|query, answer| holds(query, answer));
    }

    /// The entry at a path. `Err` is the reason why it is unknown.
    pub fn path(&self, path: &str) -> Result<&PathState, String> {
        match self.get(&Query::Path(path.to_owned())) {
            Some(Answer::Path(state)) => Ok(state),
            other => Err(unknowable(other, path)),
        }
    }

    /// The SHA-256 of the file at a path, after following links.
    pub fn sha256(&self, path: &str) -> Result<Option<&str>, String> {
        match self.get(&Query::Sha256(path.to_owned())) {
            Some(Answer::Sha256(hash)) => Ok(hash.as_deref()),
            other => Err(unknowable(other, path)),
        }
    }

    /// The content of the file at a path, after following links; `Ok(None)`: it is not a readable regular
    /// file.
    pub fn content(&self, path: &str) -> Result<Option<&[u8]>, String> {
        match self.get(&Query::Content(path.to_owned())) {
            Some(Answer::Content(bytes)) => Ok(bytes.as_deref()),
            other => Err(unknowable(other, path)),
        }
    }

    /// What is installed under the name of a package.
    pub fn package(&self, name: &str) -> Result<Option<&Installed>, String> {
        match self.get(&Query::Package(name.to_owned())) {
            Some(Answer::Package(installed)) => Ok(installed.as_ref()),
            other => Err(unknowable(other, name)),
        }
    }

    /// A table, by its query.
    pub fn table(&self, query: &Query) -> Result<&[(String, String)], String> {
        match self.get(query) {
            Some(Answer::Table(rows)) => Ok(rows),
            other => Err(unknowable(other, &query.subject())),
        }
    }

    /// The result of a query that ran as a command.
    pub fn command(&self, query: &Query) -> Result<&super::Ran, String> {
        match self.get(query) {
            Some(Answer::Ran(ran)) => Ok(ran),
            other => Err(unknowable(other, &query.subject())),
        }
    }
}

fn unknowable(answer: Option<&Answer>, subject: &str) -> String {
    match answer {
        Some(Answer::Unknowable(reason)) => reason.clone(),
        Some(_) => format!("the host gave the wrong kind of answer about {subject}"),
        None => format!("nothing is known about {subject}"),
    }
}
