//! Walks a script statement by statement, and tracks the visible variables.

use rhai::{Expr, FnCallExpr, Stmt};

use crate::model::{Failure, FailureKind};
use crate::script::position::position;

use super::World;
use super::closures::Closure;
use super::scope::Scope;
use super::script::Script;

pub(crate) struct Walk<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) script: &'a Script,
    pub(super) scope: Scope,
    /// The scopes around the closure that is being walked, the outermost one first.
    pub(super) around: Vec<Scope>,
    /// Inside a `fn`, which cannot see the script's variables.
    pub(super) in_function: bool,
    pub(super) failures: Vec<Failure>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(world: &'a World<'a>, script: &'a Script) -> Self {
        Walk {
            world,
            script,
            scope: Scope::default(),
            around: Vec::new(),
            in_function: false,
            failures: Vec::new(),
        }
    }

    /// Walks the top level of a script and every function.
    pub(crate) fn script(world: &'a World<'a>, script: &'a Script) -> Vec<Failure> {
        let mut walk = Self::new(world, script);
        walk.statements(script.ast.statements());
        walk.in_function = true;
        for ((name, _), function) in &script.functions {
            // A closure is walked at its place in the script.
            if !name.starts_with("anon$") {
                walk.shadow(name, function);
                walk.scope = Scope::default();
                function
                    .parameters
                    .iter()
                    .for_each(|name| walk.scope.declare(name));
                walk.statements(&function.body);
            }
        }
        walk.failures
    }

    pub(super) fn fail(
        &mut self,
        at: rhai::Position,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let failure = Failure::new(FailureKind::Input, message).at(position(&self.script.name, at));
        self.failures.push(failure.with_hint(hint));
    }

    pub(super) fn statements(&mut self, statements: &[Stmt]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn block(&mut self, statements: &[Stmt]) {
        let mark = self.scope.enter();
        self.statements(statements);
        self.scope.leave(mark);
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Var(variable, ..) => {
                self.expression(&variable.1);
                self.scope.declare(&variable.0.name);
            }
            Stmt::Expr(expression) => self.expression(expression),
            Stmt::FnCall(call, at) => self.call(call, *at),
            Stmt::Assignment(assignment) => {
                self.expression(&assignment.1.rhs);
                self.target(&assignment.1.lhs);
            }
            Stmt::If(flow, _) => {
                self.expression(&flow.expr);
                self.block(flow.body.statements());
                self.block(flow.branch.statements());
            }
            Stmt::While(flow, _) => {
                self.expression(&flow.expr);
                self.block(flow.body.statements());
            }
            Stmt::Do(flow, ..) => {
                self.block(flow.body.statements());
                self.expression(&flow.expr);
            }
            Stmt::For(parts, _) => {
                let (variable, counter, flow) = &**parts;
                self.expression(&flow.expr);
                let mark = self.scope.enter();
                self.scope.declare(&variable.name);
                if let Some(counter) = counter {
                    self.scope.declare(&counter.name);
                }
                self.block(flow.body.statements());
                self.scope.leave(mark);
            }
            Stmt::TryCatch(flow, _) => {
                self.block(flow.body.statements());
                let mark = self.scope.enter();
                if let Expr::Variable(caught, ..) = &flow.expr {
                    self.scope.declare(&caught.1);
                }
                self.block(flow.branch.statements());
                self.scope.leave(mark);
            }
            Stmt::Switch(parts, _) => {
                let (value, cases) = &**parts;
                self.expression(value);
                for case in &cases.expressions {
                    self.expression(&case.lhs);
                    self.expression(&case.rhs);
                }
            }
            Stmt::Block(block) => self.block(block.statements()),
            Stmt::Return(Some(value), ..) | Stmt::BreakLoop(Some(value), ..) => {
                self.expression(value);
            }
            Stmt::Export(export, _) => self.variable(&export.0.name, export.0.pos),
            // `Modules` has already followed the imports. Rhai creates `Share` itself, for captures.
            _ => {}
        }
    }

    pub(super) fn expression(&mut self, expression: &Expr) {
        if let Some(closure) = Closure::of(expression) {
            return self.closure(&closure, false);
        }
        match expression {
            Expr::Variable(variable, _, at) if variable.2.is_empty() => {
                self.variable(&variable.1, *at);
            }
            Expr::Variable(variable, _, at) => {
                self.qualified_variable(&variable.2, &variable.1, *at);
            }
            Expr::FnCall(call, at) => self.call(call, *at),
            Expr::MethodCall(call, at) => self.method(call, *at),
            Expr::Stmt(block) => self.block(block.statements()),
            Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => self.expressions(parts),
            Expr::Map(map, _) => map.0.iter().for_each(|(_, value)| self.expression(value)),
            Expr::Dot(pair, ..) => {
                self.changed_by_method(pair);
                self.expression(&pair.lhs);
                self.expression(&pair.rhs);
            }
            Expr::Index(pair, ..) => {
                self.expression(&pair.lhs);
                self.expression(&pair.rhs);
            }
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                self.expressions(parts);
            }
            _ => {}
        }
    }

    fn expressions(&mut self, expressions: &[Expr]) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    /// The arguments of a call. If the function calls its closures once for every host, they are treated
    /// differently.
    pub(super) fn arguments(&mut self, call: &FnCallExpr) {
        let per_host =
            !call.is_qualified() && super::closures::PER_HOST.contains(&call.name.as_str());
        for argument in &call.args {
            match (Closure::of(argument), argument) {
                (Some(closure), _) => self.closure(&closure, per_host),
                (None, Expr::Map(map, _)) if per_host => {
                    for (_, value) in &map.0 {
                        match Closure::of(value) {
                            Some(closure) => self.closure(&closure, true),
                            None => self.expression(value),
                        }
                    }
                }
                (None, _) => self.expression(argument),
            }
        }
    }
}
