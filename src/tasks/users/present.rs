//! `users::present`. The plan consists of [`Steps`]: first those for the [`account`], then those for the
//! [`home`] directory and the keys in it.

mod account;
mod home;
mod steps;
mod wanted;

use self::steps::{Steps, Stop};
use self::wanted::{Options, Present};
use crate::declare::ArgumentError;
use crate::task::{Answer, Change, Found, Need, Plan, Query, Resource, Task, Touches};
use crate::tasks::accounts::{ACCOUNTS, AccountName, Row, check_field, local, numbers};
use crate::tasks::entry::task;
use crate::tasks::fs::HostPath;

task! {
    /// Ensures the user exists.
    ///
    /// Options that are not given leave an existing user as it is; for a new user, the host's own tools
    /// choose. Only root can compare a password hash. A home directory is not moved when `home` changes.
    ///
    /// Undo restores the former values, and removes a user that was added, with the home directory that was
    /// created for it.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(users::present("shop", #{
    ///         system: true,
    ///         home: "/srv/shop",
    ///         shell: "/usr/sbin/nologin",
    ///         groups: ["www-data"],
    ///     }));
    ///     h.apply(users::present("eva", #{
    ///         groups: ["sudo"],
    ///         append_groups: true,
    ///         authorized_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMq eva"],
    ///     }));
    /// });
    /// ```
    users::present(name: AccountName; Options) => Present::new
}

impl Present {
    fn new(name: AccountName, options: Options) -> Result<Self, ArgumentError> {
        let texts = [
            ("comment", options.comment.as_deref()),
            ("home", options.home.as_ref().map(HostPath::as_str)),
            ("shell", options.shell.as_ref().map(HostPath::as_str)),
            ("password_hash", options.password_hash.as_deref()),
        ];
        for (key, text) in texts {
            if let Some(Err(message)) = text.map(check_field) {
                // The message would contain the hash.
                let message = match key {
                    "password_hash" => "is not a hash in the format of crypt(5)".to_owned(),
                    _ => message,
                };
                return Err(ArgumentError::option(key, message));
            }
        }
        for (at, key) in options.authorized_keys.iter().flatten().enumerate() {
            if key.trim().is_empty() || key.contains(['\n', '\r', '\0']) {
                let message = "is not a key on a single line";
                return Err(ArgumentError::option(
                    format!("authorized_keys[{at}]"),
                    message,
                ));
            }
        }
        if options.gid.is_some() && options.group.is_none() {
            return Err(ArgumentError::option("gid", "requires `group`"));
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
        let changes_account = user.is_there() && !steps.diff.is_empty();
        let accounts = steps.diff.len();
        self.home_and_keys(user, found, &mut steps)?;
        if steps.diff.is_empty() {
            return Ok(None);
        }
        let (joins, leaves) = self.moves(user);
        let groups: Vec<&str> = joins.into_iter().chain(leaves).collect();
        local::check(
            changes_account.then_some(self.name.as_str()),
            &groups,
            found,
        )?;
        let mut alters = touches(&self.name).writes;
        let group = self.options.group.iter().map(AccountName::as_str);
        let groups = group.chain(groups);
        alters.extend(groups.map(|group| Resource::GroupAlone(group.to_owned())));
        alters.append(&mut steps.alters);
        let apply = format!("{ACCOUNTS}{}", steps.apply);
        let undo = format!("{ACCOUNTS}{}", steps.undo());
        let mut leaves = vec![(self.user_query(), Answer::Table(self.after(user)))];
        leaves.extend(self.groups_after(found));
        leaves.append(&mut steps.leaves);
        // Files in a home directory depend on the user.
        let seen = !user.is_there() || steps.diff.len() == accounts;
        let change = Change::new(steps.diff, apply, undo)
            .leaving(leaves)
            .seen_if(seen);
        Ok(Some(Change {
            alters: Some(alters),
            note: self.warning(user),
            ..change
        }))
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
        // Without the option, a guess: the usual home directory. A wrong guess costs one more query.
        let home = match &self.options.home {
            Some(home) => home.as_str().trim_end_matches('/').to_owned(),
            None if self.name.as_str() == "root" => "/root".to_owned(),
            None => format!("/home/{}", self.name),
        };
        let may_be_made = match &self.options.home {
            Some(_) => self.options.create_home != Some(false),
            None => self.options.create_home.unwrap_or(!self.options.system),
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
        let groups = self
            .options
            .group
            .iter()
            .chain(self.options.groups.iter().flatten());
        for group in groups {
            touches = touches.and_writes(Resource::GroupAlone(group.to_string()));
        }
        // Without the option, the home directory is where the host's tools usually create it.
        touches.and_writes(Resource::Path(
            self.options
                .home
                .as_ref()
                .map_or_else(|| format!("/home/{}", self.name), ToString::to_string),
        ))
    }

    fn needs(&self) -> Vec<Need> {
        let uid = self.options.uid.map(|uid| numbers::uid(&self.name, uid));
        let group = self.options.group.as_ref().zip(self.options.gid);
        let gid = group.map(|(group, gid)| numbers::gid(group, gid));
        uid.into_iter().chain(gid).collect()
    }

    fn plan(&self, found: &Found) -> Plan {
        match self.decide(found) {
            Ok(None) => Plan::Unchanged,
            Ok(Some(change)) => Plan::Change(Box::new(change)),
            Err(stop) => stop.into(),
        }
    }
}

/// What every change to a user alters.
pub(super) fn touches(name: &AccountName) -> Touches {
    Touches::writes(Resource::User(name.to_string()))
        .and_writes(Resource::GroupAlone(name.to_string()))
        .and_writes(Resource::Accounts)
}
