//! A host of the inventory.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

/// Where a variable is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, or the command for an executable inventory.
    pub file: Arc<Path>,
    /// Counted from 1, if the format has lines.
    pub line: Option<usize>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        Ok(())
    }
}

/// A variable as it is written: `{{ }}` in it renders when it is used.
///
/// An encrypted value is an object with the single key `__ansible_vault`, and one that must not be
/// rendered has the single key `__ansible_unsafe`, as in Ansible's JSON.
#[derive(Debug, Clone)]
pub struct Var {
    pub value: Value,
    pub origin: Origin,
}

/// The variables of one source: a group in one file, or a host.
pub type Vars = IndexMap<String, Var>;

/// A host of the inventory.
#[derive(Debug, Clone, Default)]
pub struct Host {
    pub name: String,
    /// Every group that it is in, directly or through a child group, sorted by name; without `all`.
    pub groups: Arc<[String]>,
    /// Its variables, lowest precedence first. Hosts of the same groups share these layers.
    pub layers: Vec<Arc<Vars>>,
    /// The inventory source that named it first. None for an implicit `localhost`.
    pub source: Option<Arc<Path>>,
}

impl Host {
    /// A host with no groups and no variables.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The variable with the highest precedence, as it is written.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&Var> {
        self.layers.iter().rev().find_map(|layer| layer.get(name))
    }

    /// All variables by precedence, as they are written, sorted by name.
    #[must_use]
    pub fn vars(&self) -> IndexMap<&str, &Var> {
        let mut all: IndexMap<&str, &Var> = IndexMap::new();
        for layer in &self.layers {
            all.extend(layer.iter().map(|(name, var)| (name.as_str(), var)));
        }
        all.sort_unstable_keys();
        all
    }
}
