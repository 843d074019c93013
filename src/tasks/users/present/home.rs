//! The home directory of a user and its authorized keys.

use super::steps::{Steps, Stop, note};
use super::wanted::Present;
use crate::model::Diff;
use crate::shell::quote_str as quote;
use crate::task::{Answer, Found, PathKind, PathState, Query, Resource, Stat};
use crate::tasks::accounts::{AccountName, Row};

impl Present {
    /// The home directory, if it is known.
    pub(super) fn home(&self, user: Row<'_>) -> Option<String> {
        match &self.options.home {
            Some(home) => Some(home.to_string()),
            None if user.is_there() => Some(user.get("home").to_owned()),
            None => None,
        }
    }

    pub(super) fn home_and_keys(
        &self,
        user: Row<'_>,
        found: &Found,
        steps: &mut Steps,
    ) -> Result<(), Stop> {
        let is_made = self
            .options
            .create_home
            .unwrap_or(!user.is_there() && !self.options.system);
        if let Some(home) = self.home(user) {
            return self.in_known_home(&home, is_made, found, steps);
        }
        self.in_chosen_home(is_made, found, steps)
    }

    /// For a new user, whose home directory the host's own tools choose.
    fn in_chosen_home(&self, is_made: bool, found: &Found, steps: &mut Steps) -> Result<(), Stop> {
        let name = &self.name;
        let find = format!("home=$(home_of {name})");
        // Where they usually create it.
        let usual = format!("/home/{name}");
        steps.alters.push(Resource::Path(usual.clone()));
        if is_made {
            let there = found.path(&usual).ok().and_then(|home| home.own.as_ref());
            if let Ok(state) = found.path(&usual) {
                is_directory(&usual, state)?;
            }
            let text = there.map_or_else(
                || "creates the home directory".to_owned(),
                |there| left_alone(&usual, &there.owner),
            );
            steps.push(
                note(text),
                &format!("{find}\n{}", self.make_home()),
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
        Ok(())
    }

    fn in_known_home(
        &self,
        home: &str,
        is_made: bool,
        found: &Found,
        steps: &mut Steps,
    ) -> Result<(), Stop> {
        let file = format!("{}/.ssh/authorized_keys", home.trim_end_matches('/'));
        let mut open = Vec::new();
        let mut ask = |query: Query| {
            if found.get(&query).is_none() {
                open.push(query);
            }
        };
        if is_made {
            ask(Query::Path(home.to_owned()));
        }
        if self.options.authorized_keys.is_some() {
            ask(Query::Content(file.clone()));
        }
        if !open.is_empty() {
            return Err(Stop::Ask(open));
        }
        let quoted = quote(home);
        if is_made {
            let state = found.path(home)?;
            is_directory(home, state)?;
            match &state.target {
                None => {
                    steps.push(
                        note(format!("creates the home directory {home}")),
                        &format!("home={quoted}\n{}", self.make_home()),
                        remove_home(),
                    );
                    self.makes(home, steps);
                }
                // Only if there are other changes: otherwise the note would appear in every run and make an
                // existing user count as changed.
                Some(there) if !steps.diff.is_empty() && there.owner != self.name.as_str() => {
                    steps.diff.push(note(left_alone(home, &there.owner)));
                }
                Some(_) => {}
            }
        }
        if let Some(keys) = &self.options.authorized_keys {
            let now = found
                .content(&file)?
                .map(String::from_utf8_lossy)
                .unwrap_or_default();
            let wanted = self.wanted_keys(&now, keys);
            if now != wanted {
                let apply = set_keys(&self.name, &quoted, &wanted);
                let ssh = format!("{}/.ssh", home.trim_end_matches('/'));
                steps.alters.push(Resource::Path(ssh));
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

    /// What a query would return for a home directory that is created.
    fn makes(&self, home: &str, steps: &mut Steps) {
        steps.alters.push(Resource::Entry(home.to_owned()));
        steps.alters.push(Resource::Above(home.to_owned()));
        let home = home.trim_end_matches('/');
        let skel = SKEL.map(|name| Resource::Path(format!("{home}/{name}")));
        steps.alters.extend(skel);
        let mut stat = Stat::imagined(PathKind::Directory, self.home_mode(), 0);
        stat.owner = self.name.to_string();
        let group = self.options.group.as_ref();
        stat.group = group.map_or_else(String::new, ToString::to_string);
        let state = Answer::Path(PathState::plain(stat));
        steps.leaves.push((Query::Path(home.to_owned()), state));
    }

    fn home_mode(&self) -> u32 {
        let mode = self.options.home_mode.as_ref();
        mode.map_or(0o755, |mode| mode.on(0o755, true))
    }

    /// Creates the directory `$home`.
    fn make_home(&self) -> String {
        format!("make_home {} \"$home\" {:04o}", self.name, self.home_mode())
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
}

/// What `/etc/skel` usually contains (Debian), and what packages add: a new home directory gets it.
const SKEL: [&str; 6] = [
    ".bash_logout",
    ".bashrc",
    ".config",
    ".face",
    ".profile",
    ".ssh",
];

/// The entry at the path of a home directory must be a directory.
fn is_directory(home: &str, state: &PathState) -> Result<(), Stop> {
    match (&state.own, &state.target) {
        (None, _) => Ok(()),
        (_, Some(stat)) if stat.kind == PathKind::Directory => Ok(()),
        _ => Err(Stop::Impossible(format!("{home} is not a directory"))),
    }
}

fn left_alone(home: &str, owner: &str) -> String {
    format!("leaves the home directory {home} as it is: it already exists and belongs to {owner}")
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
        "authorizes {count} SSH {}",
        if count == 1 { "key" } else { "keys" }
    ))
}
