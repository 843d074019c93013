//! The host patterns that a playbook names literally, to be held against an inventory.

use rhai::{ASTNode, Expr, Stmt};

use crate::model::Position;
use crate::script::playbook::Playbook;
use crate::script::source::position;

/// `hosts("web")`: the pattern, and where it stands.
#[must_use]
pub fn host_patterns(playbook: &Playbook) -> Vec<(String, Option<Position>)> {
    calls(playbook).into_iter().flatten().collect()
}

/// Whether the playbook names hosts with a pattern that only the run knows.
#[must_use]
pub fn computes_patterns(playbook: &Playbook) -> bool {
    calls(playbook).iter().any(Option::is_none)
}

/// All calls of `hosts`. `None`: the pattern is computed.
fn calls(playbook: &Playbook) -> Vec<Option<(String, Option<Position>)>> {
    let mut found = Vec::new();
    let modules = playbook.modules.asts();
    let scripts = std::iter::once(&playbook.ast).chain(modules.iter().map(|(_, ast)| ast));
    for ast in scripts {
        let file = ast.source().unwrap_or_default();
        ast.walk(&mut |nodes: &[ASTNode]| {
            if let Some(ASTNode::Stmt(Stmt::FnCall(call, _)) | ASTNode::Expr(Expr::FnCall(call, _))) = nodes.last()
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
