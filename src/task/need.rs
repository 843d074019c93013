//! What must exist on a host before a change can be made there. Only check mode asks: a run finds out when
//! it makes the change.

use super::{Answer, PathKind, Query, Resource};

/// Something without which a change is certain to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A directory, or a link to one.
    Directory(String),
    /// A path that may be missing, but must otherwise be a directory: a parent of one that would be
    /// created.
    NoFile(String),
    User(String),
    Group(String),
    /// A read-only script: its output says what is wrong.
    Looked {
        query: Query,
        /// What a run would do about it first, so that the failure is not certain.
        help: Option<&'static str>,
    },
}

/// An unmet need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// The change would fail. A lower-case fragment.
    Certain(String),
    /// The change may fail.
    Possible(String),
}

/// Where a shell usually looks for programs.
const PATH: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

impl Need {
    /// A script that prints `error=REASON` if a change is certain to fail.
    #[must_use]
    pub const fn looked(script: String, reads: Vec<Resource>) -> Self {
        let query = Query::Script { script, reads };
        Self::Looked { query, help: None }
    }

    /// A program that is run by this name: one in `PATH`, or at an absolute path. `None` if what the name
    /// refers to depends on more than that.
    #[must_use]
    pub fn program(name: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
        let is_found = name.starts_with('/') || !name.contains('/');
        if name.is_empty() || name.starts_with('-') || !name.chars().all(is_plain) || !is_found {
            return None;
        }
        let reads = if name.starts_with('/') {
            vec![Resource::Path(name.to_owned())]
        } else {
            PATH.map(|dir| Resource::Path(format!("{dir}/{name}")))
                .into()
        };
        let script =
            format!("command -v {name} >/dev/null || echo 'error=there is no program {name}'");
        Some(Self::looked(script, reads))
    }

    /// The query that answers it.
    #[must_use]
    pub fn query(&self) -> Query {
        match self {
            Self::Directory(path) | Self::NoFile(path) => Query::Path(path.clone()),
            Self::User(name) => Query::User(name.clone()),
            Self::Group(name) => Query::Group(name.clone()),
            Self::Looked { query, .. } => query.clone(),
        }
    }

    /// What is missing according to this answer. A missing answer is not a failure.
    #[must_use]
    pub fn lack(&self, answer: &Answer) -> Option<Lack> {
        let certain = |text: String| Some(Lack::Certain(text));
        match (self, answer) {
            (Self::Directory(path), Answer::Path(state)) => match (&state.own, &state.target) {
                (None, _) => certain(format!("there is no directory {path}")),
                (_, Some(stat)) if stat.kind == PathKind::Directory => None,
                _ => certain(format!("{path} is not a directory")),
            },
            (Self::NoFile(path), Answer::Path(state)) => match (&state.own, &state.target) {
                (None, _) => None,
                (_, Some(stat)) if stat.kind == PathKind::Directory => None,
                _ => certain(format!("{path} is not a directory")),
            },
            (Self::User(name), Answer::Table(rows)) if rows.is_empty() => {
                certain(format!("there is no user {name}"))
            }
            (Self::Group(name), Answer::Table(rows)) if rows.is_empty() => {
                certain(format!("there is no group {name}"))
            }
            (Self::Looked { help, .. }, Answer::Table(rows)) => {
                let said: Vec<&str> = rows.iter().map(|(_, value)| value.as_str()).collect();
                let said = said.join("; ");
                match help {
                    _ if said.is_empty() => None,
                    Some(help) => Some(Lack::Possible(format!("{said}, but {help}"))),
                    None => certain(said),
                }
            }
            _ => None,
        }
    }
}
