//! What the checks of one script know about everything else.

use std::collections::{BTreeMap, HashSet};

use rhai::Engine;

use super::script::Script;
use crate::script::names::Names;
use crate::script::playbook::Playbook;

/// What one script is checked against.
pub(super) struct World<'a> {
    pub engine: &'a Engine,
    pub names: Names<'a>,
    pub playbook: &'a Playbook,
    pub scripts: BTreeMap<String, Script>,
    /// Every key that any map has anywhere: something called like a method may be a closure in a map.
    pub keys: HashSet<String>,
}

impl World<'_> {
    /// The module that a path of aliases leads to from this script.
    pub(crate) fn module<'s>(
        &'s self,
        mut script: &'s Script,
        path: &[&str],
    ) -> Option<&'s Script> {
        for alias in path {
            let import = script.imports.get(*alias)?;
            let (name, _) = self.playbook.modules.imported(&script.name, import)?;
            script = self.scripts.get(&name)?;
        }
        Some(script)
    }
}
