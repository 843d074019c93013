//! A host of the inventory.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde_json::Value;

/// Where a variable was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, or the command for an executable inventory.
    pub file: PathBuf,
    /// Counted from 1, where the format tells.
    pub line: Option<usize>,
}

/// A variable of a host as it was written: `{{ }}` in it renders when it is used.
#[derive(Debug, Clone)]
pub struct Var {
    pub value: Value,
    pub origin: std::sync::Arc<Origin>,
}

/// A host of the inventory with the variables that precedence left it.
#[derive(Debug, Clone)]
pub struct Host {
    pub name: String,
    /// Every group that it is in, itself or through a child group; `all` left out, sorted by name.
    pub groups: Vec<String>,
    pub vars: IndexMap<String, Var>,
}
