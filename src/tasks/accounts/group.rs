//! What the tasks that add or remove a group share.

use super::account::AccountName;
use crate::task::{Query, Resource, Touches};

/// The call that adds a group; `gid` may be empty.
pub(crate) fn add(name: &AccountName, gid: &str, system: bool) -> String {
    let system = if system { "yes" } else { "''" };
    let gid = if gid.is_empty() { "''" } else { gid };
    format!("add_group {name} {gid} {system}")
}

pub(crate) fn query(name: &AccountName) -> Query {
    Query::Group(name.to_string())
}

pub(crate) fn touches(name: &AccountName) -> Touches {
    Touches::writes(Resource::Group(name.to_string())).and_writes(Resource::Accounts)
}
