//! Options: the keys of literal maps that built-ins and tasks are given.

use rhai::{Expr, FnCallExpr};

use crate::script::options;
use crate::script::suggest::{did_you_mean, listed};

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
            let Expr::Map(map, _) = argument else {
                continue;
            };
            for (key, _) in &map.0 {
                if !known.contains(&key.as_str()) {
                    let hint = did_you_mean(key.as_str(), known.iter().copied()).or_else(|| {
                        Some(format!(
                            "The options are {}.",
                            listed(known.iter().copied())
                        ))
                    });
                    self.fail(
                        key.pos,
                        format!("`{name}` has no option `{}`", key.name),
                        hint,
                    );
                }
            }
        }
    }
}
