//! The functions of a script with their bodies.

use std::collections::HashMap;

use rhai::{AST, ASTNode, Stmt};

/// A function or a closure.
#[derive(Debug)]
pub struct Function {
    pub parameters: Vec<String>,
    pub body: Vec<Stmt>,
    pub is_private: bool,
}

/// By name and number of parameters. Closures are among them: their names start with `anon$`.
pub type Functions = HashMap<(String, usize), Function>;

pub fn functions(ast: &AST) -> Functions {
    ast.iter_functions()
        .map(|function| {
            let (name, count) = (function.name, function.params.len());
            let function = Function {
                parameters: function
                    .params
                    .iter()
                    .map(|&name| name.to_owned())
                    .collect(),
                body: body(ast, name, count),
                is_private: function.access.is_private(),
            };
            ((name.to_owned(), count), function)
        })
        .collect()
}

/// Rhai gives no access to a body but through a walk over all of them: so walk a script that has only this one.
fn body(ast: &AST, name: &str, count: usize) -> Vec<Stmt> {
    let mut body = Vec::new();
    // `clone_functions_only_filtered` would keep all of them: it passes over its filter.
    let mut only = ast.clone_functions_only();
    only.retain_functions(|_, _, known, parameters| known == name && parameters == count);
    only.walk(&mut |nodes: &[ASTNode]| {
        if let [ASTNode::Stmt(statement)] = nodes {
            body.push((*statement).clone());
        }
        true
    });
    body
}
