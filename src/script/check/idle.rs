//! Variables that hold a task, a check, or an array of them, and are never read.

use std::collections::{BTreeMap, HashSet};

use rhai::{ASTFlags, ASTNode, Expr, Position, Stmt};

use crate::model::{Failure, FailureKind};
use crate::script::position::position;

use super::World;
use super::made::{DEEPEST, Made, value};
use super::script::Script;

/// Methods that add to an array. This does not count as reading it.
const ADD: [&str; 3] = ["append", "insert", "push"];

/// Works by name: a variable counts as read if a variable of that name is read anywhere in the script. A name
/// that begins with `_` is meant to be unused.
pub(crate) fn idle(world: &World, script: &Script) -> Vec<Failure> {
    let mut held: BTreeMap<String, (Position, Made, &str)> = BTreeMap::new();
    let mut read: HashSet<String> = HashSet::new();
    script.ast.walk(&mut |nodes: &[ASTNode]| {
        match nodes {
            [.., ASTNode::Stmt(Stmt::Var(variable, flags, _))] => {
                let (name, made) = (&variable.0, value(world, script, &variable.1, DEEPEST));
                if flags.contains(ASTFlags::EXPORTED) {
                    read.insert(name.name.to_string());
                } else if let Some(made) = made {
                    let what = match &variable.1 {
                        Expr::Array(..) => "an array of tasks",
                        _ => made.shown(),
                    };
                    let entry = held.entry(name.name.to_string());
                    entry.or_insert((name.pos, made, what));
                }
            }
            [.., ASTNode::Stmt(Stmt::Export(export, _))] => {
                read.insert(export.0.name.to_string());
            }
            [.., ASTNode::Expr(Expr::Dot(pair, ..))] => {
                if let (Expr::Variable(variable, _, at), Expr::MethodCall(call, _)) =
                    (&pair.lhs, &pair.rhs)
                    && ADD.contains(&call.name.as_str())
                    && let Some(made) = call
                        .args
                        .last()
                        .and_then(|last| value(world, script, last, DEEPEST))
                {
                    let entry = held.entry(variable.1.to_string());
                    entry.or_insert((*at, made, "an array of tasks"));
                }
            }
            [
                ..,
                parent,
                ASTNode::Expr(expression @ Expr::Variable(variable, ..)),
            ] if !only_written(parent, expression) => {
                read.insert(variable.1.to_string());
            }
            [ASTNode::Expr(Expr::Variable(variable, ..))] => {
                read.insert(variable.1.to_string());
            }
            _ => {}
        }
        true
    });
    held.into_iter()
        .filter(|(name, _)| !name.starts_with('_') && !read.contains(name))
        .map(|(name, (at, made, what))| {
            let message = format!("`{name}` holds {what} but is never used");
            Failure::new(FailureKind::Input, message)
                .at(position(&script.name, at))
                .with_hint(Some(made.advice(&name)))
        })
        .collect()
}

/// Whether this use of a variable only changes it, or only captures it in a closure that may read it.
fn only_written(parent: &ASTNode, variable: &Expr) -> bool {
    match parent {
        ASTNode::Stmt(Stmt::Assignment(assignment)) => {
            std::ptr::eq(&raw const assignment.1.lhs, variable)
        }
        ASTNode::Expr(Expr::Dot(pair, ..)) => {
            std::ptr::eq(&raw const pair.lhs, variable)
                && matches!(&pair.rhs, Expr::MethodCall(call, _) if ADD.contains(&call.name.as_str()))
        }
        ASTNode::Expr(Expr::FnCall(call, _)) => call.name == "curry",
        _ => false,
    }
}
