//! The functions of a script with their bodies.

use std::collections::BTreeMap;

use rhai::{AST, ASTNode, Expr, Module, ScriptFuncDef, Shared, Stmt};

/// A function or a closure.
#[derive(Debug, Default)]
pub(crate) struct Function {
    pub parameters: Vec<String>,
    pub body: Vec<Stmt>,
    pub is_private: bool,
    /// Whether it uses `this`.
    pub uses_this: bool,
    /// Where the body begins.
    pub at: rhai::Position,
}

/// By name and number of parameters. Closures are among them: their names start with `anon$`.
pub(crate) type Functions = BTreeMap<(String, usize), Function>;

pub(crate) fn functions(ast: &AST) -> Functions {
    let mut functions = Functions::new();
    for definition in ast.iter_fn_def() {
        let key = (definition.name.to_string(), definition.params.len());
        // Functions that differ only in the type of `this` are merged.
        let function = functions.entry(key).or_default();
        function.parameters = definition.params.iter().map(ToString::to_string).collect();
        function.at = definition.body.start_position();
        function.is_private = definition.access.is_private();
        function
            .body
            .extend(body(definition, &mut function.uses_this));
    }
    functions
}

/// Rhai gives access to a body only through a walk over all functions. So this walks a script that contains
/// only this one.
fn body(definition: &Shared<ScriptFuncDef>, uses_this: &mut bool) -> Vec<Stmt> {
    let mut body = Vec::new();
    let mut only = Module::new();
    only.set_script_fn(Shared::clone(definition));
    AST::new([], only).walk(&mut |nodes: &[ASTNode]| {
        match nodes {
            [ASTNode::Stmt(statement)] => body.push((*statement).clone()),
            [.., ASTNode::Expr(Expr::ThisPtr(_))] => *uses_this = true,
            _ => {}
        }
        true
    });
    body
}
