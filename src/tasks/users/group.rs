//! `groups::present` and `groups::absent`.

use serde::Deserialize;

use super::ACCOUNTS;
use super::account::{AccountName, Row};
use super::local;
use super::numbers;
use super::roots;
use crate::model::Diff;
use crate::task::{Answer, Change, Found, Need, Plan, Query, Resource, Seen, Task, Touches};
use crate::tasks::{ArgumentError, Surroundings, task};

task! {
    /// Keeps a group there.
    ///
    /// | option | what it does |
    /// |---|---|
    /// | `gid` | its number; the host chooses one if not given |
    /// | `system` | whether a new one gets a number of the system's range |
    ///
    /// A group with another number than `gid` gets this one; the files of the group keep the old one.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(groups::present("deployers", #{ gid: 2000 }));
    /// });
    /// ```
    GROUP_PRESENT = groups::present(name: AccountName; PresentOptions) => Present::new
}

task! {
    /// Keeps a group from being there. The primary group of a user is not removed: that is an error.
    ///
    /// Undone, it comes back with its number and its members.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(groups::absent("deployers"));
    /// });
    /// ```
    GROUP_ABSENT = groups::absent(name: AccountName; AbsentOptions) => Absent::new
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PresentOptions {
    gid: Option<u32>,
    system: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbsentOptions {}

/// A group that is to be there.
pub struct Present {
    name: AccountName,
    options: PresentOptions,
}

/// A group that is not to be there.
pub struct Absent {
    name: AccountName,
}

impl Present {
    fn new(
        name: AccountName,
        options: PresentOptions,
        _: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
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
        // Nobody is in a group that is new.
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

impl Absent {
    fn new(
        name: AccountName,
        _: AbsentOptions,
        _: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
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

/// The call that adds a group; `gid` may be empty.
pub(super) fn add(name: &AccountName, gid: &str, system: bool) -> String {
    let system = if system { "yes" } else { "''" };
    let gid = if gid.is_empty() { "''" } else { gid };
    format!("add_group {name} {gid} {system}")
}

fn query(name: &AccountName) -> Query {
    Query::Group(name.to_string())
}

fn touches(name: &AccountName) -> Touches {
    Touches::writes(Resource::Group(name.to_string())).and_writes(Resource::Accounts)
}
