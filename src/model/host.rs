//! A host of the inventory.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

/// Where a variable was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, or the command for an executable inventory.
    pub file: Arc<Path>,
    /// Counted from 1, where the format tells.
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

/// A variable as it was written: `{{ }}` in it renders when it is used.
///
/// An encrypted value is an object with the one key `__ansible_vault`, one that must not be
/// rendered has the one key `__ansible_unsafe`: the forms that Ansible gives them in JSON.
#[derive(Debug, Clone)]
pub struct Var {
    pub value: Value,
    pub origin: Origin,
}

/// Variables of one place: a group in one file, or a host.
pub type Vars = IndexMap<String, Var>;

/// A host of the inventory.
#[derive(Debug, Clone, Default)]
pub struct Host {
    pub name: String,
    /// Every group that it is in, itself or through a child group; `all` left out, sorted by name.
    pub groups: Arc<[String]>,
    /// Its variables, the weakest first. Hosts of the same groups share the layers of these.
    pub layers: Vec<Arc<Vars>>,
    /// The inventory source that named it first. None for the `localhost` that no inventory names.
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

    /// The variable that precedence left, as it was written.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&Var> {
        self.layers.iter().rev().find_map(|layer| layer.get(name))
    }

    /// Every variable that precedence left, as it was written, sorted by name.
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
