//! Options: the literal maps that are passed to built-ins and tasks.

use rhai::{Expr, FnCallExpr};

use crate::checks;
use crate::declare::{ArgumentError, Arguments, Place, Value};
use crate::script::builtins::with_options;
use crate::script::convert::to_value;
use crate::script::options::unknown;
use crate::script::params;
use crate::script::refusal;

use super::walk::Walk;

impl Walk<'_> {
    /// Checks the options of a built-in that is called with the right number of arguments.
    pub(super) fn options(&mut self, name: &str, call: &FnCallExpr, at: rhai::Position) {
        let Some(function) = with_options(name) else {
            return;
        };
        let known = option_names(name);
        let mut found_unknown = false;
        for argument in &call.args {
            found_unknown |= self.keys(name, &known, Some(argument));
        }
        if found_unknown {
            return;
        }
        for argument in &call.args {
            // Values that are not literals, such as closures, are left out, so the kit cannot report a
            // missing option.
            let Some(literals) = literals(argument) else {
                continue;
            };
            let (own, common): (Vec<_>, Vec<_>) = literals
                .into_iter()
                .partition(|(key, _)| function.manual.option_names().contains(&key.as_str()));
            let mut checked = vec![(function.check)(Arguments::new(vec![Value::Map(own)]))];
            if name == checks::CUSTOM {
                checked.push(checks::check_common(Arguments::new(vec![Value::Map(
                    common,
                )])));
            }
            for error in checked.into_iter().filter_map(Result::err) {
                if matches!(error.place, Place::Option(_)) {
                    self.refuse(name, call, at, &error);
                }
            }
        }
        self.required(name, call, at);
        if name == "rollout" {
            self.rollout_times(call);
        }
    }

    /// Checks that a literal definition lacks nothing.
    fn required(&mut self, name: &str, call: &FnCallExpr, at: rhai::Position) {
        let Some(Expr::Map(map, _)) = call.args.last() else {
            return;
        };
        for key in required(name) {
            if !map.0.iter().any(|(given, _)| given.name == *key) {
                let error = ArgumentError::option(*key, "is required");
                self.fail(at, refusal::message(name, &error), None);
            }
        }
    }

    /// Checks the keys of a literal map. Returns whether one is unknown.
    pub(super) fn keys(&mut self, name: &str, known: &[&str], argument: Option<&Expr>) -> bool {
        let Some(Expr::Map(map, _)) = argument else {
            return false;
        };
        let before = self.failures.len();
        for (key, _) in &map.0 {
            if let Some(failure) = unknown(name, key.as_str(), known.iter().copied()) {
                self.fail(key.pos, failure.message, failure.hint);
            }
        }
        self.failures.len() > before
    }
}

/// The literal values of a literal map.
fn literals(argument: &Expr) -> Option<Vec<(String, Value)>> {
    let Expr::Map(map, _) = argument else {
        return None;
    };
    let literal = |(key, value): &(rhai::Ident, Expr)| {
        let value = to_value(value.get_literal_value(None)?).ok()?;
        (value != Value::Null).then(|| (key.name.to_string(), value))
    };
    Some(map.0.iter().filter_map(literal).collect())
}

/// The keys that a function cannot do without.
fn required(name: &str) -> &'static [&'static str] {
    match name {
        checks::CUSTOM => &["name", "script", "verdict"],
        "task" => &["name", "probe", "plan"],
        "rollout" => &["update"],
        _ => &[],
    }
}

/// The options that the reference lists for a built-in.
#[must_use]
pub fn option_names(name: &str) -> Vec<&'static str> {
    match with_options(name) {
        Some(function) => {
            let mut names = function.manual.option_names();
            if name == checks::CUSTOM {
                names.extend(checks::common_names());
            }
            names
        }
        None if name == "param" => params::OPTIONS.to_vec(),
        None => Vec::new(),
    }
}
