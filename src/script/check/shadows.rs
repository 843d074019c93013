//! Script functions that replace built-in ones: `h.undo()` would call `fn undo()`, and `fail("why")` would
//! call `fn fail(x)`.

use rhai::{ASTNode, Expr, FnCallExpr, Stmt};

use crate::script::names::{METHODS, Names, Signature};

use super::bodies::Function;
use super::walk::Walk;

impl Walk<'_> {
    /// Checks the name of a function that the script defines.
    pub(super) fn shadow(&mut self, name: &str, function: &Function) {
        let count = function.parameters.len();
        if !self.world.names.has(name) {
            return;
        }
        let own = Names::own(self.world.engine);
        let subjects = subjects(&own, name, count);
        let (message, hint) = if !subjects.is_empty() {
            let message = format!("`{name}` is a method of {}", subjects.join(", "));
            let every =
                format!("Every `.{name}(...)` in this file would call this function instead");
            (message, every)
        } else if self.is_function_of_ours(&own, name, count) {
            let message = format!("`{name}` is a function of ops");
            let every =
                format!("Every `{name}(...)` in this file would call this function instead");
            (message, every)
        } else if self.is_method_by_mistake(name, function) {
            let message = format!("`{name}` is already a method, and this file calls it");
            let every = format!("`.{name}(...)` calls this function instead");
            (message, every)
        } else {
            return;
        };
        let at = self
            .text()
            .and_then(|text| defined_at(&text, name, function.at))
            .unwrap_or(function.at);
        self.fail(at, message, Some(format!("{hint}. Give it another name.")));
    }

    /// Whether calls of a built-in function would call this one. A module's functions are called with the
    /// module's name as a prefix, so for a module, only calls within it count.
    fn is_function_of_ours(&self, own: &Names<'_>, name: &str, count: usize) -> bool {
        let mut ours = own.of_name(name).into_iter();
        if !ours.any(|known| known.parameters.len() == count && subject(&known).is_none()) {
            return false;
        }
        let is_playbook = self.script.name == self.world.playbook.name;
        is_playbook
            || self.calls(|node| match node {
                ASTNode::Stmt(Stmt::FnCall(call, _)) | ASTNode::Expr(Expr::FnCall(call, _)) => {
                    !call.is_qualified() && is_call(call, name, count)
                }
                _ => false,
            })
    }

    /// Whether the script calls one of Rhai's methods and would get this function, which does not use `this`.
    fn is_method_by_mistake(&self, name: &str, function: &Function) -> bool {
        let count = function.parameters.len();
        self.world
            .names
            .arities(name)
            .any(|arity| arity == count + 1)
            && !self.world.keys.contains(name)
            && !function.uses_this
            && self.calls(|node| match node {
                ASTNode::Expr(Expr::MethodCall(call, _)) => is_call(call, name, count),
                _ => false,
            })
    }

    /// Whether any node in the script is such a call.
    fn calls(&self, is: impl Fn(&ASTNode) -> bool) -> bool {
        let mut found = false;
        self.script.ast.walk(&mut |nodes: &[ASTNode]| {
            found |= nodes.last().is_some_and(&is);
            !found
        });
        found
    }

    fn text(&self) -> Option<std::sync::Arc<str>> {
        self.world.playbook.sources.text(&self.script.name)
    }
}

fn is_call(call: &FnCallExpr, name: &str, count: usize) -> bool {
    call.name == name && call.args.len() == count
}

/// The types that have a built-in method with this name and number of arguments.
fn subjects(own: &Names<'_>, name: &str, arguments: usize) -> Vec<String> {
    let signatures = own.of_name(name);
    let mut found: Vec<String> = signatures
        .iter()
        .filter(|signature| signature.parameters.len() == arguments + 1)
        .filter_map(|signature| subject(signature).map(ToOwned::to_owned))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The type that a method belongs to. A function that takes a string is not a method of strings.
fn subject(signature: &Signature) -> Option<&str> {
    let kind = signature.parameters.first()?.kind.as_str();
    let is_method = METHODS.contains(&signature.name.as_str())
        || kind.starts_with(char::is_uppercase) && !kind.contains('|');
    is_method.then_some(kind)
}

/// The position of the name in the last `fn NAME` before the body. Rhai knows only the position of the body.
fn defined_at(text: &str, name: &str, body: rhai::Position) -> Option<rhai::Position> {
    let last = body.line()?;
    let lines: Vec<&str> = text.lines().take(last).collect();
    lines.iter().enumerate().rev().find_map(|(index, line)| {
        let column = name_of_function(line, name)?;
        Some(rhai::Position::new(
            u16::try_from(index + 1).ok()?,
            u16::try_from(column).ok()?,
        ))
    })
}

/// The column of the name in a line that contains `fn NAME`.
fn name_of_function(line: &str, name: &str) -> Option<usize> {
    let start = line.find("fn ")? + "fn ".len();
    let rest = &line[start..];
    let gap = rest.len() - rest.trim_start().len();
    let behind = rest[gap..].strip_prefix(name)?;
    let ends = !behind.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    ends.then(|| line[..start + gap].chars().count() + 1)
}
