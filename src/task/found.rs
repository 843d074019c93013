//! What was found on a host: the answers to queries.

use std::collections::HashMap;

use super::{Query, Resource};

/// The answers to queries, as one host gave them.
#[derive(Debug, Clone, Default)]
pub struct Found {
    answers: HashMap<Query, Answer>,
    /// What earlier changes would alter of what the answers are about: for a task that foresees, in check mode.
    altered: Vec<Resource>,
}

/// What a host answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Path(PathState),
    /// SHA-256 in hex of what the path leads to; `None` where that is no readable regular file.
    Sha256(Option<String>),
    /// The bytes of what the path leads to; `None` where that is no readable regular file.
    Content(Option<Vec<u8>>),
    /// A package that is installed; `None`: it is not.
    Package(Option<Installed>),
    /// Lines `key=value`, for the families that read one table: services, users, stamps.
    Table(Vec<(String, String)>),
    /// A guard of the user's.
    Ran(super::Ran),
    /// The host cannot tell, for this reason.
    Unknowable(String),
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Empty for a name that other packages provide.
    pub version: String,
    /// Kept at its version by the administrator.
    pub held: bool,
    /// The package that provides the name, where no package has it.
    pub provider: Option<String>,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathState {
    /// `None`: nothing is there.
    pub own: Option<Stat>,
    /// Behind a symbolic link: what it leads to (`None`: it dangles). Else the same as `own`.
    pub target: Option<Stat>,
    /// Where a symbolic link points, as it is written.
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
    /// The name of the user id, or the number as text where it has none.
    pub owner: String,
    pub group: String,
    pub size: u64,
    /// How many names it has: hard links.
    pub links: u64,
    /// When its content or anything about it was last changed, in seconds since the epoch (the `ctime`: no
    /// program sets it back). In check mode `i64::MAX` for what an earlier task would change.
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
    /// The number of an owner that nobody was told: of something that is not there yet. No host has it,
    /// for chown(2) takes it for "leave it". A name that nobody was told is empty.
    pub const UNKNOWN_ID: u32 = u32::MAX;

    /// What would be there after a change, as far as the change tells: in check mode.
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
    /// Nothing is there.
    pub const ABSENT: Self = Self {
        own: None,
        target: None,
        link: None,
    };

    /// Whether anything stands there.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.own.is_some()
    }

    /// An entry that is no link.
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

    /// Forgets what a change of one of these may have altered.
    pub fn forget(&mut self, altered: &[Resource]) {
        if !altered.is_empty() {
            self.answers.retain(|query, _| !query.depends_on(altered));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Query, &Answer)> {
        self.answers.iter()
    }

    /// What earlier changes would alter of what the answers are about. Empty in a run.
    #[must_use]
    pub fn altered(&self) -> &[Resource] {
        &self.altered
    }

    pub(super) fn set_altered(&mut self, altered: Vec<Resource>) {
        self.altered = altered;
    }

    /// Forgets what does not hold any more.
    pub(super) fn retain(&mut self, holds: impl Fn(&Query, &Answer) -> bool) {
        self.answers.retain(|query, answer| holds(query, answer));
    }

    /// What stands at a path. `Err` is the reason why nobody knows.
    pub fn path(&self, path: &str) -> Result<&PathState, String> {
        match self.get(&Query::Path(path.to_owned())) {
            Some(Answer::Path(state)) => Ok(state),
            other => Err(unknowable(other, path)),
        }
    }

    /// The SHA-256 of what a path leads to.
    pub fn sha256(&self, path: &str) -> Result<Option<&str>, String> {
        match self.get(&Query::Sha256(path.to_owned())) {
            Some(Answer::Sha256(hash)) => Ok(hash.as_deref()),
            other => Err(unknowable(other, path)),
        }
    }

    /// The content of what a path leads to; `Ok(None)`: it is no readable regular file.
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

    /// A table, by the query that asked for it.
    pub fn table(&self, query: &Query) -> Result<&[(String, String)], String> {
        match self.get(query) {
            Some(Answer::Table(rows)) => Ok(rows),
            other => Err(unknowable(other, &query.subject())),
        }
    }

    /// What a question that was asked as a command came back with.
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
        Some(_) => format!("the host gave an answer of another kind about {subject}"),
        None => format!("nothing is known about {subject}"),
    }
}
