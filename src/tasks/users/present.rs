//! `users::present`.

use serde::Deserialize;

use super::account::{AccountName, Row, check_field};
use super::{ACCOUNTS, group};
use crate::model::Diff;
use crate::shell::quote_str as quote;
use crate::task::{Answer, Change, Found, Plan, Query, Resource, Task, Touches};
use crate::tasks::{ArgumentError, HostPath, Mode, Surroundings, task};

task! {
    /// Keeps a user there.
    ///
    /// | option | what it does |
    /// |---|---|
    /// | `uid` | the number of the user |
    /// | `group` | the primary group by its name; it is added if it is missing |
    /// | `gid` | the number of the primary group, if it is added |
    /// | `groups` | the other groups; the user leaves those that are not named. They must be there |
    /// | `append_groups` | the user stays in groups that are not named |
    /// | `home` | the home directory |
    /// | `create_home` | whether it is made if it is missing, `true` for a new user that is none of the system's |
    /// | `home_mode` | permission bits of a home directory that is made, `"0755"` if not given |
    /// | `shell` | the login shell |
    /// | `comment` | the full name |
    /// | `system` | whether a new user gets a number of the system's range |
    /// | `password_hash` | the hashed password as crypt(5) writes it; `"!"` for none. It is not shown |
    /// | `authorized_keys` | the ssh keys that let the user in: all of them, as the file will hold them |
    /// | `append_keys` | keys that are not named stay |
    ///
    /// What an option does not name stays as it is, or is what the host's own tools choose for a new user. A password hash can be
    /// compared only by root. A home directory that is changed is not moved.
    ///
    /// Undone, what changed gets its former value, and a user that was added is removed, with the home directory that was made for it.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(users::present("shop", #{ system: true, home: "/srv/shop", shell: "/usr/sbin/nologin", groups: ["www-data"] }));
    ///     h.apply(users::present("eva", #{ groups: ["sudo"], append_groups: true, authorized_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMq eva"] }));
    /// });
    /// ```
    PRESENT = users::present(name: AccountName; Options) => Present::new
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    uid: Option<u32>,
    group: Option<AccountName>,
    gid: Option<u32>,
    groups: Option<Vec<AccountName>>,
    append_groups: bool,
    home: Option<HostPath>,
    create_home: Option<bool>,
    home_mode: Option<Mode>,
    shell: Option<HostPath>,
    comment: Option<String>,
    system: bool,
    password_hash: Option<String>,
    authorized_keys: Option<Vec<String>>,
    append_keys: bool,
}

/// A user that is to be there.
pub struct Present {
    name: AccountName,
    options: Options,
}

/// What has to be done, one step after the other.
#[derive(Default)]
struct Steps {
    diff: Vec<Diff>,
    apply: String,
    /// In the order of `apply`; undone from the end.
    undo: Vec<String>,
}

impl Steps {
    fn push(&mut self, diff: Diff, apply: &str, undo: String) {
        self.diff.push(diff);
        self.apply.push_str(apply);
        self.apply.push('\n');
        self.undo.push(undo);
    }

    fn undo(&self) -> String {
        self.undo
            .iter()
            .rev()
            .map(|step| format!("{step}\n"))
            .collect()
    }
}

/// Why there is nothing to plan yet.
enum Stop {
    Ask(Vec<Query>),
    Unknown(String),
    Impossible(String),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Unknown(reason)
    }
}

impl Present {
    fn new(
        name: AccountName,
        options: Options,
        _: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
        let texts = [
            ("comment", options.comment.as_deref()),
            ("home", options.home.as_ref().map(HostPath::as_str)),
            ("shell", options.shell.as_ref().map(HostPath::as_str)),
            ("password_hash", options.password_hash.as_deref()),
        ];
        for (key, text) in texts {
            if let Some(Err(message)) = text.map(check_field) {
                // The message would show the hash.
                let message = match key {
                    "password_hash" => "is no hash as crypt(5) writes it".to_owned(),
                    _ => message,
                };
                return Err(ArgumentError::option(key, message));
            }
        }
        for (at, key) in options.authorized_keys.iter().flatten().enumerate() {
            if key.trim().is_empty() || key.contains(['\n', '\r', '\0']) {
                let message = "is no key in one line";
                return Err(ArgumentError::option(
                    format!("authorized_keys[{at}]"),
                    message,
                ));
            }
        }
        if options.gid.is_some() && options.group.is_none() {
            return Err(ArgumentError::option(
                "gid",
                "there is no `group` that it could be the number of",
            ));
        }
        Ok(Self { name, options })
    }

    fn user_query(&self) -> Query {
        Query::User(self.name.to_string())
    }

    fn decide(&self, found: &Found) -> Result<Option<Change>, Stop> {
        let user = Row(found.table(&self.user_query())?);
        for name in self.options.groups.iter().flatten() {
            let group = Row(found.table(&Query::Group(name.to_string()))?);
            if !group.is_there() {
                return Err(Stop::Impossible(format!("there is no group {name}")));
            }
        }
        let mut steps = Steps::default();
        self.primary_group(found, &mut steps)?;
        if user.is_there() {
            self.properties(user, &mut steps);
        } else {
            self.add(&mut steps);
        }
        self.memberships(user, &mut steps);
        self.password(user, found, &mut steps)?;
        self.home_and_keys(user, found, &mut steps)?;
        if steps.diff.is_empty() {
            return Ok(None);
        }
        let mut alters = touches(&self.name).writes;
        if let Some(group) = &self.options.group {
            alters.push(Resource::Group(group.to_string()));
        }
        if let Some(home) = self.home(user) {
            alters.push(Resource::Path(home));
        }
        let apply = format!("{ACCOUNTS}{}", steps.apply);
        let undo = format!("{ACCOUNTS}{}", steps.undo());
        let leaves = vec![(self.user_query(), Answer::Table(self.after(user)))];
        Ok(Some(Change {
            alters: Some(alters),
            ..Change::new(steps.diff, apply, undo).leaving(leaves)
        }))
    }

    fn primary_group(&self, found: &Found, steps: &mut Steps) -> Result<(), Stop> {
        let Some(name) = &self.options.group else {
            return Ok(());
        };
        let row = Row(found.table(&Query::Group(name.to_string()))?);
        let gid = self
            .options
            .gid
            .map(|gid| gid.to_string())
            .unwrap_or_default();
        if !row.is_there() {
            let diff = note(format!("adds the group {name}"));
            steps.push(
                diff,
                &group::add(name, &gid, self.options.system),
                format!("remove_group_if_there {name}"),
            );
        } else if !gid.is_empty() && row.get("gid") != gid {
            return Err(Stop::Impossible(format!(
                "the group {name} has the number {}, not {gid}: groups::present would change it",
                row.get("gid")
            )));
        }
        Ok(())
    }

    fn add(&self, steps: &mut Steps) {
        let Options {
            uid,
            group,
            home,
            shell,
            comment,
            system,
            ..
        } = &self.options;
        let (mut shadow, mut busybox) = (String::new(), String::new());
        let mut option = |of_shadow: &str, of_busybox: &str, value: Option<String>| {
            if let Some(value) = value {
                let value = quote(&value);
                shadow.push_str(&format!(" {of_shadow} {value}"));
                busybox.push_str(&format!(" {of_busybox} {value}"));
            }
        };
        option("-u", "-u", uid.map(|uid| uid.to_string()));
        option("-g", "-G", group.as_ref().map(ToString::to_string));
        option("-d", "-h", home.as_ref().map(ToString::to_string));
        option("-s", "-s", shell.as_ref().map(ToString::to_string));
        option("-c", "-g", comment.clone());
        let (of_shadow, of_busybox) = if *system { (" -r", " -S") } else { ("", "") };
        let name = &self.name;
        let apply = format!(
            "if has useradd; then useradd -M{of_shadow}{shadow} -- {name}\n\
             else adduser -D -H{of_busybox}{busybox} {name}; fi"
        );
        steps.push(
            note(format!("adds the user {name}")),
            &apply,
            format!("remove_user {name}"),
        );
    }

    fn properties(&self, user: Row<'_>, steps: &mut Steps) {
        let Options {
            uid,
            group,
            home,
            shell,
            comment,
            ..
        } = &self.options;
        let wanted = [
            ("uid", "-u", uid.map(|uid| uid.to_string())),
            ("group", "-g", group.as_ref().map(ToString::to_string)),
            ("home", "-d", home.as_ref().map(ToString::to_string)),
            ("shell", "-s", shell.as_ref().map(ToString::to_string)),
            ("comment", "-c", comment.clone()),
        ];
        for (key, option, wanted) in wanted {
            let Some(wanted) = wanted else { continue };
            let before = user.get(key);
            if before != wanted {
                let set = |value: &str| format!("set_user {} {option} {}", self.name, quote(value));
                steps.push(property(key, before, &wanted), &set(&wanted), set(before));
            }
        }
    }

    fn memberships(&self, user: Row<'_>, steps: &mut Steps) {
        let Some(wanted) = &self.options.groups else {
            return;
        };
        let name = &self.name;
        let primary = self
            .options
            .group
            .as_ref()
            .map_or(user.get("group"), AccountName::as_str);
        let now = user.groups();
        for group in wanted.iter().map(AccountName::as_str) {
            if !now.contains(&group) && group != primary {
                steps.push(
                    note(format!("adds {name} to the group {group}")),
                    &format!("join_group {name} {group}"),
                    format!("leave_group {name} {group}"),
                );
            }
        }
        let stays = |group: &str| {
            self.options.append_groups || wanted.iter().any(|wanted| wanted.as_str() == group)
        };
        for group in now.into_iter().filter(|group| !stays(group)) {
            let quoted = quote(group);
            steps.push(
                note(format!("takes {name} out of the group {group}")),
                &format!("leave_group {name} {quoted}"),
                format!("join_group {name} {quoted}"),
            );
        }
    }

    fn password(&self, user: Row<'_>, found: &Found, steps: &mut Steps) -> Result<(), Stop> {
        let Some(hash) = &self.options.password_hash else {
            return Ok(());
        };
        let name = &self.name;
        let set = format!("printf '%s\\n' {} | set_hash {name}", quote(hash));
        let diff = note("sets the password hash".to_owned());
        if !user.is_there() {
            steps.push(diff, &set, ":".to_owned());
            return Ok(());
        }
        let row = Row(found.table(&Query::Password(name.to_string()))?);
        if row.get("hash") != hash {
            steps.push(
                diff,
                &format!("keep_hash {name}\n{set}"),
                format!("give_back_hash {name}"),
            );
        }
        Ok(())
    }

    /// The home directory, where anybody knows.
    fn home(&self, user: Row<'_>) -> Option<String> {
        match &self.options.home {
            Some(home) => Some(home.to_string()),
            None if user.is_there() => Some(user.get("home").to_owned()),
            None => None,
        }
    }

    fn home_and_keys(&self, user: Row<'_>, found: &Found, steps: &mut Steps) -> Result<(), Stop> {
        let name = &self.name;
        let mode = self
            .options
            .home_mode
            .as_ref()
            .map_or(0o755, |mode| mode.on(0o755, true));
        let is_made = self
            .options
            .create_home
            .unwrap_or(!user.is_there() && !self.options.system);
        let Some(home) = self.home(user) else {
            // A new user, whose home directory the host's own tools choose.
            let find = format!("home=$(home_of {name})");
            if is_made {
                steps.push(
                    note("makes the home directory".to_owned()),
                    &format!("{find}\nmake_home {name} \"$home\" {mode:04o}"),
                    remove_home(),
                );
            }
            if let Some(keys) = &self.options.authorized_keys {
                let set = set_keys(name, "\"$home\"", &lines(keys));
                steps.push(
                    keys_diff(keys.len()),
                    &format!("{find}\n{set}"),
                    remove_keys(),
                );
            }
            return Ok(());
        };
        let file = format!("{}/.ssh/authorized_keys", home.trim_end_matches('/'));
        let mut open = Vec::new();
        let mut ask = |query: Query| {
            if found.get(&query).is_none() {
                open.push(query);
            }
        };
        if is_made {
            ask(Query::Path(home.clone()));
        }
        if self.options.authorized_keys.is_some() {
            ask(Query::Content(file.clone()));
        }
        if !open.is_empty() {
            return Err(Stop::Ask(open));
        }
        let quoted = quote(&home);
        if is_made && found.path(&home)?.target.is_none() {
            let apply = format!("home={quoted}\nmake_home {name} \"$home\" {mode:04o}");
            steps.push(
                note(format!("makes the home directory {home}")),
                &apply,
                remove_home(),
            );
        }
        if let Some(keys) = &self.options.authorized_keys {
            let now = found
                .content(&file)?
                .map(String::from_utf8_lossy)
                .unwrap_or_default();
            let wanted = self.wanted_keys(&now, keys);
            if now != wanted {
                let apply = set_keys(name, &quoted, &wanted);
                let diff = Diff::Text {
                    path: file,
                    before: now.into_owned(),
                    after: wanted,
                };
                steps.push(diff, &format!("home={quoted}\n{apply}"), remove_keys());
            }
        }
        Ok(())
    }

    fn wanted_keys(&self, now: &str, keys: &[String]) -> String {
        if !self.options.append_keys {
            return lines(keys);
        }
        let is_there = |key: &&String| now.lines().any(|line| line.trim() == key.trim());
        let missing: Vec<String> = keys.iter().filter(|key| !is_there(key)).cloned().collect();
        let end = if now.is_empty() || now.ends_with('\n') || missing.is_empty() {
            ""
        } else {
            "\n"
        };
        format!("{now}{end}{}", lines(&missing))
    }

    /// The user as it would be.
    fn after(&self, user: Row<'_>) -> Vec<(String, String)> {
        let Options {
            uid,
            group,
            home,
            shell,
            comment,
            groups,
            ..
        } = &self.options;
        let value = |wanted: Option<String>, key: &str| {
            (
                key.to_owned(),
                wanted.unwrap_or_else(|| user.get(key).to_owned()),
            )
        };
        let groups = groups.as_ref().map(|wanted| {
            let mut all: Vec<&str> = wanted.iter().map(AccountName::as_str).collect();
            if self.options.append_groups {
                all.extend(user.groups());
            }
            all.sort_unstable();
            all.dedup();
            all.join(",")
        });
        vec![
            ("name".to_owned(), self.name.to_string()),
            value(uid.map(|uid| uid.to_string()), "uid"),
            value(self.options.gid.map(|gid| gid.to_string()), "gid"),
            value(comment.clone(), "comment"),
            value(home.as_ref().map(ToString::to_string), "home"),
            value(shell.as_ref().map(ToString::to_string), "shell"),
            value(group.as_ref().map(ToString::to_string), "group"),
            value(groups, "groups"),
        ]
    }
}

impl Task for Present {
    fn label(&self) -> String {
        format!("users::present {}", self.name)
    }

    fn queries(&self) -> Vec<Query> {
        let groups = self
            .options
            .group
            .iter()
            .chain(self.options.groups.iter().flatten());
        let mut queries = vec![self.user_query()];
        queries.extend(groups.map(|group| Query::Group(group.to_string())));
        if self.options.password_hash.is_some() {
            queries.push(Query::Password(self.name.to_string()));
        }
        // Without the option, where a home directory mostly is: a wrong guess costs one more question.
        let home = match &self.options.home {
            Some(home) => home.as_str().trim_end_matches('/').to_owned(),
            None if self.name.as_str() == "root" => "/root".to_owned(),
            None => format!("/home/{}", self.name),
        };
        let may_be_made = match &self.options.home {
            Some(_) => self.options.create_home != Some(false),
            None => self.options.create_home == Some(true),
        };
        if self.options.authorized_keys.is_some() {
            queries.push(Query::Content(format!("{home}/.ssh/authorized_keys")));
        }
        if may_be_made {
            queries.push(Query::Path(if home.is_empty() {
                "/".to_owned()
            } else {
                home
            }));
        }
        queries
    }

    fn touches(&self) -> Touches {
        let mut touches = touches(&self.name);
        if let Some(group) = &self.options.group {
            touches = touches.and_writes(Resource::Group(group.to_string()));
        }
        // Without the option, the home directory is where the host's tools put it.
        touches.and_writes(Resource::Path(
            self.options
                .home
                .as_ref()
                .map_or("/home".to_owned(), ToString::to_string),
        ))
    }

    fn plan(&self, found: &Found) -> Plan {
        match self.decide(found) {
            Ok(None) => Plan::Unchanged,
            Ok(Some(change)) => Plan::Change(Box::new(change)),
            Err(Stop::Ask(queries)) => Plan::Ask(queries),
            Err(Stop::Unknown(reason)) => Plan::Unknown(reason),
            Err(Stop::Impossible(reason)) => Plan::Impossible(reason),
        }
    }
}

/// What every change of a user alters.
pub(super) fn touches(name: &AccountName) -> Touches {
    let mut touches = Touches::writes(Resource::User(name.to_string()))
        .and_writes(Resource::Group(name.to_string()));
    for file in ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"] {
        touches = touches.and_writes(Resource::Entry(format!("/etc/{file}")));
    }
    touches
}

fn lines(keys: &[String]) -> String {
    keys.iter().map(|key| format!("{}\n", key.trim())).collect()
}

fn set_keys(name: &AccountName, home: &str, keys: &str) -> String {
    format!("printf %s {} | set_keys {name} {home}", quote(keys))
}

fn remove_home() -> String {
    "remove_made_home".to_owned()
}

fn remove_keys() -> String {
    "give_back_keys".to_owned()
}

fn keys_diff(count: usize) -> Diff {
    note(format!(
        "lets in by {count} ssh {}",
        if count == 1 { "key" } else { "keys" }
    ))
}

fn note(text: String) -> Diff {
    Diff::Note { text }
}

fn property(name: &str, before: &str, after: &str) -> Diff {
    Diff::Property {
        name: name.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    }
}
