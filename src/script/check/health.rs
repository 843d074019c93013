//! Health checks with literal arguments: their constructors have no side effects, so they are called.

use rhai::FnCallExpr;

use crate::checks::{self, Entry};

use super::walk::Walk;

/// The machine that a check runs on is not a plain value; it is checked at run time.
const APART: [&str; 1] = ["from"];

impl Walk<'_> {
    /// Checks the arguments of a health check that has the right number of them.
    pub(super) fn health(&mut self, entry: &'static Entry, call: &FnCallExpr, at: rhai::Position) {
        let known = checks::option_names(entry);
        let refused = |arguments| checks::construct(entry, arguments).err();
        self.constructor(entry.name, &known, &APART, call, at, refused);
    }
}
