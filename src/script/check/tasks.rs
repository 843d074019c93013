//! Tasks with literal arguments: their constructors are pure, so they are called, and what they refuse is
//! told.

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

/// Options of every task, which the task itself does not see.
const COMMON: [&str; 1] = ["become"];

impl Walk<'_> {
    /// Looks at the arguments of a task that is called with the right number of them.
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

    /// Looks at the arguments of a constructor, and if they are literal has it called. `apart` are the
    /// options that it does not get itself.
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
        // A constructor would report the same again.
        if !found_unknown
            && let Some(arguments) = literal_arguments(call, apart)
            && let Some(error) = refused(arguments)
        {
            self.refuse(name, call, at, &error);
        }
    }

    /// Tells what is wrong with an argument, where it stands.
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

/// The arguments of a call, without the options `apart`, if all of them are literal.
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

/// Why the task cannot be made of these. What depends on a host's variables is not known here.
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
