//! Health checks with literal arguments: their constructors are pure, so they are called.

use rhai::{Dynamic, Expr, FnCallExpr};

use crate::deploy::health::{Entry, Vantage};
use crate::script::convert::to_value;
use crate::tasks::Arguments;

use super::walk::Walk;

impl Walk<'_> {
    /// Looks at the arguments of a check that is constructed with the right number of them.
    pub(super) fn health(&mut self, entry: &'static Entry, call: &FnCallExpr, at: rhai::Position) {
        let found_unknown = self.keys(entry.name, &entry.options(), call.args.last());
        // A constructor would tell the same again.
        if !found_unknown
            && let Some(arguments) = literal_arguments(call)
            && let Err(error) = entry.construct(arguments, Vantage::Host)
        {
            self.refuse(entry.name, call, at, &error);
        }
    }
}

fn literal_arguments(call: &FnCallExpr) -> Option<Arguments> {
    let value = |argument: &Expr| {
        let literal: Dynamic = argument.get_literal_value(None)?;
        to_value(literal).ok()
    };
    let values: Option<Vec<_>> = call.args.iter().map(value).collect();
    let mut arguments = Arguments::new(values?);
    // From where it is looked is no plain value, and the run looks at it.
    arguments.take_option("from");
    Some(arguments)
}
