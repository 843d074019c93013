//! Warnings about changes after which the login that ops uses may no longer become root.

use crate::tasks::accounts::{AccountName, Row};

/// Groups whose members may become root by default, according to the sudoers or doas.conf files that
/// distributions ship.
const ROOTS: [&str; 3] = ["sudo", "wheel", "admin"];

/// When one of these groups loses a user.
pub(crate) fn leaves(name: &AccountName, groups: &[&str]) -> Option<String> {
    let group = groups.iter().find(|group| ROOTS.contains(group))?;
    Some(format!(
        "warning: members of {group} may become root, and {name} leaves the group: if ops relies on this \
         group to become root, it will no longer be able to"
    ))
}

/// When a group is removed.
pub(crate) fn without_group(name: &AccountName) -> Option<String> {
    ROOTS.contains(&name.as_str()).then(|| {
        format!("warning: members of {name} may become root: if ops relies on this group to become root, it \
            will no longer be able to")
    })
}

/// When a user is removed.
pub(crate) fn without_user(name: &AccountName, user: Row<'_>) -> Option<String> {
    let group = root_of(user)?;
    Some(format!(
        "warning: {name} may become root as a member of {group}: ops will no longer be able to log in as \
         {name}"
    ))
}

/// When a user gets another shell.
pub(crate) fn with_shell(name: &AccountName, user: Row<'_>, shell: &str) -> Option<String> {
    let is_none = shell.ends_with("/nologin") || shell.ends_with("/false");
    if !is_none || !user.is_there() || user.get("shell") == shell {
        return None;
    }
    let group = root_of(user)?;
    Some(format!(
        "warning: {name} may become root as a member of {group}, and {shell} does not allow logins: ops will \
         no longer be able to log in as {name}"
    ))
}

fn root_of(user: Row<'_>) -> Option<&'static str> {
    let groups = user.groups();
    let is_of = |group: &str| groups.contains(&group) || user.get("group") == group;
    ROOTS.into_iter().find(|group| is_of(group))
}
