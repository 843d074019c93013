//! Tasks with literal arguments: their constructors are pure, so they are called, and what they refuse is told.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use rhai::{Dynamic, Expr, FnCallExpr};

use crate::script::convert::to_value;
use crate::script::local;
use crate::tasks::{self, ArgumentError, Arguments, Entry, Place, Surroundings, unknown_option};

use super::literals::{Part, of};
use super::walk::Walk;

/// Options of every task, which the task itself does not see.
const COMMON: [&str; 1] = ["become"];

impl Walk<'_> {
    /// Looks at the arguments of a task that is called with the right number of them.
    pub(super) fn task(&mut self, namespace: &str, call: &FnCallExpr, at: rhai::Position) {
        let Some(entry) = tasks::find(namespace, &call.name) else {
            return;
        };
        let unknown = unknown_keys(entry, call);
        let found_unknown = !unknown.is_empty();
        for error in unknown {
            self.refused(entry, call, at, &error);
        }
        // A constructor would tell the same again.
        if !found_unknown
            && let Some(arguments) = literal_arguments(call)
            && let Some(error) = refusal(entry, arguments, &self.world.playbook.directory)
        {
            self.refused(entry, call, at, &error);
        }
    }

    fn refused(
        &mut self,
        entry: &Entry,
        call: &FnCallExpr,
        at: rhai::Position,
        error: &ArgumentError,
    ) {
        let name = entry.full_name();
        let (part, message) = match &error.place {
            Place::Option(path) => {
                let key = path.split(['.', '[']).next().unwrap_or(path);
                (
                    Some(Part::Key(key)),
                    format!("option `{path}` of `{name}`: {}", error.message),
                )
            }
            Place::Parameter(index) => (
                Some(Part::Argument(*index)),
                format!("`{name}`: {}", error.message),
            ),
            Place::Call => (None, format!("`{name}`: {}", error.message)),
        };
        let place = part.and_then(|part| of(call, part)).unwrap_or(at);
        self.fail(place, message, error.hint.clone());
    }
}

/// Keys of the options that the task does not know, whatever their values.
fn unknown_keys(entry: &Entry, call: &FnCallExpr) -> Vec<ArgumentError> {
    let Some(Expr::Map(map, _)) = call.args.last() else {
        return Vec::new();
    };
    let known = entry.options();
    map.0
        .iter()
        .map(|(key, _)| key.as_str())
        .filter(|key| !known.contains(key) && !COMMON.contains(key))
        .map(|key| unknown_option(key, known))
        .collect()
}

fn literal_arguments(call: &FnCallExpr) -> Option<Arguments> {
    let value = |argument: &Expr| {
        let literal: Dynamic = argument.get_literal_value(None)?;
        to_value(literal).ok()
    };
    let values: Option<Vec<_>> = call.args.iter().map(value).collect();
    let mut arguments = Arguments::new(values?);
    for key in COMMON {
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
    let error = entry.construct(arguments, &around).err()?;
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

    fn vars(&self) -> Result<serde_json::Map<String, serde_json::Value>, String> {
        self.asked_for_vars.set(true);
        Ok(serde_json::Map::new())
    }
}
