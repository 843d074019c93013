//! The answers of a host, as a case writes them.

use std::collections::BTreeMap;

use ops::task::{Answer, Found, Installed, PathKind, PathState, Query, Ran, Stat};
use serde::Deserialize;

/// One answer. The first key is the question; the other keys are the answer.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Fact {
    /// Not installed, if nothing else is given.
    Package {
        package: String,
        version: Option<String>,
        #[serde(default)]
        held: bool,
        provider: Option<String>,
    },
    Shell {
        shell: String,
        code: i32,
        #[serde(default)]
        stdout: String,
        #[serde(default)]
        stderr: String,
    },
    Unit {
        unit: String,
        #[serde(flatten)]
        rows: BTreeMap<String, String>,
    },
    Stamp {
        stamp: String,
        #[serde(flatten)]
        rows: BTreeMap<String, String>,
    },
    User {
        user: String,
        #[serde(flatten)]
        rows: BTreeMap<String, String>,
    },
    Password {
        password: String,
        #[serde(flatten)]
        rows: BTreeMap<String, String>,
    },
    Group {
        group: String,
        #[serde(flatten)]
        rows: BTreeMap<String, String>,
    },
    /// A regular file with its hash, last changed at this second.
    File {
        file: String,
        sha256: String,
        changed: i64,
    },
}

impl Fact {
    fn answers(&self) -> Vec<(Query, Answer)> {
        let table = |rows: &BTreeMap<String, String>| {
            Answer::Table(rows.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
        };
        let answer = match self {
            Self::Package {
                package,
                version,
                held,
                provider,
            } => {
                let installed = (version.is_some() || provider.is_some()).then(|| Installed {
                    version: version.clone().unwrap_or_default(),
                    held: *held,
                    provider: provider.clone(),
                });
                (Query::Package(package.clone()), Answer::Package(installed))
            }
            Self::Shell {
                shell,
                code,
                stdout,
                stderr,
            } => {
                let ran = Ran {
                    code: *code,
                    stdout: stdout.clone(),
                    stderr: stderr.clone(),
                };
                (Query::Shell(shell.clone()), Answer::Ran(ran))
            }
            Self::Unit { unit, rows } => (Query::Unit(unit.clone()), table(rows)),
            Self::Stamp { stamp, rows } => (Query::Stamp(stamp.clone()), table(rows)),
            Self::User { user, rows } => (Query::User(user.clone()), table(rows)),
            Self::Password { password, rows } => (Query::Password(password.clone()), table(rows)),
            Self::Group { group, rows } => (Query::Group(group.clone()), table(rows)),
            Self::File {
                file,
                sha256,
                changed,
            } => {
                let stat = Stat {
                    modified: *changed,
                    ..Stat::imagined(PathKind::File, 0o644, 0)
                };
                let path = Answer::Path(PathState::plain(stat));
                return vec![
                    (Query::Path(file.clone()), path),
                    (
                        Query::Sha256(file.clone()),
                        Answer::Sha256(Some(sha256.clone())),
                    ),
                ];
            }
        };
        vec![answer]
    }
}

/// All answers of the host in a case.
pub(crate) fn found(facts: &[Fact]) -> Found {
    let mut found = Found::default();
    for fact in facts {
        for (query, answer) in fact.answers() {
            found.insert(query, answer);
        }
    }
    found
}
