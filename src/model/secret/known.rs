//! A secret and its names.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A secret.
pub(super) struct Known {
    pub value: Arc<str>,
    /// Rarely more than one.
    aliases: Mutex<Vec<Alias>>,
}

/// A name under which a secret was added.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Alias {
    pub name: String,
    /// The host that it was added for.
    pub host: Option<String>,
    /// Counts the values with this name and host from 1, in the order in which they were added.
    pub number: usize,
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(host) = &self.host {
            write!(f, " of {host}")?;
        }
        match self.number {
            1 => Ok(()),
            number => write!(f, " #{number}"),
        }
    }
}

impl Known {
    pub(super) fn new(value: &str) -> Self {
        Self {
            value: value.into(),
            aliases: Mutex::default(),
        }
    }

    pub(super) fn add(&self, alias: Alias) {
        let mut aliases = self.aliases.lock().unwrap_or_else(PoisonError::into_inner);
        aliases.push(alias);
    }

    /// The name for a record about this host: one that does not depend on a host, or else the host's own. So
    /// the reference is known as soon as this host's part of a playbook has got to it again.
    pub(super) fn alias(&self, host: Option<&str>) -> Option<Alias> {
        let aliases = self.aliases.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |host: Option<&str>| aliases.iter().find(|alias| alias.host.as_deref() == host);
        of(None).or_else(|| of(host)).or(aliases.first()).cloned()
    }
}
