//! What a closure may do with its captured variables.

use rhai::{BinaryExpr, Expr};

use super::closures::{Closure, root};
use super::scope::{Binding, Scope};
use super::walk::Walk;

/// Methods whose only effect is to change the array or map that they are called on.
const CHANGING: [&str; 6] = ["push", "append", "insert", "pop", "shift", "mixin"];

impl Walk<'_> {
    /// Walks a closure, with its captured variables and its parameters.
    pub(super) fn closure(&mut self, closure: &Closure, per_host: bool) {
        for captured in &closure.captured {
            self.expression(captured);
            if let Expr::Variable(variable, _, at) = captured
                && !self.script.arities(&variable.1).is_empty()
            {
                self.is_function(&variable.1, *at);
            }
        }
        let found = self
            .script
            .functions
            .iter()
            .find(|((name, _), _)| *name == closure.name);
        let Some((_, function)) = found else { return };
        let captured = closure.captured.len();
        let bound = function.parameters.iter().enumerate().map(|(index, name)| {
            let lost = per_host || self.scope.find(name) == Some(Binding::Copied);
            let binding = if index < captured && lost {
                Binding::Copied
            } else {
                Binding::Own
            };
            (name.clone(), binding)
        });
        let inner = Scope::of(bound.collect::<Vec<_>>());
        let outer = std::mem::replace(&mut self.scope, inner);
        self.around.push(outer);
        self.statements(&function.body);
        if let Some(outer) = self.around.pop() {
            self.scope = outer;
        }
    }

    /// The left side of an assignment.
    pub(super) fn target(&mut self, target: &Expr) {
        self.expression(target);
        if let Expr::Variable(variable, _, at) = root(target)
            && variable.2.is_empty()
        {
            self.not_lost(&variable.1, *at);
        }
    }

    /// `results.push(x)` changes `results` just like an assignment.
    pub(super) fn changed_by_method(&mut self, pair: &BinaryExpr) {
        if let (Expr::Variable(variable, _, at), Expr::MethodCall(call, _)) = (&pair.lhs, &pair.rhs)
            && CHANGING.contains(&call.name.as_str())
            && !self.world.keys.contains(call.name.as_str())
        {
            self.not_lost(&variable.1, *at);
        }
    }

    fn not_lost(&mut self, name: &str, at: rhai::Position) {
        if self.scope.find(name) == Some(Binding::Copied) {
            let hint = "Every host has its own copy of it. Return a value from the closure: `each` returns \
                        all values by host.";
            let message = format!("this change to `{name}` is lost when the closure ends");
            self.fail(at, message, Some(hint.into()));
        }
    }
}
