//! Names of users and groups, and their entries on a host.

use std::fmt;

use serde::Deserialize;

/// A user or group name that useradd(8) accepts on both Debian and BusyBox. No character in it is special
/// to a shell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AccountName(String);

impl AccountName {
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
            && name.len() <= 32;
        if is_name {
            Ok(Self(name))
        } else {
            Err(format!("{name:?} is not a valid user or group name"))
        }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A row of the table of users or groups.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a>(pub &'a [(String, String)]);

impl<'a> Row<'a> {
    pub(crate) fn is_there(self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn get(self, key: &str) -> &'a str {
        self.0
            .iter()
            .find(|row| row.0 == key)
            .map_or("", |row| row.1.as_str())
    }

    /// The supplementary groups of a user, sorted.
    pub(crate) fn groups(self) -> Vec<&'a str> {
        self.get("groups")
            .split(',')
            .filter(|group| !group.is_empty())
            .collect()
    }
}

/// A field of `/etc/passwd`, which cannot contain a colon or a line break.
pub(crate) fn check_field(text: &str) -> Result<(), String> {
    if text.contains([':', '\n', '\r', '\0']) {
        return Err(format!("{text:?} cannot be stored in /etc/passwd"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let name = |n: &str| AccountName::try_from(n.to_owned());
        for good in ["shop", "_apt", "www-data", "a.b", "Build1"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-x",
            "1a",
            "a b",
            "a:b",
            "a\n",
            "$x",
            "ü",
            "+all",
            &"a".repeat(33),
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
