//! Options: the keys of literal maps that built-ins and tasks are given.

use rhai::{Expr, FnCallExpr};

use crate::model::suggest::{did_you_mean, listed};
use crate::script::options;

use super::walk::Walk;

impl Walk<'_> {
    /// Looks at the options of a built-in that is called with the right number of arguments.
    pub(super) fn options(&mut self, name: &str, call: &FnCallExpr) {
        let known = options::known(name);
        // Those of `param` are looked at where parameters are collected.
        if known.is_empty() || name == "param" {
            return;
        }
        for argument in &call.args {
            self.keys(name, known, Some(argument));
        }
        if name == "rollout" {
            self.rollout_times(call);
        }
    }

    /// Looks at the keys of a literal map. Whether one is not known.
    pub(super) fn keys(&mut self, name: &str, known: &[&str], argument: Option<&Expr>) -> bool {
        let Some(Expr::Map(map, _)) = argument else {
            return false;
        };
        let unknown = map
            .0
            .iter()
            .map(|(key, _)| key)
            .filter(|key| !known.contains(&key.as_str()));
        let before = self.failures.len();
        for key in unknown {
            let hint = did_you_mean(key.as_str(), known.iter().copied())
                .unwrap_or_else(|| format!("The options are {}.", listed(known.iter().copied())));
            self.fail(
                key.pos,
                format!("`{name}` has no option `{}`", key.name),
                Some(hint),
            );
        }
        self.failures.len() > before
    }
}
