//! Warnings about changes that may leave ops's login without root.

use crate::tasks::accounts::{AccountName, Row};

/// Groups whose members become root by what distributions ship in sudoers or doas.conf.
const ROOTS: [&str; 3] = ["sudo", "wheel", "admin"];

/// Where one of these groups loses a user.
pub fn leaves(name: &AccountName, groups: &[&str]) -> Option<String> {
    let group = groups.iter().find(|group| ROOTS.contains(group))?;
    Some(format!(
        "warning: members of {group} may become root, and {name} leaves the group: if ops becomes root through it, it no longer can"
    ))
}

/// Where a group goes.
pub fn without_group(name: &AccountName) -> Option<String> {
    ROOTS.contains(&name.as_str()).then(|| {
        format!("warning: members of {name} may become root: if ops becomes root through this group, it no longer can")
    })
}

/// Where a user goes.
pub fn without_user(name: &AccountName, user: Row<'_>) -> Option<String> {
    let group = root_of(user)?;
    Some(format!(
        "warning: {name} may become root as a member of {group}: ops can no longer log in as {name}"
    ))
}

/// Where a user gets another shell.
pub fn with_shell(name: &AccountName, user: Row<'_>, shell: &str) -> Option<String> {
    let is_none = shell.ends_with("/nologin") || shell.ends_with("/false");
    if !is_none || !user.is_there() || user.get("shell") == shell {
        return None;
    }
    let group = root_of(user)?;
    Some(format!(
        "warning: {name} may become root as a member of {group}, and {shell} does not allow logins: ops can no longer log in as {name}"
    ))
}

fn root_of(user: Row<'_>) -> Option<&'static str> {
    let groups = user.groups();
    let is_of = |group: &str| groups.contains(&group) || user.get("group") == group;
    ROOTS.into_iter().find(|group| is_of(group))
}
