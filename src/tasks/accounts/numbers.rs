//! User and group ids that useradd(8), groupadd(8), groupdel(8) and similar tools are certain to reject.

use crate::task::{Need, Resource};
use crate::tasks::accounts::AccountName;

/// Fails if another user has the id.
pub(crate) fn uid(name: &AccountName, uid: u32) -> Need {
    free("passwd", "user", "usermod", name, uid)
}

/// Fails if another group has the id.
pub(crate) fn gid(name: &AccountName, gid: u32) -> Need {
    free("group", "group", "groupmod", name, gid)
}

/// Fails if the group is the primary group of a user.
pub(crate) fn is_nobodys_primary(name: &AccountName) -> Need {
    let script = format!(
        "{LOOK_UP}gid=$(row group {name} | cut -d: -f3)\n\
         [ -n \"$gid\" ] || exit 0\n\
         user=$(rows passwd | awk -F: -v gid=\"$gid\" '$4 == gid {{ print $1; exit }}')\n\
         [ -z \"$user\" ] || echo \"error={name} is the primary group of the user $user\""
    );
    Need::looked(script, vec![Resource::Accounts])
}

/// `row TABLE KEY`: looks up a row by name or by number, like getent(1).
const LOOK_UP: &str = "rows() { if command -v getent >/dev/null; then getent \"$1\"; else cat \"/etc/$1\"; \
    fi; }\n\
    row() { if command -v getent >/dev/null; then getent \"$1\" \"$2\"; \
    else awk -F: -v key=\"$2\" '$1 == key || $3 == key { print; exit }' \"/etc/$1\"; fi; }\n";

/// Without `modify`, ops writes the id into the file itself, even if another entry has it.
fn free(table: &str, kind: &str, modify: &str, name: &AccountName, number: u32) -> Need {
    let script = format!(
        "{LOOK_UP}now=$(row {table} {name} | cut -d: -f3)\n\
         [ \"$now\" != {number} ] || exit 0\n\
         [ -z \"$now\" ] || command -v {modify} >/dev/null || exit 0\n\
         other=$(row {table} {number} | cut -d: -f1)\n\
         [ -z \"$other\" ] || echo \"error=the id {number} belongs to the {kind} $other\""
    );
    Need::looked(script, vec![Resource::Accounts])
}
