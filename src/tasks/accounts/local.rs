//! Whether users and groups stand in the host's own files. What a directory service knows shows in every look-up, and none of the
//! host's tools can change it.

use crate::shell::quote_str as quote;
use crate::task::{Found, Plan, Query};

/// Why there is nothing to plan yet.
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

/// Asks whether these can be changed on the host. Only for those that are there, and only when they are to be changed: a host on
/// which nothing changes is not asked.
pub fn check(user: Option<&str>, groups: &[&str], found: &Found) -> Result<(), Stop> {
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
                "the {kind} {name} is not in {file}: it comes from a directory service (NSS) and has to be changed there"
            )))
        }
    }
}

/// Prints those that are known and not in the files. What an earlier task would add is neither, so nothing makes the answer stale.
fn query(user: Option<&str>, groups: &[&str]) -> Query {
    let look = |table: &str, kind: &str, name: &str| {
        let file = format!("/etc/{table}");
        let name = quote(name);
        format!(
            "cut -d: -f1 {file} | grep -Fqx -- {name} || ! getent {table} {name} >/dev/null 2>&1 || echo {kind}={name}\n"
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
