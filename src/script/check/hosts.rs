//! The host patterns that are literals in a playbook, to be checked against an inventory.

use std::collections::HashSet;

use rhai::{ASTNode, Expr, Stmt};

use crate::model::Position;
use crate::script::playbook::Playbook;
use crate::script::position::position;

/// `hosts("web")`: the pattern and its position.
#[must_use]
pub fn host_patterns(playbook: &Playbook) -> Vec<(String, Option<Position>)> {
    calls(playbook).into_iter().flatten().collect()
}

/// Whether the playbook has a host pattern that is known only at run time.
#[must_use]
pub fn computes_patterns(playbook: &Playbook) -> bool {
    calls(playbook).iter().any(Option::is_none)
}

/// The patterns whose hosts the playbook splits up, so that it may use only some of them:
/// `hosts("web")[0]`.
#[must_use]
pub fn patterns_in_part(playbook: &Playbook) -> HashSet<String> {
    let mut found = HashSet::new();
    let modules = playbook.modules.asts();
    let scripts = std::iter::once(&playbook.ast).chain(modules.iter().map(|(_, ast)| ast));
    for ast in scripts {
        // By variable: the pattern assigned to it, and whether elements are taken out of it anywhere in the
        // script.
        let mut named: Vec<(String, String)> = Vec::new();
        let mut apart: HashSet<String> = HashSet::new();
        ast.walk(&mut |nodes: &[ASTNode]| {
            match nodes.last() {
                Some(ASTNode::Stmt(Stmt::Var(variable, ..))) => {
                    if let Some(pattern) = pattern(&variable.1) {
                        named.push((variable.0.name.to_string(), pattern));
                    }
                }
                Some(ASTNode::Expr(Expr::Index(pair, ..) | Expr::Dot(pair, ..))) => {
                    let takes_some = match &pair.rhs {
                        Expr::MethodCall(call, _) => TAKE.contains(&call.name.as_str()),
                        Expr::Dot(further, ..) | Expr::Index(further, ..) => match &further.lhs {
                            Expr::MethodCall(call, _) => TAKE.contains(&call.name.as_str()),
                            _ => true,
                        },
                        _ => true,
                    };
                    if takes_some {
                        found.extend(pattern(&pair.lhs));
                        if let Expr::Variable(variable, ..) = &pair.lhs {
                            apart.insert(variable.1.to_string());
                        }
                    }
                }
                _ => {}
            }
            true
        });
        let in_part = named.into_iter().filter(|(name, _)| apart.contains(name));
        found.extend(in_part.map(|(_, pattern)| pattern));
    }
    found
}

/// Methods of an array that return some of its elements.
const TAKE: [&str; 12] = [
    "chop", "drain", "extract", "filter", "find", "get", "pop", "remove", "retain", "shift",
    "split", "truncate",
];

/// The pattern of a call to `hosts`.
fn pattern(expression: &Expr) -> Option<String> {
    match expression {
        Expr::FnCall(call, _) if call.name == "hosts" && !call.is_qualified() => {
            match call.args.first() {
                Some(Expr::StringConstant(pattern, _)) => Some(pattern.to_string()),
                _ => None,
            }
        }
        _ => None,
    }
}

/// All calls to `hosts`. `None`: the pattern is computed.
fn calls(playbook: &Playbook) -> Vec<Option<(String, Option<Position>)>> {
    let mut found = Vec::new();
    let modules = playbook.modules.asts();
    let scripts = std::iter::once(&playbook.ast).chain(modules.iter().map(|(_, ast)| ast));
    for ast in scripts {
        let file = ast.source().unwrap_or_default();
        ast.walk(&mut |nodes: &[ASTNode]| {
            let node = nodes.last();
            if let Some(
                ASTNode::Stmt(Stmt::FnCall(call, _)) | ASTNode::Expr(Expr::FnCall(call, _)),
            ) = node
                && call.name == "hosts"
                && !call.is_qualified()
            {
                found.push(match call.args.as_slice() {
                    [Expr::StringConstant(pattern, at), ..] => {
                        Some((pattern.to_string(), position(file, *at)))
                    }
                    _ => None,
                });
            }
            true
        });
    }
    found
}
