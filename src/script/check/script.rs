//! What the checks know about one script before they walk it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rhai::{AST, ASTFlags, ASTNode, Dynamic, Expr, Stmt};

use super::bodies::{Functions, functions};

/// A playbook or a module.
pub(crate) struct Script {
    pub name: String,
    pub ast: Arc<AST>,
    pub functions: Functions,
    /// The modules by their alias in `import "PATH" as ALIAS`: alias to path.
    pub imports: BTreeMap<String, String>,
    /// Top-level variables that are never assigned again, with what is known of their value: a literal, or
    /// the fallback of a parameter.
    pub literals: BTreeMap<String, Dynamic>,
    /// Top-level constants: `global::NAME` in a function.
    pub constants: BTreeSet<String>,
    /// Top-level variables, including constants.
    pub variables: BTreeSet<String>,
    /// The names that an importer sees as `alias::NAME`.
    pub exports: BTreeSet<String>,
    /// Keys of literal maps, and properties that are assigned.
    pub keys: BTreeSet<String>,
}

/// A value that is known before the run: a literal, or the fallback of a parameter.
fn literal(value: &Expr) -> Option<Dynamic> {
    let Expr::FnCall(call, _) = value else {
        return value.get_literal_value(None);
    };
    if call.name != "param" {
        return None;
    }
    let Some(Expr::Map(options, _)) = call.args.last() else {
        return None;
    };
    let (_, fallback) = options.0.iter().find(|(key, _)| key.name == "fallback")?;
    fallback.get_literal_value(None)
}

impl Script {
    pub(crate) fn of(name: String, ast: &Arc<AST>) -> Self {
        let mut script = Self {
            name,
            functions: functions(ast),
            imports: BTreeMap::new(),
            literals: BTreeMap::new(),
            constants: BTreeSet::new(),
            variables: BTreeSet::new(),
            exports: BTreeSet::new(),
            keys: BTreeSet::new(),
            ast: Arc::clone(ast),
        };
        for statement in ast.statements() {
            script.top_level(statement);
        }
        ast.walk(&mut |nodes: &[ASTNode]| {
            match nodes.last() {
                Some(ASTNode::Stmt(Stmt::Import(import, _))) => {
                    if let Expr::StringConstant(path, _) = &import.0 {
                        script
                            .imports
                            .insert(import.1.name.to_string(), path.to_string());
                    }
                }
                Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                    script.assigned(&assignment.1.lhs);
                    if let Expr::Variable(variable, _, _) = &assignment.1.lhs {
                        script.literals.remove(variable.1.as_str());
                    }
                }
                Some(ASTNode::Expr(Expr::Map(map, _))) => {
                    script
                        .keys
                        .extend(map.0.iter().map(|(key, _)| key.name.to_string()));
                }
                _ => {}
            }
            true
        });
        script
    }

    fn top_level(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Var(variable, flags, _) => {
                let name = variable.0.name.to_string();
                if flags.contains(ASTFlags::CONSTANT) {
                    self.constants.insert(name.clone());
                }
                if flags.contains(ASTFlags::EXPORTED) {
                    self.exports.insert(name.clone());
                }
                if let Some(value) = literal(&variable.1) {
                    self.literals.insert(name.clone(), value);
                }
                self.variables.insert(name);
            }
            Stmt::Export(export, _) => {
                let (name, alias) = &**export;
                let seen = if alias.is_empty() { name } else { alias };
                self.exports.insert(seen.name.to_string());
            }
            _ => {}
        }
    }

    /// `x.a.b = ...` makes `b` a known key.
    fn assigned(&mut self, target: &Expr) {
        match target {
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => self.assigned(&pair.rhs),
            Expr::Property(property, _) => {
                self.keys.insert(property.2.to_string());
            }
            Expr::StringConstant(key, _) => {
                self.keys.insert(key.to_string());
            }
            _ => {}
        }
    }

    /// The functions with this name that the user wrote, by number of parameters.
    pub(crate) fn arities(&self, name: &str) -> Vec<usize> {
        self.functions
            .range((name.to_owned(), 0)..)
            .map_while(|((known, count), _)| (known == name).then_some(*count))
            .collect()
    }

    /// The names of its functions, without closures.
    pub(crate) fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions
            .keys()
            .map(|(name, _)| name.as_str())
            .filter(|name| !name.starts_with("anon$"))
    }
}
