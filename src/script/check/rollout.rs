//! The durations of a rollout that are known before the run: literals, and the fallbacks of parameters.

use std::time::Duration;

use rhai::{Expr, FnCallExpr};

use crate::deploy::rollout::{Present, Spec, Times};
use crate::script::convert::duration;

use super::walk::Walk;

impl Walk<'_> {
    /// Checks the durations of a rollout: with some, no host could ever pass.
    pub(super) fn rollout_times(&mut self, call: &FnCallExpr) {
        let Some(Expr::Map(map, _)) = call.args.last() else {
            return;
        };
        let value = |key: &str| map.0.iter().find(|(known, _)| known.name == key);
        let usual = Spec::new(Present::default());
        let time = |key: &str, usual: Option<Duration>| match value(key) {
            None => usual,
            Some((_, value)) => self.known_time(value),
        };
        let times = Times {
            min_healthy: time("min_healthy", Some(usual.min_healthy)),
            healthy_deadline: time("healthy_deadline", Some(usual.healthy_deadline)),
            // Its default depends on the others.
            progress_deadline: time("progress_deadline", None),
            rollback_deadline: time("rollback_deadline", Some(usual.rollback_deadline)),
        };
        let present = Present {
            healthy: value("healthy").is_some(),
            rollback_healthy: value("rollback_healthy").is_some(),
            ..Present::default()
        };
        if let Some((key, why)) = times.contradiction(present) {
            // Options that are not given have their default.
            let at = value(key).map_or(map.0.first(), Some);
            let at = at.map_or(rhai::Position::NONE, |(key, _)| key.pos);
            let hint = "For a parameter, its fallback is checked.";
            self.fail(
                at,
                format!("option `{key}` of `rollout`: {why}"),
                Some(hint.into()),
            );
        }
    }

    fn known_time(&self, value: &Expr) -> Option<Duration> {
        let literal = match value {
            Expr::Variable(variable, _, _) if variable.2.is_empty() => {
                self.script.literals.get(variable.1.as_str())?.clone()
            }
            value => value.get_literal_value(None)?,
        };
        duration(&literal).ok()
    }
}
