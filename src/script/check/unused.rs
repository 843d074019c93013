//! Values that are made in vain: a task or a check that nobody applies or looks at, and the `()` of a method that works in
//! place, taken for its result.

use rhai::{Expr, FnCallExpr, Stmt};

use crate::deploy::health;
use crate::model::Failure;
use crate::script::names::qualify;
use crate::tasks;

use super::World;
use super::closures::Closure;
use super::script::Script;
use super::walk::Walk;

/// Functions of ours that give what the closure they are called with gives.
const GIVE_ON: [&str; 4] = ["each", "with_lock", "retry", "timeout"];

/// Functions whose closures are called for what they do.
const ONLY_CALL: [&str; 2] = ["finally", "on_failure"];

/// How many functions are followed to see what a call gives.
const DEEPEST: usize = 8;

/// Goes through a script with what becomes of each value.
pub struct Unused<'a> {
    walk: Walk<'a>,
}

impl<'a> Unused<'a> {
    pub fn of(world: &'a World<'a>, script: &'a Script) -> Vec<Failure> {
        let mut unused = Self {
            walk: Walk::new(world, script),
        };
        unused.block(script.ast.statements(), true);
        for ((name, _), function) in &script.functions {
            // A closure is gone through where it stands: there it is known what becomes of its value.
            if !name.starts_with("anon$") {
                unused.block(&function.body, false);
            }
        }
        unused.walk.failures
    }

    /// The value of a block is that of its last statement.
    fn block(&mut self, statements: &[Stmt], dropped: bool) {
        for (index, statement) in statements.iter().enumerate() {
            let last = index + 1 == statements.len();
            self.statement(statement, dropped || !last);
        }
    }

    fn statement(&mut self, statement: &Stmt, dropped: bool) {
        match statement {
            Stmt::Var(variable, ..) => self.used(&variable.1),
            Stmt::Expr(expression) => self.value(expression, dropped),
            Stmt::FnCall(call, at) => self.call(call, *at, dropped),
            Stmt::Assignment(assignment) => self.used(&assignment.1.rhs),
            Stmt::If(flow, _) => {
                self.used(&flow.expr);
                self.block(flow.body.statements(), dropped);
                self.block(flow.branch.statements(), dropped);
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                self.used(&flow.expr);
                self.block(flow.body.statements(), true);
            }
            Stmt::For(parts, _) => {
                self.used(&parts.2.expr);
                self.block(parts.2.body.statements(), true);
            }
            Stmt::TryCatch(flow, _) => {
                self.block(flow.body.statements(), dropped);
                self.block(flow.branch.statements(), dropped);
            }
            Stmt::Switch(parts, _) => {
                self.used(&parts.0);
                for case in &parts.1.expressions {
                    self.used(&case.lhs);
                    self.value(&case.rhs, dropped);
                }
            }
            Stmt::Block(block) => self.block(block.statements(), dropped),
            Stmt::Return(Some(value), ..) | Stmt::BreakLoop(Some(value), ..) => {
                self.value(value, false);
            }
            _ => {}
        }
    }

    /// An expression whose value is dropped, or goes to where nobody can tell.
    fn value(&mut self, expression: &Expr, dropped: bool) {
        if let Some(closure) = Closure::of(expression) {
            return self.closure(&closure, false);
        }
        match expression {
            Expr::FnCall(call, at) => self.call(call, *at, dropped),
            Expr::Array(items, _) if dropped => {
                items.iter().for_each(|item| self.value(item, true));
            }
            Expr::Stmt(block) => self.block(block.statements(), dropped),
            _ => self.parts(expression),
        }
    }

    /// An expression whose value is used.
    fn used(&mut self, expression: &Expr) {
        if let Some((call, at)) = last_method(expression)
            && self.works_in_place(call)
        {
            let name = &call.name;
            let hint = match name.as_str() {
                "replace" => "`replaced` gives the new string.".to_owned(),
                "trim" => "`trimmed` gives the new string.".to_owned(),
                "make_upper" => "`to_upper` gives the new string.".to_owned(),
                "make_lower" => "`to_lower` gives the new string.".to_owned(),
                _ => format!(
                    "Call it first, and use the value that it was called on: `x.{name}(...); x`."
                ),
            };
            let message = format!("`{name}` changes a value in place and gives nothing");
            self.walk.fail(at, message, Some(hint));
        }
        match (Closure::of(expression), expression) {
            // What `${...}` holds is a block.
            (None, Expr::Stmt(block)) => {
                if let Some((last, before)) = block.statements().split_last() {
                    for one in before {
                        self.statement(one, true);
                    }
                    match last {
                        Stmt::Expr(value) => self.used(value),
                        other => self.statement(other, false),
                    }
                }
            }
            _ => self.value(expression, false),
        }
    }

    /// What stands within an expression is used by it.
    fn parts(&mut self, expression: &Expr) {
        match expression {
            Expr::MethodCall(call, _) => self.arguments(call, false),
            Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => {
                parts.iter().for_each(|part| self.used(part));
            }
            Expr::Map(map, _) => map.0.iter().for_each(|(_, value)| self.used(value)),
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
                self.value(&pair.lhs, false);
                self.parts(&pair.rhs);
            }
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                parts.iter().for_each(|part| self.used(part));
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &FnCallExpr, at: rhai::Position, dropped: bool) {
        if dropped && let Some(what) = made(self.walk.world, self.walk.script, call, DEEPEST) {
            let name = full_name(call);
            let (verb, hint) = match what {
                Made::Task => ("apply", "A task changes a host when it is applied"),
                Made::Check => ("check", "A check looks at a host when it is asked to"),
            };
            let message = format!(
                "`{name}` makes {}, and nothing is done with it",
                what.shown()
            );
            let hint = format!("{hint}: `h.{verb}({name}(...))`.");
            self.walk.fail(at, message, Some(hint));
        }
        let name = call.name.as_str();
        let closures_dropped = !call.is_qualified()
            && self.walk.script.arities(name).is_empty()
            && (ONLY_CALL.contains(&name) || dropped && GIVE_ON.contains(&name));
        self.arguments(call, closures_dropped);
    }

    fn arguments(&mut self, call: &FnCallExpr, closures_dropped: bool) {
        for argument in &call.args {
            match Closure::of(argument) {
                Some(closure) => self.closure(&closure, closures_dropped),
                None => self.used(argument),
            }
        }
    }

    fn closure(&mut self, closure: &Closure, dropped: bool) {
        let function = self
            .walk
            .script
            .functions
            .iter()
            .find(|((name, _), _)| name == closure.name());
        if let Some((_, function)) = function {
            self.block(&function.body, dropped);
        }
    }

    /// Whether all that a method of this name could be gives `()`.
    fn works_in_place(&self, call: &FnCallExpr) -> bool {
        let name = call.name.as_str();
        !self.walk.world.keys.contains(name)
            && self.walk.script.arities(name).is_empty()
            && self
                .walk
                .world
                .names
                .gives_nothing(name, call.args.len() + 1)
    }
}

#[derive(Clone, Copy)]
enum Made {
    Task,
    Check,
}

impl Made {
    const fn shown(self) -> &'static str {
        match self {
            Self::Task => "a task",
            Self::Check => "a check",
        }
    }
}

fn full_name(call: &FnCallExpr) -> String {
    let path: Vec<&str> = call
        .namespace
        .path
        .iter()
        .map(rhai::Ident::as_str)
        .collect();
    qualify(&path.join("::"), &call.name)
}

/// What a call makes, if it is sure to make a task or a check.
fn made(world: &World, script: &Script, call: &FnCallExpr, deepest: usize) -> Option<Made> {
    let path: Vec<&str> = call
        .namespace
        .path
        .iter()
        .map(rhai::Ident::as_str)
        .collect();
    let name = call.name.as_str();
    let key = (name.to_owned(), call.args.len());
    let (of, function) = match path.as_slice() {
        [] => match script.functions.get(&key) {
            Some(function) => (script, function),
            None if name == "task" => return Some(Made::Task),
            None if name == "health_check" || health::find(name).is_some() => {
                return Some(Made::Check);
            }
            None => return None,
        },
        [namespace] if tasks::find(namespace, name).is_some() => return Some(Made::Task),
        path => {
            let module = world.module(script, path)?;
            (module, module.functions.get(&key)?)
        }
    };
    last_value(world, of, function.body.last()?, deepest.checked_sub(1)?)
}

/// What a function gives, by its last statement.
fn last_value(world: &World, script: &Script, last: &Stmt, deepest: usize) -> Option<Made> {
    match last {
        Stmt::FnCall(call, _) => made(world, script, call, deepest),
        Stmt::Expr(expression) => expression_value(world, script, expression, deepest),
        Stmt::Return(Some(expression), flags, _) if flags.is_empty() => {
            expression_value(world, script, expression, deepest)
        }
        _ => None,
    }
}

fn expression_value(
    world: &World,
    script: &Script,
    expression: &Expr,
    deepest: usize,
) -> Option<Made> {
    match expression {
        Expr::FnCall(call, _) => made(world, script, call, deepest),
        Expr::Array(items, _) => expression_value(world, script, items.first()?, deepest),
        _ => None,
    }
}

/// The method call that a chain of dots ends with.
fn last_method(expression: &Expr) -> Option<(&FnCallExpr, rhai::Position)> {
    match expression {
        Expr::Dot(pair, ..) => match &pair.rhs {
            Expr::MethodCall(call, at) => Some((call, *at)),
            further => last_method(further),
        },
        _ => None,
    }
}
