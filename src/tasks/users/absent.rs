//! `users::absent`.

use crate::declare::{ArgumentError, options};
use crate::model::Diff;
use crate::shell::quote_str as quote;
use crate::task::{Answer, Change, Found, Plan, Query, Resource, Task, Touches};
use crate::tasks::accounts::{ACCOUNTS, AccountName, Row, local, roots};
use crate::tasks::entry::task;

task! {
    /// Ensures the user is absent.
    ///
    /// The task fails if a process of the user is running. Files of the user outside the home directory
    /// stay.
    ///
    /// Undo restores the user with the same id, groups and password, and the home directory, which was
    /// kept.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(users::absent("shop", #{ remove_home: true }));
    /// });
    /// ```
    users::absent(name: AccountName; Options) => Absent::new
}

options! {
    #[derive(Debug, Default)]
    #[serde(default)]
    pub(crate) struct Options {
        /// whether the home directory is removed too
        remove_home: bool,
    }
}

/// The desired state: a user is absent.
pub(crate) struct Absent {
    name: AccountName,
    remove_home: bool,
}

/// Home directories that also belong to other users.
const SHARED: [&str; 12] = [
    "",
    "/",
    "/bin",
    "/dev",
    "/etc",
    "/home",
    "/nonexistent",
    "/root",
    "/sbin",
    "/usr",
    "/usr/sbin",
    "/var",
];

impl Absent {
    fn new(name: AccountName, options: Options) -> Result<Self, ArgumentError> {
        if name.as_str() == "root" {
            return Err(ArgumentError::parameter(0, "root cannot be removed"));
        }
        Ok(Self {
            name,
            remove_home: options.remove_home,
        })
    }
}

impl Task for Absent {
    fn label(&self) -> String {
        format!("users::absent {}", self.name)
    }

    fn queries(&self) -> Vec<Query> {
        vec![Query::User(self.name.to_string())]
    }

    fn touches(&self) -> Touches {
        let mut touches = super::present::touches(&self.name);
        if self.remove_home {
            // Only the host knows the home directory.
            touches = touches.and_writes(Resource::Any);
        }
        touches
    }

    fn plan(&self, found: &Found) -> Plan {
        let query = Query::User(self.name.to_string());
        let row = match found.table(&query) {
            Ok(rows) => Row(rows),
            Err(reason) => return Plan::Unknown(reason),
        };
        if !row.is_there() {
            return Plan::Unchanged;
        }
        let name = &self.name;
        if let Err(stop) = local::check(Some(name.as_str()), &[], found) {
            return stop.into();
        }
        let home = row.get("home");
        let takes_home = self.remove_home && !SHARED.contains(&home.trim_end_matches('/'));
        let mut diff = vec![Diff::Note {
            text: format!("removes the user {name}"),
        }];
        let mut alters = super::present::touches(name).writes;
        let groups = row.groups().into_iter().chain([row.get("group")]);
        alters.extend(groups.map(|group| Resource::GroupAlone(group.to_owned())));
        let mut apply = format!("{ACCOUNTS}keep_hash {name}\nremove_user {name}\n");
        let mut undo = format!("{ACCOUNTS}{}", give_back(name, row));
        if takes_home {
            let home = quote(home);
            diff.push(Diff::Note {
                text: format!("removes {}", row.get("home")),
            });
            apply.push_str(&format!("if [ -d {home} ]; then keep_away {home}; fi\n"));
            undo.push_str(&format!(
                "if [ -e \"$keep.away\" ]; then bring_back {home}; fi\n"
            ));
            alters.push(Resource::Path(row.get("home").to_owned()));
        }
        Plan::Change(Box::new(Change {
            alters: Some(alters),
            note: roots::without_user(name, row),
            ..Change::new(diff, apply, undo).leaving(vec![(query, Answer::Table(Vec::new()))])
        }))
    }
}

/// Adds a user as before. The primary group may have been removed with the user.
fn give_back(name: &AccountName, row: Row<'_>) -> String {
    let (uid, gid) = (quote(row.get("uid")), quote(row.get("gid")));
    let (group, home) = (quote(row.get("group")), quote(row.get("home")));
    let (shell, comment) = (quote(row.get("shell")), quote(row.get("comment")));
    let mut text = format!(
        "[ -n \"$(gid_of {group})\" ] || add_group {group} {gid} ''\n\
         if id -u -- {name} >/dev/null 2>&1; then :\n\
         elif has useradd; then useradd -M -u {uid} -g {gid} -d {home} -s {shell} -c {comment} -- {name}\n\
         else adduser -D -H -u {uid} -G {group} -h {home} -s {shell} -g {comment} {name}; fi\n"
    );
    for group in row.groups() {
        text.push_str(&format!("join_group {name} {}\n", quote(group)));
    }
    text.push_str(&format!("give_back_hash {name}\n"));
    text
}
