//! The host patterns that a playbook names literally, to be held against an inventory.

use rhai::{ASTNode, Expr, Stmt};

use crate::model::Position;
use crate::script::playbook::Playbook;
use crate::script::source::position;

/// `hosts("web")`: the pattern, and where it stands.
#[must_use]
pub fn host_patterns(playbook: &Playbook) -> Vec<(String, Option<Position>)> {
    let mut found = Vec::new();
    let modules = playbook.modules.asts();
    let scripts = std::iter::once(&playbook.ast).chain(modules.iter().map(|(_, ast)| ast));
    for ast in scripts {
        let file = ast.source().unwrap_or_default();
        ast.walk(&mut |nodes: &[ASTNode]| {
            if let Some(ASTNode::Stmt(Stmt::FnCall(call, _)) | ASTNode::Expr(Expr::FnCall(call, _))) = nodes.last()
                && call.name == "hosts"
                && !call.is_qualified()
                && let [Expr::StringConstant(pattern, at)] = call.args.as_slice()
            {
                found.push((pattern.to_string(), position(file, *at)));
            }
            true
        });
    }
    found
}
