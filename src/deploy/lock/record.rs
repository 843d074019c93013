//! The record of an entry in the log of a lock, and how long it is valid.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lease::LEASE;
use crate::model::LockHolder;

/// Entries are numbered from this number: see `log.sh`.
const FIRST: u64 = 1_000_000_000;

/// The highest entry in the log of a lock, as reported by a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The number of its file.
    pub number: u64,
    /// Seconds since it was created or renewed, by the host's own clock.
    pub age: i64,
    pub record: Record,
}

/// The content of an entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    Held {
        /// In seconds.
        lease: u64,
        id: String,
        /// `None` if it cannot be read.
        holder: Option<Box<LockHolder>>,
    },
    Free {
        /// The former holder.
        id: String,
        how: Option<Given>,
    },
}

/// How a lock became free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub lock: String,
    pub at: Timestamp,
    /// Who broke it; `None` if the holder released it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_by: Option<LockHolder>,
}

impl Seen {
    /// Parses a line of `log.sh`: number, age, and the entry.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (number, rest) = line.split_once(' ')?;
        let (age, record) = rest.split_once(' ')?;
        Some(Self {
            number: number.parse().ok()?,
            age: age.parse().ok()?,
            record: Record::parse(record),
        })
    }

    /// The fencing token, which increases with each entry.
    #[must_use]
    pub const fn token(&self) -> u64 {
        token(self.number)
    }

    /// The holder, if there is one. After its lease has expired, a lock has no holder.
    #[must_use]
    pub fn holder(&self) -> Option<&LockHolder> {
        match &self.record {
            Record::Held { holder, .. } if !self.is_expired() => holder.as_deref(),
            _ => None,
        }
    }

    /// Whether no other run may take it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.record, Record::Held { .. }) && !self.is_expired()
    }

    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.left().is_some_and(|left| left < 0)
    }

    /// Seconds until the lease expires; negative if it has. `None` if the lock is free.
    #[must_use]
    pub fn left(&self) -> Option<i64> {
        match &self.record {
            Record::Held { lease, .. } => Some(
                i64::try_from(*lease)
                    .unwrap_or(i64::MAX)
                    .saturating_sub(self.age),
            ),
            Record::Free { .. } => None,
        }
    }
}

/// The token of the entry with this number.
#[must_use]
pub(crate) const fn token(number: u64) -> u64 {
    number.saturating_sub(FIRST)
}

impl Record {
    /// Parses the words of an entry. If they are unreadable (the host crashed during the write), an unknown
    /// holder has it until that lease expires.
    #[must_use]
    pub fn parse(words: &str) -> Self {
        let mut parts = words.trim().splitn(4, ' ');
        let mut next = || parts.next().unwrap_or_default();
        let (kind, lease, id, rest) = (next(), next(), next(), next());
        if kind == "free" {
            return Self::Free {
                id: id.to_owned(),
                how: serde_json::from_str(rest).ok(),
            };
        }
        Self::Held {
            lease: lease.parse().unwrap_or(LEASE.as_secs()),
            id: id.to_owned(),
            holder: serde_json::from_str(rest).ok(),
        }
    }

    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Held { id, .. } | Self::Free { id, .. } => id,
        }
    }

    #[must_use]
    pub fn holder(&self) -> Option<&LockHolder> {
        match self {
            Self::Held { holder, .. } => holder.as_deref(),
            Self::Free { .. } => None,
        }
    }
}

/// As one line: one word of `log.sh` after the others.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    // Strings and numbers only, which JSON can represent.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: &str = concat!(
        "1000000007 12 held 90 k3f9abcd ",
        r#"{"lock":"a b","id":"k3f9abcd","since":"2026-11-21T14:00:00Z","user":"ada"}"#,
    );

    #[test]
    fn a_line_survives_a_round_trip() {
        let seen = Seen::parse(HELD).expect("a line");
        assert_eq!((seen.token(), seen.left()), (7, Some(78)));
        let holder = seen.holder().expect("it is held");
        assert_eq!((holder.lock.as_str(), holder.user.as_str()), ("a b", "ada"));
        let free = Seen::parse("1000000008 0 free 0 k3f9abcd {}").expect("a line");
        assert_eq!((free.left(), free.is_held()), (None, false));
        assert_eq!(free.record.id(), "k3f9abcd");
        assert_eq!(Seen::parse("sh: not found"), None);
    }

    #[test]
    fn a_lease_is_valid_until_its_last_second() {
        let aged = |age: i64| Seen {
            age,
            ..Seen::parse(HELD).expect("a line")
        };
        assert!(aged(90).is_held() && !aged(90).is_expired());
        assert!(!aged(91).is_held() && aged(91).is_expired());
        assert_eq!(aged(91).holder(), None);
        // The clock was set back: the lease is from the future, and valid.
        assert!(aged(-5000).is_held());
    }

    #[test]
    fn an_incomplete_entry_has_an_unknown_holder() {
        let seen = Seen::parse("1000000007 12    ").expect("a line");
        assert!(seen.is_held());
        assert_eq!((seen.record.id(), seen.holder()), ("", None));
    }
}
