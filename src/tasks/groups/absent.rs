//! `groups::absent`.

use crate::declare::{ArgumentError, options};
use crate::model::Diff;
use crate::task::{Answer, Change, Found, Need, Plan, Query, Task, Touches};
use crate::tasks::accounts::group::{add, query, touches};
use crate::tasks::accounts::{ACCOUNTS, AccountName, Row, local, numbers, roots};
use crate::tasks::entry::task;

task! {
    /// Ensures the group is absent. The task fails if it is the primary group of a user.
    ///
    /// Undo restores the group with its id and its members.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(groups::absent("deployers"));
    /// });
    /// ```
    groups::absent(name: AccountName; Options) => Absent::new
}

options! {
    #[derive(Debug, Default)]
    pub(crate) struct Options {}
}

/// The desired state: a group is absent.
pub(crate) struct Absent {
    name: AccountName,
}

impl Absent {
    fn new(name: AccountName, _: Options) -> Result<Self, ArgumentError> {
        Ok(Self { name })
    }
}

impl Task for Absent {
    fn label(&self) -> String {
        format!("groups::absent {}", self.name)
    }

    fn queries(&self) -> Vec<Query> {
        vec![query(&self.name)]
    }

    fn touches(&self) -> Touches {
        touches(&self.name)
    }

    fn needs(&self) -> Vec<Need> {
        vec![numbers::is_nobodys_primary(&self.name)]
    }

    fn plan(&self, found: &Found) -> Plan {
        let row = match found.table(&query(&self.name)) {
            Ok(rows) => Row(rows),
            Err(reason) => return Plan::Unknown(reason),
        };
        if !row.is_there() {
            return Plan::Unchanged;
        }
        let name = &self.name;
        if let Err(stop) = local::check(None, &[name.as_str()], found) {
            return stop.into();
        }
        let add = add(name, row.get("gid"), false);
        let mut undo = format!("{ACCOUNTS}[ -n \"$(gid_of {name})\" ] || {add}\n");
        for member in row
            .get("members")
            .split(',')
            .filter(|member| !member.is_empty())
        {
            undo.push_str(&format!(
                "join_group {} {name}\n",
                crate::shell::quote_str(member)
            ));
        }
        let diff = vec![Diff::Note {
            text: format!("removes the group {name}"),
        }];
        Plan::Change(Box::new(
            Change {
                note: roots::without_group(name),
                ..Change::new(diff, format!("{ACCOUNTS}remove_group {name}\n"), undo)
            }
            .leaving(vec![(query(name), Answer::Table(Vec::new()))])
            .seen_if(true),
        ))
    }
}
