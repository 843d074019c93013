//! Checks that users and groups are in the host's own files. Look-ups also return entries from a directory
//! service, which none of the host's tools can change.

use crate::shell::quote_str as quote;
use crate::task::{Found, Plan, Query};

/// Why nothing can be planned yet.
pub enum Stop {
    Ask(Vec<Query>),
    Unknown(String),
    Impossible(String),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Unknown(reason)
    }
}

impl From<Stop> for Plan {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Ask(queries) => Self::Ask(queries),
            Stop::Unknown(reason) => Self::Unknown(reason),
            Stop::Impossible(reason) => Self::Impossible(reason),
        }
    }
}

/// Asks whether these can be changed on the host. Only existing entries are asked about, and only when a
/// change is needed: a host on which nothing changes is not asked.
pub(crate) fn check(user: Option<&str>, groups: &[&str], found: &Found) -> Result<(), Stop> {
    if user.is_none() && groups.is_empty() {
        return Ok(());
    }
    let query = query(user, groups);
    if found.get(&query).is_none() {
        return Err(Stop::Ask(vec![query]));
    }
    match found.table(&query)?.first() {
        None => Ok(()),
        Some((kind, name)) => {
            let file = if kind == "user" {
                "/etc/passwd"
            } else {
                "/etc/group"
            };
            Err(Stop::Impossible(format!(
                "the {kind} {name} is not in {file}: it comes from a directory service (NSS) and has to be \
                 changed there"
            )))
        }
    }
}

/// Prints the entries that are known but not in the files. An entry that an earlier task would add is
/// neither, so no task makes the answer stale.
fn query(user: Option<&str>, groups: &[&str]) -> Query {
    let look = |table: &str, kind: &str, name: &str| {
        let file = format!("/etc/{table}");
        let name = quote(name);
        format!(
            "cut -d: -f1 {file} | grep -Fqx -- {name} || ! getent {table} {name} >/dev/null 2>&1 || echo \
             {kind}={name}\n"
        )
    };
    let mut script: String = user.map_or_else(String::new, |name| look("passwd", "user", name));
    for group in groups {
        script.push_str(&look("group", "group", group));
    }
    Query::Script {
        script,
        reads: Vec::new(),
    }
}
