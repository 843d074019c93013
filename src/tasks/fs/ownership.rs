//! The owner and group of a file, by name or id.

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::model::Diff;
use crate::shell::quote_str;
use crate::task::{Need, Stat};

/// A user or a group, by name or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    Name(String),
    Id(u32),
}

impl Principal {
    fn is(&self, id: u32, name: &str) -> bool {
        match self {
            Self::Name(wanted) => wanted == name,
            Self::Id(wanted) => *wanted == id,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Id(id) => id.to_string(),
        }
    }
}

/// The owner and the group that a task wants; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ownership {
    pub owner: Option<Principal>,
    pub group: Option<Principal>,
}

impl Ownership {
    /// What would change on `stat`. `Err`: in check mode, the owner of an entry that does not exist yet
    /// cannot be determined.
    pub(crate) fn diff(&self, stat: &Stat) -> Result<Vec<Diff>, String> {
        let mut diff = Vec::new();
        let both = [
            ("owner", &self.owner, stat.uid, &stat.owner),
            ("group", &self.group, stat.gid, &stat.group),
        ];
        for (name, wanted, id, present) in both {
            let Some(wanted) = wanted else { continue };
            let is_known = match wanted {
                Principal::Id(_) => id != Stat::UNKNOWN_ID,
                Principal::Name(_) => !present.is_empty(),
            };
            if !is_known {
                return Err(format!("cannot determine which {name} it would have"));
            }
            if !wanted.is(id, present) {
                diff.push(Diff::Property {
                    name: name.to_owned(),
                    before: present.clone(),
                    after: wanted.text(),
                });
            }
        }
        Ok(diff)
    }

    /// The users and groups that chown has to look up. It need not look up an id.
    pub(crate) fn needs(&self) -> impl Iterator<Item = Need> {
        let name = |principal: &Option<Principal>| match principal {
            Some(Principal::Name(name)) => Some(name.clone()),
            _ => None,
        };
        let owner = name(&self.owner).map(Need::User);
        let group = name(&self.group).map(Need::Group);
        owner.into_iter().chain(group)
    }

    /// The argument of chown, as a word of a shell: `root`, `root:shop`, `:shop`.
    #[must_use]
    pub(crate) fn argument(&self) -> Option<String> {
        let text = match (&self.owner, &self.group) {
            (None, None) => return None,
            (Some(owner), None) => owner.text(),
            (None, Some(group)) => format!(":{}", group.text()),
            (Some(owner), Some(group)) => format!("{}:{}", owner.text(), group.text()),
        };
        Some(quote_str(&text))
    }

    /// The first arguments of the shell function `set_owner`: user and group.
    #[must_use]
    pub(crate) fn arguments(&self) -> Option<String> {
        if self.owner.is_none() && self.group.is_none() {
            return None;
        }
        let word = |principal: &Option<Principal>| {
            let text = principal.as_ref().map(Principal::text);
            quote_str(&text.unwrap_or_default())
        };
        Some(format!("{} {}", word(&self.owner), word(&self.group)))
    }

    /// What a query would return for a file with this ownership, for check mode.
    pub(crate) fn imagine(&self, stat: &mut Stat) {
        if let Some(owner) = &self.owner {
            (stat.uid, stat.owner) = imagined(owner);
        }
        if let Some(group) = &self.group {
            (stat.gid, stat.group) = imagined(group);
        }
    }
}

/// If only the name or only the id is known, only that is set.
fn imagined(principal: &Principal) -> (u32, String) {
    match principal {
        Principal::Name(name) => (Stat::UNKNOWN_ID, name.clone()),
        Principal::Id(id) => (*id, String::new()),
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PrincipalVisitor;
        impl Visitor<'_> for PrincipalVisitor {
            type Value = Principal;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a name or an id")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Principal, E> {
                if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
                    return text
                        .parse()
                        .map_or_else(|_| Err(E::custom(too_large(text))), |id| self.visit_u64(id));
                }
                let odd = |c: char| c.is_control() || c.is_whitespace() || ":/,".contains(c);
                if text.is_empty() || text.starts_with('-') || text.contains(odd) {
                    return Err(E::custom(format!(
                        "{text:?} is not a valid user or group name"
                    )));
                }
                Ok(Principal::Name(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, id: u64) -> Result<Principal, E> {
                // chown(2) uses the highest id for "leave unchanged".
                u32::try_from(id)
                    .ok()
                    .filter(|id| *id != Stat::UNKNOWN_ID)
                    .map(Principal::Id)
                    .ok_or_else(|| E::custom(too_large(&id.to_string())))
            }

            fn visit_i64<E: de::Error>(self, id: i64) -> Result<Principal, E> {
                u64::try_from(id).map_or_else(
                    |_| Err(E::custom(format!("{id} is not a valid user or group id"))),
                    |id| self.visit_u64(id),
                )
            }
        }
        deserializer.deserialize_any(PrincipalVisitor)
    }
}

fn too_large(id: &str) -> String {
    format!("{id} is too large for a user or group id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declare::Value;

    fn read(value: Value) -> Result<Principal, String> {
        Principal::deserialize(value).map_err(|e| e.0)
    }

    #[test]
    fn reads_names_and_ids() {
        assert_eq!(
            read("www-data".into()),
            Ok(Principal::Name("www-data".into()))
        );
        assert_eq!(read("1000".into()), Ok(Principal::Id(1000)));
        assert_eq!(read(Value::Int(0)), Ok(Principal::Id(0)));
        for bad in ["", "-R", "a b", "a:b", "99999999999", "4294967295", "a\0"] {
            assert!(read(bad.into()).is_err(), "{bad:?}");
        }
        assert!(read(Value::Int(-1)).is_err());
    }
}
