//! The value of a function's body: the last expression of each path through it, and early returns.

use rhai::{Expr, FnCallExpr, Stmt};

use super::closures::Closure;

/// A value that a body returns.
pub(crate) enum Tail<'a> {
    Value(&'a Expr),
    Call(&'a FnCallExpr),
}

pub(crate) fn tails(body: &[Stmt]) -> Vec<Tail<'_>> {
    let mut found = Vec::new();
    block(body, true, &mut found);
    found
}

fn block<'a>(statements: &'a [Stmt], is_tail: bool, found: &mut Vec<Tail<'a>>) {
    for (index, statement) in statements.iter().enumerate() {
        let last = index + 1 == statements.len();
        one(statement, is_tail && last, found);
    }
}

fn one<'a>(statement: &'a Stmt, is_tail: bool, found: &mut Vec<Tail<'a>>) {
    match statement {
        Stmt::Expr(expression) => value(expression, is_tail, found),
        Stmt::FnCall(call, _) if is_tail => found.push(Tail::Call(call)),
        Stmt::If(flow, _) | Stmt::TryCatch(flow, _) => {
            block(flow.body.statements(), is_tail, found);
            block(flow.branch.statements(), is_tail, found);
        }
        Stmt::While(flow, _) | Stmt::Do(flow, ..) => block(flow.body.statements(), false, found),
        Stmt::For(parts, _) => block(parts.2.body.statements(), false, found),
        Stmt::Switch(parts, _) => {
            for case in &parts.1.expressions {
                value(&case.rhs, is_tail, found);
            }
        }
        Stmt::Block(inner) => block(inner.statements(), is_tail, found),
        // With a flag, it is a `throw`.
        Stmt::Return(Some(expression), flags, _) if flags.is_empty() => {
            value(expression, true, found);
        }
        _ => {}
    }
}

fn value<'a>(expression: &'a Expr, is_tail: bool, found: &mut Vec<Tail<'a>>) {
    match expression {
        _ if Closure::of(expression).is_some() => {}
        Expr::Stmt(inner) => block(inner.statements(), is_tail, found),
        Expr::FnCall(call, _) if is_tail => found.push(Tail::Call(call)),
        other if is_tail => found.push(Tail::Value(other)),
        _ => {}
    }
}
