//! Positions of the arguments of a call, for errors that a task or a built-in finds in one of them.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};

use crate::model::Position;
use crate::script::position::position;

/// A part of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// The argument at this index; in a method call, the subject is not counted.
    Argument(usize),
    /// A key of a literal map among the arguments.
    Key(&'a str),
}

/// The position of that part of the call at `call`. `None` if the script computes it elsewhere.
#[must_use]
pub fn argument_position(ast: &AST, call: &Position, part: Part) -> Option<Position> {
    let file = ast.source().unwrap_or_default();
    let mut found = None;
    ast.walk(&mut |nodes: &[ASTNode]| {
        let node = match nodes.last() {
            Some(
                ASTNode::Stmt(Stmt::FnCall(node, at))
                | ASTNode::Expr(Expr::FnCall(node, at) | Expr::MethodCall(node, at)),
            ) => Some((node, at)),
            _ => None,
        };
        if let Some((node, at)) = node
            && position(file, *at).as_ref() == Some(call)
        {
            found = of(node, part).and_then(|at| position(file, at));
            return found.is_none();
        }
        true
    });
    found
}

/// The same, within a call that is already known.
pub(crate) fn of(call: &FnCallExpr, part: Part) -> Option<rhai::Position> {
    match part {
        Part::Argument(index) => call.args.get(index).map(Expr::start_position),
        Part::Key(key) => call.args.iter().rev().find_map(|argument| match argument {
            Expr::Map(map, _) => map
                .0
                .iter()
                .find(|(known, _)| known.name == key)
                .map(|(known, _)| known.pos),
            _ => None,
        }),
    }
}
