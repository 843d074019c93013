//! Undefined variables.

use rhai::Namespace;

use crate::model::suggest::{did_you_mean, listed};

use super::script::Script;
use super::walk::Walk;

/// The namespace of the script's own constants.
const GLOBAL: &str = "global";

impl Walk<'_> {
    pub(super) fn variable(&mut self, name: &str, at: rhai::Position) {
        if self.scope.find(name).is_some() {
            return;
        }
        // The name of a function can be used as a value.
        if !self.script.arities(name).is_empty() {
            if self.around.iter().any(|scope| scope.find(name).is_some()) {
                self.is_function(name, at);
            }
            return;
        }
        let hint = if self.in_function && self.script.constants.contains(name) {
            Some(format!(
                "In a `fn`, write `global::{name}` for a constant of the script."
            ))
        } else if self.in_function && self.script.variables.contains(name) {
            Some(format!(
                "A `fn` cannot see the script's variables: pass it as a parameter, or declare \
                     `const {name}` at the \
                 top level and write `global::{name}`.",
            ))
        } else if self.script.variables.contains(name) {
            Some("It is declared further down.".into())
        } else if self.world.names.has(name) {
            Some(format!("`{name}` is a function: write `{name}(...)`."))
        } else {
            match name {
                "null" | "nil" | "None" | "none" | "undefined" => {
                    Some("The empty value is written `()`.".into())
                }
                "True" | "False" => Some(format!("Write `{}`.", name.to_lowercase())),
                _ => did_you_mean(name, self.scope.names()),
            }
        };
        self.fail(at, format!("unknown variable `{name}`"), hint);
    }

    /// Rhai passes the function to a closure if a variable outside it has the name of a function.
    pub(super) fn is_function(&mut self, name: &str, at: rhai::Position) {
        let message = format!("in this closure `{name}` is the function, not the variable");
        let hint = "A closure cannot capture a variable that has the name of a function. Rename one of the \
                    two.";
        self.fail(at, message, Some(hint.into()));
    }

    pub(super) fn qualified_variable(
        &mut self,
        namespace: &Namespace,
        name: &str,
        at: rhai::Position,
    ) {
        let path: Vec<&str> = namespace.path.iter().map(rhai::Ident::as_str).collect();
        if path == [GLOBAL] {
            if !self.script.constants.contains(name) {
                let hint = if self.script.variables.contains(name) {
                    Some(format!(
                        "Only constants can be read this way: `const {name} = ...`."
                    ))
                } else {
                    did_you_mean(name, self.script.constants.iter().map(String::as_str))
                };
                self.fail(at, format!("unknown constant `{name}`"), hint);
            }
            return;
        }
        match self.module(&path) {
            Some(module) if module.exports.contains(name) => {}
            Some(module) => {
                let shown = path.join("::");
                let hint = if module.variables.contains(name) {
                    Some(format!(
                        "It exists but is not exported. Write `export const {name} = ...`."
                    ))
                } else {
                    did_you_mean(name, module.exports.iter().map(String::as_str))
                };
                self.fail(at, format!("`{shown}` does not export `{name}`"), hint);
            }
            None => self.unknown_namespace(namespace),
        }
    }

    /// The module that a path of aliases leads to.
    pub(super) fn module(&self, path: &[&str]) -> Option<&Script> {
        self.world.module(self.script, path)
    }

    pub(super) fn unknown_namespace(&mut self, namespace: &Namespace) {
        let name: Vec<&str> = namespace.path.iter().map(rhai::Ident::as_str).collect();
        let imported = |alias: &&str| self.script.imports.contains_key(*alias);
        if name.first().is_some_and(imported) && self.module(&name[..1]).is_none() {
            // Its import failed, and that has already been reported.
            return;
        }
        let name = name.join("::");
        let mut known = self.world.names.namespaces();
        known.extend(self.script.imports.keys().map(String::as_str));
        let standard = crate::script::modules::stdlib::text(&name).is_some();
        let hint = if standard {
            Some(format!("Import it: `import \"std/{name}\" as {name};`."))
        } else {
            did_you_mean(&name, known.iter().copied()).or_else(|| {
                Some(format!(
                    "The namespaces are {}.",
                    listed(known.iter().copied())
                ))
            })
        };
        self.fail(
            namespace.position(),
            format!("unknown namespace `{name}::`"),
            hint,
        );
    }
}
