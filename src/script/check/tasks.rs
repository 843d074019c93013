//! Tasks with literal arguments: their constructors have no side effects, so they are called, and what they
//! refuse is reported.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use rhai::{Dynamic, Expr, FnCallExpr};

use crate::declare::{ArgumentError, Arguments};
use crate::script::artifacts::Artifacts;
use crate::script::convert::to_value;
use crate::script::{local, refusal};
use crate::tasks::{self, Artifact, Entry, Surroundings};

use super::literals::of;
use super::walk::Walk;

/// Options of every task that are not passed to the task itself.
const COMMON: [&str; 1] = ["become"];

impl Walk<'_> {
    /// Checks the arguments of a task that is called with the right number of them.
    pub(super) fn task(&mut self, namespace: &str, call: &FnCallExpr, at: rhai::Position) {
        let Some(entry) = tasks::find(namespace, &call.name) else {
            return;
        };
        let mut known = entry.manual.option_names();
        known.extend(COMMON);
        let directory = &self.world.playbook.directory;
        let refused = |arguments| refusal(entry, arguments, directory);
        self.constructor(&entry.full_name(), &known, &COMMON, call, at, refused);
    }

    /// Checks the arguments of a constructor, and calls it if they are literals. `apart` are the options
    /// that are not passed to the constructor.
    pub(super) fn constructor(
        &mut self,
        name: &str,
        known: &[&str],
        apart: &[&str],
        call: &FnCallExpr,
        at: rhai::Position,
        refused: impl Fn(Arguments) -> Option<ArgumentError>,
    ) {
        let found_unknown = self.keys(name, known, call.args.last());
        // Otherwise the constructor would report the same again.
        if !found_unknown
            && let Some(arguments) = literal_arguments(call, apart)
            && let Some(error) = refused(arguments)
        {
            self.refuse(name, call, at, &error);
        }
    }

    /// Reports what is wrong with an argument, at its position.
    pub(super) fn refuse(
        &mut self,
        name: &str,
        call: &FnCallExpr,
        at: rhai::Position,
        error: &ArgumentError,
    ) {
        let place = refusal::part(error)
            .and_then(|part| of(call, part))
            .unwrap_or(at);
        self.fail(place, refusal::message(name, error), error.hint.clone());
    }
}

/// The arguments of a call, without the options in `apart`, if all of them are literals.
fn literal_arguments(call: &FnCallExpr, apart: &[&str]) -> Option<Arguments> {
    let value = |argument: &Expr| {
        let literal: Dynamic = argument.get_literal_value(None)?;
        to_value(literal).ok()
    };
    let values: Option<Vec<_>> = call.args.iter().map(value).collect();
    let mut arguments = Arguments::new(values?);
    for key in apart {
        arguments.take_option(key);
    }
    Some(arguments)
}

/// Why the constructor refuses these arguments. Anything that depends on a host's variables is unknown here.
fn refusal(entry: &Entry, arguments: Arguments, directory: &Path) -> Option<ArgumentError> {
    let around = Around {
        directory,
        asked_for_vars: Cell::new(false),
    };
    let error = (entry.make)(arguments, &around).err()?;
    (!around.asked_for_vars.get()).then_some(error)
}

struct Around<'a> {
    directory: &'a Path,
    asked_for_vars: Cell<bool>,
}

impl Surroundings for Around<'_> {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        local::read(self.directory, path)
    }

    fn artifact(&self, path: &str) -> Result<Arc<Artifact>, String> {
        let path = local::find(self.directory, &[], path)?;
        Artifacts::default().get(&path)
    }

    fn vars(&self) -> minijinja::Value {
        self.asked_for_vars.set(true);
        minijinja::Value::UNDEFINED
    }
}
