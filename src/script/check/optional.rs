//! Optional parameters, which are `()` if not given: reports one that is used as text and never tested, or
//! compared with `""`, which it never is.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Module, Position, Stmt};

use crate::model::{Failure, FailureKind};
use crate::script::position::position;

use super::closures::Closure;
use super::script::Script;

/// How a variable is used.
#[derive(Default)]
struct Uses {
    /// Compared with `()`, or replaced by another value.
    is_tested: bool,
    /// Used as text.
    as_text: Vec<Position>,
    /// Compared with `""`.
    with_empty: Vec<Position>,
}

pub(crate) fn failures(script: &Script) -> Vec<Failure> {
    let mut failures = Vec::new();
    for name in optional(script.ast.statements()) {
        let mut uses = Uses::default();
        uses.look(script, script.ast.statements(), name);
        let mut fail = |at: Position, message: String, hint: String| {
            let failure = Failure::new(FailureKind::Input, message);
            failures.push(failure.at(position(&script.name, at)).hint(hint));
        };
        for at in uses.with_empty {
            fail(
                at,
                format!("`{name}` is `()`, not `\"\"`, if the optional parameter is not given"),
                format!("Write `{name} == ()` or `{name} != ()`."),
            );
        }
        if uses.is_tested {
            continue;
        }
        for at in uses.as_text {
            fail(
                at,
                format!(
                    "`{name}` is used as text, but it is `()` if the optional parameter is not given"
                ),
                format!(
                    "Test it first (`if {name} != () {{ ... }}`), write `{name} ?? \"...\"`, or \
                     declare a `fallback`."
                ),
            );
        }
    }
    failures
}

/// The top-level variables that hold an optional parameter.
fn optional(statements: &[Stmt]) -> impl Iterator<Item = &str> {
    statements.iter().filter_map(|statement| match statement {
        Stmt::Var(variable, ..) => match &variable.1 {
            Expr::FnCall(call, _) if declares_optional(call) => Some(variable.0.name.as_str()),
            _ => None,
        },
        _ => None,
    })
}

fn declares_optional(call: &FnCallExpr) -> bool {
    let Some(Expr::Map(options, _)) = call.args.last() else {
        return false;
    };
    let is_true = |value: &Expr| matches!(value, Expr::BoolConstant(true, _));
    call.name == "param"
        && options
            .0
            .iter()
            .any(|(key, value)| key.name == "optional" && is_true(value))
}

impl Uses {
    fn look(&mut self, script: &Script, statements: &[Stmt], name: &str) {
        let mut closures = Vec::new();
        let statements = AST::new(statements.to_vec(), Module::new());
        statements.walk(&mut |nodes: &[ASTNode]| {
            if let Some(ASTNode::Expr(expression)) = nodes.last() {
                self.note(expression, name);
                if let Some(closure) = Closure::of(expression) {
                    closures.push((closure.name().to_owned(), closure.captures()));
                }
            }
            if let Some(ASTNode::Stmt(Stmt::Switch(parts, _))) = nodes.last() {
                self.is_tested |= is(&parts.0, name);
            }
            true
        });
        for (closure, captures) in closures {
            let mut functions = script.functions.iter();
            let found = functions.find(|((known, _), _)| *known == closure);
            if let Some((_, function)) = found
                && function
                    .parameters
                    .iter()
                    .take(captures)
                    .any(|known| known == name)
            {
                self.look(script, &function.body, name);
            }
        }
    }

    fn note(&mut self, expression: &Expr, name: &str) {
        match expression {
            Expr::InterpolatedString(parts, _) => {
                let places = parts.iter().filter_map(|part| in_text(part, name));
                self.as_text.extend(places);
            }
            Expr::Coalesce(parts, _) => self.is_tested |= parts.iter().any(|part| is(part, name)),
            Expr::FnCall(call, _) => self.operands(call, name),
            Expr::Dot(pair, ..)
                if is(&pair.lhs, name) && matches!(pair.rhs, Expr::MethodCall(..)) =>
            {
                self.as_text.push(pair.lhs.start_position());
            }
            _ => {}
        }
    }

    fn operands(&mut self, call: &FnCallExpr, name: &str) {
        let Some(operand) = call.args.iter().find(|argument| is(argument, name)) else {
            return;
        };
        match call.name.as_str() {
            "==" | "!=" => {
                if call.args.iter().any(is_empty) {
                    self.with_empty.push(operand.start_position());
                }
                self.is_tested |= call
                    .args
                    .iter()
                    .any(|argument| matches!(argument, Expr::Unit(_)));
            }
            "type_of" => self.is_tested = true,
            "+" => self.as_text.push(operand.start_position()),
            _ => {}
        }
    }
}

fn is_empty(expression: &Expr) -> bool {
    matches!(expression, Expr::StringConstant(text, _) if text.is_empty())
}

fn is(expression: &Expr, name: &str) -> bool {
    matches!(expression, Expr::Variable(variable, ..) if variable.1 == name && variable.2.is_empty())
}

/// The position of `${name}`, if a part of a string is that. It is a block with one expression.
fn in_text(part: &Expr, name: &str) -> Option<Position> {
    match part {
        Expr::Stmt(block) => match block.statements() {
            [Stmt::Expr(only)] => in_text(only, name),
            _ => None,
        },
        other => is(other, name).then(|| other.start_position()),
    }
}
