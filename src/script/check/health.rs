//! Health checks with literal arguments: their constructors are pure, so they are called.

use rhai::FnCallExpr;

use crate::checks::{self, Entry};

use super::walk::Walk;

/// From where a check looks is not a plain value; the run checks it.
const APART: [&str; 1] = ["from"];

impl Walk<'_> {
    /// Looks at the arguments of a check that is constructed with the right number of them.
    pub(super) fn health(&mut self, entry: &'static Entry, call: &FnCallExpr, at: rhai::Position) {
        let known = checks::option_names(entry);
        let refused = |arguments| checks::construct(entry, arguments).err();
        self.constructor(entry.name, &known, &APART, call, at, refused);
    }
}
