//! `groups::present`.

use crate::declare::{ArgumentError, options};
use crate::model::Diff;
use crate::task::{Answer, Change, Found, Need, Plan, Query, Resource, Seen, Task, Touches};
use crate::tasks::accounts::group::{add, query, touches};
use crate::tasks::accounts::{ACCOUNTS, AccountName, Row, local, numbers};
use crate::tasks::entry::task;

task! {
    /// Ensures the group exists.
    ///
    /// If `gid` differs from the id of an existing group, that id is changed; files of the group keep the
    /// old one.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(groups::present("deployers", #{ gid: 2000 }));
    /// });
    /// ```
    groups::present(name: AccountName; Options) => Present::new
}

options! {
    #[derive(Debug, Default)]
    #[serde(default)]
    pub(crate) struct Options {
        /// the group id; chosen by the host if not given
        gid: Option<u32>,
        /// whether a new group gets an id from the system range
        system: bool,
    }
}

/// The desired state: a group exists.
pub(crate) struct Present {
    name: AccountName,
    options: Options,
}

impl Present {
    fn new(name: AccountName, options: Options) -> Result<Self, ArgumentError> {
        Ok(Self { name, options })
    }
}

impl Task for Present {
    fn label(&self) -> String {
        format!("groups::present {}", self.name)
    }

    fn queries(&self) -> Vec<Query> {
        vec![query(&self.name)]
    }

    fn touches(&self) -> Touches {
        touches(&self.name)
    }

    fn needs(&self) -> Vec<Need> {
        let gid = self.options.gid.map(|gid| numbers::gid(&self.name, gid));
        gid.into_iter().collect()
    }

    fn plan(&self, found: &Found) -> Plan {
        let row = match found.table(&query(&self.name)) {
            Ok(rows) => Row(rows),
            Err(reason) => return Plan::Unknown(reason),
        };
        let name = &self.name;
        let is_changed = self
            .options
            .gid
            .is_some_and(|gid| row.get("gid") != gid.to_string());
        if row.is_there() && is_changed {
            match local::check(None, &[name.as_str()], found) {
                Ok(()) => {}
                Err(stop) => return stop.into(),
            }
        }
        let gid = self.options.gid.map(|gid| gid.to_string());
        let (diff, apply, undo) = match &gid {
            _ if !row.is_there() => (
                Diff::Note {
                    text: format!("adds the group {name}"),
                },
                add(
                    name,
                    gid.as_deref().unwrap_or_default(),
                    self.options.system,
                ),
                format!("remove_group_if_there {name}"),
            ),
            Some(gid) if row.get("gid") != gid => (
                Diff::Property {
                    name: "gid".to_owned(),
                    before: row.get("gid").to_owned(),
                    after: gid.clone(),
                },
                format!("set_gid {name} {gid}"),
                format!("set_gid {name} {}", row.get("gid")),
            ),
            _ => return Plan::Unchanged,
        };
        let after = vec![
            ("gid".to_owned(), gid.unwrap_or_default()),
            ("members".to_owned(), row.get("members").to_owned()),
        ];
        let change = Change::new(
            vec![diff],
            format!("{ACCOUNTS}{apply}\n"),
            format!("{ACCOUNTS}{undo}\n"),
        );
        // A new group has no members.
        let group = if row.is_there() {
            Resource::Group(name.to_string())
        } else {
            Resource::GroupAlone(name.to_string())
        };
        Plan::Change(Box::new(Change {
            alters: Some(vec![group, Resource::Accounts]),
            seen: Seen::Whole,
            ..change.leaving(vec![(query(name), Answer::Table(after))])
        }))
    }
}
