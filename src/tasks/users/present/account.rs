//! The account of a user: groups, properties and password.

use super::steps::{Steps, Stop, note, property};
use super::wanted::{Options, Present};
use crate::shell::quote_str as quote;
use crate::task::{Answer, Found, Query};
use crate::tasks::accounts::{AccountName, Row, group, roots};

impl Present {
    pub(super) fn primary_group(&self, found: &Found, steps: &mut Steps) -> Result<(), Stop> {
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
                "the group {name} has the id {}, not {gid}: use `groups::present` to change it",
                row.get("gid")
            )));
        }
        Ok(())
    }

    pub(super) fn add(&self, steps: &mut Steps) {
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
            format!("remove_user_if_there {name}"),
        );
    }

    pub(super) fn properties(&self, user: Row<'_>, steps: &mut Steps) {
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

    pub(super) fn memberships(&self, user: Row<'_>, steps: &mut Steps) {
        let name = &self.name;
        let (joins, leaves) = self.moves(user);
        for group in joins {
            steps.push(
                note(format!("adds {name} to the group {group}")),
                &format!("join_group {name} {group}"),
                format!("leave_group_if_in {name} {group}"),
            );
        }
        for group in leaves {
            let quoted = quote(group);
            steps.push(
                note(format!("removes {name} from the group {group}")),
                &format!("leave_group {name} {quoted}"),
                format!("join_group {name} {quoted}"),
            );
        }
    }

    /// The groups that the user joins and leaves.
    pub(super) fn moves<'a>(&'a self, user: Row<'a>) -> (Vec<&'a str>, Vec<&'a str>) {
        let Some(wanted) = &self.options.groups else {
            return (Vec::new(), Vec::new());
        };
        let group = self.options.group.as_ref();
        let primary = group.map_or(user.get("group"), AccountName::as_str);
        let wanted: Vec<&str> = wanted.iter().map(AccountName::as_str).collect();
        let now = user.groups();
        let joins = wanted
            .iter()
            .filter(|group| !now.contains(group) && **group != primary);
        let stays = |group: &&str| self.options.append_groups || wanted.contains(group);
        let leaves = now.iter().filter(|group| !stays(group));
        (joins.copied().collect(), leaves.copied().collect())
    }

    /// Warnings if the user leaves a group or gets another shell.
    pub(super) fn warning(&self, user: Row<'_>) -> Option<String> {
        let (_, leaves) = self.moves(user);
        let shell = self.options.shell.as_ref();
        let shell = shell.and_then(|shell| roots::with_shell(&self.name, user, shell.as_str()));
        let warnings = roots::leaves(&self.name, &leaves).into_iter().chain(shell);
        let warnings: Vec<String> = warnings.collect();
        (!warnings.is_empty()).then(|| warnings.join("; "))
    }

    /// The named groups, as they would be after the change.
    pub(super) fn groups_after(&self, found: &Found) -> Vec<(Query, Answer)> {
        let mut after = Vec::new();
        for group in self.options.groups.iter().flatten() {
            let query = Query::Group(group.to_string());
            let Ok(row) = found.table(&query) else {
                continue;
            };
            let row = Row(row);
            let mut members: Vec<&str> = row
                .get("members")
                .split(',')
                .filter(|m| !m.is_empty())
                .collect();
            if !members.contains(&self.name.as_str()) {
                members.push(self.name.as_str());
            }
            let rows = vec![
                ("gid".to_owned(), row.get("gid").to_owned()),
                ("members".to_owned(), members.join(",")),
            ];
            after.push((query, Answer::Table(rows)));
        }
        if let Some(group) = &self.options.group {
            let query = Query::Group(group.to_string());
            let row = Row(found.table(&query).unwrap_or_default());
            let gid = self
                .options
                .gid
                .map_or_else(|| row.get("gid").to_owned(), |gid| gid.to_string());
            let members = ("members".to_owned(), row.get("members").to_owned());
            after.push((query, Answer::Table(vec![("gid".to_owned(), gid), members])));
        }
        after
    }

    pub(super) fn password(
        &self,
        user: Row<'_>,
        found: &Found,
        steps: &mut Steps,
    ) -> Result<(), Stop> {
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

    /// The user as it would be after the change.
    pub(super) fn after(&self, user: Row<'_>) -> Vec<(String, String)> {
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
