//! Values that are created but not used: a task that is not applied, a check that is not run, and the `()`
//! of a method that works in place, used as its result.

use rhai::{Expr, FnCallExpr, Stmt};

use crate::model::Failure;

use super::World;
use super::closures::Closure;
use super::idle::idle;
use super::in_place::{self, last_method};
use super::made::{DEEPEST, full_name, made};
use super::script::Script;
use super::walk::Walk;

/// Built-in functions that return what their closure returns.
const PASS_THROUGH: [&str; 4] = ["each", "with_lock", "retry", "timeout"];

/// Functions whose closures are called only for their effect.
const ONLY_CALL: [&str; 2] = ["finally", "on_failure"];

/// What happens to a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Dropped,
    /// It cannot be determined whether its value is used.
    Unknown,
    Used,
}

/// Walks a script and tracks what happens to each value.
pub(crate) struct Unused<'a> {
    walk: Walk<'a>,
}

impl<'a> Unused<'a> {
    pub(crate) fn of(world: &'a World<'a>, script: &'a Script) -> Vec<Failure> {
        let mut unused = Self {
            walk: Walk::new(world, script),
        };
        unused.block(script.ast.statements(), Fate::Dropped);
        for ((name, _), function) in &script.functions {
            // A closure is walked at its place in the script, where the use of its value is known.
            if !name.starts_with("anon$") {
                unused.block(&function.body, Fate::Unknown);
                let lost = in_place::lost(world, script, function, 0);
                unused.walk.failures.extend(lost);
            }
        }
        unused.walk.failures.extend(idle(world, script));
        unused.walk.failures
    }

    /// The value of a block is that of its last statement.
    fn block(&mut self, statements: &[Stmt], fate: Fate) {
        for (index, statement) in statements.iter().enumerate() {
            let last = index + 1 == statements.len();
            self.statement(statement, if last { fate } else { Fate::Dropped });
        }
    }

    fn statement(&mut self, statement: &Stmt, fate: Fate) {
        match statement {
            Stmt::Var(variable, ..) => self.used(&variable.1),
            Stmt::Expr(expression) => self.value(expression, fate),
            Stmt::FnCall(call, at) => self.call(call, *at, fate),
            Stmt::Assignment(assignment) => self.used(&assignment.1.rhs),
            Stmt::If(flow, _) => {
                self.used(&flow.expr);
                self.block(flow.body.statements(), fate);
                self.block(flow.branch.statements(), fate);
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                self.used(&flow.expr);
                self.block(flow.body.statements(), Fate::Dropped);
            }
            Stmt::For(parts, _) => {
                self.used(&parts.2.expr);
                self.block(parts.2.body.statements(), Fate::Dropped);
            }
            Stmt::TryCatch(flow, _) => {
                self.block(flow.body.statements(), fate);
                self.block(flow.branch.statements(), fate);
            }
            Stmt::Switch(parts, _) => {
                self.used(&parts.0);
                for case in &parts.1.expressions {
                    self.used(&case.lhs);
                    self.value(&case.rhs, fate);
                }
            }
            Stmt::Block(block) => self.block(block.statements(), fate),
            Stmt::Return(Some(value), ..) | Stmt::BreakLoop(Some(value), ..) => {
                self.value(value, Fate::Unknown);
            }
            _ => {}
        }
    }

    /// An expression whose value is used.
    fn used(&mut self, expression: &Expr) {
        self.value(expression, Fate::Used);
    }

    fn value(&mut self, expression: &Expr, fate: Fate) {
        if let Some(closure) = Closure::of(expression) {
            return self.closure(&closure, Fate::Unknown);
        }
        if fate == Fate::Used
            && let Some((call, at)) = last_method(expression)
        {
            self.in_place(call, at);
        }
        match expression {
            Expr::FnCall(call, at) => self.call(call, *at, fate),
            Expr::Array(items, _) if fate == Fate::Dropped => {
                items.iter().for_each(|item| self.value(item, fate));
            }
            Expr::Map(map, _) if fate == Fate::Dropped => {
                map.0.iter().for_each(|(_, value)| self.value(value, fate));
            }
            // The content of `${...}` is a block, and so is an `if` whose value is used.
            Expr::Stmt(block) => self.block(block.statements(), fate),
            _ => self.parts(expression, fate),
        }
    }

    /// The parts of an expression are used by it.
    fn parts(&mut self, expression: &Expr, fate: Fate) {
        match expression {
            Expr::MethodCall(call, _) => {
                let asks = fate != Fate::Dropped
                    && in_place::ASK.contains(&call.name.as_str())
                    && self.walk.script.arities(&call.name).is_empty();
                let closures = if asks { Fate::Used } else { Fate::Unknown };
                self.arguments(call, closures);
            }
            Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => {
                parts.iter().for_each(|part| self.used(part));
            }
            Expr::Map(map, _) => map.0.iter().for_each(|(_, value)| self.used(value)),
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
                if let Expr::MethodCall(call, at) = &pair.lhs {
                    self.in_place(call, *at);
                }
                self.used(&pair.lhs);
                match &pair.rhs {
                    rhs @ (Expr::MethodCall(..) | Expr::Dot(..) | Expr::Index(..)) => {
                        self.parts(rhs, fate);
                    }
                    index => self.used(index),
                }
            }
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                parts.iter().for_each(|part| self.used(part));
            }
            _ => {}
        }
    }

    /// A method call whose value is used.
    fn in_place(&mut self, call: &FnCallExpr, at: rhai::Position) {
        let script = self.walk.script;
        if in_place::works_in_place(self.walk.world, script, call) {
            let failure = in_place::failure(script, call, at);
            self.walk.failures.push(failure);
        }
    }

    fn call(&mut self, call: &FnCallExpr, at: rhai::Position, fate: Fate) {
        let (world, script) = (self.walk.world, self.walk.script);
        if fate == Fate::Dropped
            && let Some(what) = made(world, script, call, DEEPEST)
        {
            let name = full_name(call);
            let message = format!(
                "`{name}` creates {}, but nothing is done with it",
                what.shown()
            );
            let hint = what.advice(&format!("{name}(...)"));
            self.walk.fail(at, message, Some(hint));
        }
        if fate == Fate::Used {
            let given = in_place::given(world, script, call, DEEPEST);
            self.walk.failures.extend(given);
        }
        let name = call.name.as_str();
        let dropped = !call.is_qualified()
            && script.arities(name).is_empty()
            && (ONLY_CALL.contains(&name) || fate == Fate::Dropped && PASS_THROUGH.contains(&name));
        let closures = if dropped {
            Fate::Dropped
        } else {
            Fate::Unknown
        };
        self.arguments(call, closures);
    }

    fn arguments(&mut self, call: &FnCallExpr, closures: Fate) {
        for argument in &call.args {
            match Closure::of(argument) {
                Some(closure) => self.closure(&closure, closures),
                None => self.used(argument),
            }
        }
    }

    fn closure(&mut self, closure: &Closure, fate: Fate) {
        let (world, script) = (self.walk.world, self.walk.script);
        let mut functions = script.functions.iter();
        if let Some((_, function)) = functions.find(|((name, _), _)| name == closure.name()) {
            self.block(&function.body, fate);
            let lost = in_place::lost(world, script, function, closure.captures());
            self.walk.failures.extend(lost);
        }
    }
}
