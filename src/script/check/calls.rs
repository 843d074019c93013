//! Calls: whether the function exists, and whether it takes this number of arguments.

use rhai::FnCallExpr;

use crate::checks;
use crate::model::suggest::{did_you_mean, nearest};
use crate::script::engine::INSTEAD_OF_EXIT;
use crate::script::names::{Signature, qualify};
use crate::script::parse::OPTIONAL;

use super::walk::Walk;

/// Names that Rhai itself handles as calls.
const KEYWORDS: [&str; 9] = [
    "call",
    "curry",
    "Fn",
    "type_of",
    "print",
    "debug",
    "is_def_var",
    "is_def_fn",
    "is_shared",
];

impl Walk<'_> {
    pub(super) fn call(&mut self, call: &FnCallExpr, at: rhai::Position) {
        let is_operator = call.is_operator_call()
            || !call
                .name
                .starts_with(|c: char| c.is_alphabetic() || c == '_');
        if !is_operator {
            if call.is_qualified() {
                self.qualified(call, at);
            } else if !KEYWORDS.contains(&call.name.as_str()) {
                self.plain(call, at);
            }
        }
        self.arguments(call);
    }

    fn plain(&mut self, call: &FnCallExpr, at: rhai::Position) {
        let (name, count) = (call.name.as_str(), call.args.len());
        let own = self.script.arities(name);
        if name == "exit" && own.is_empty() {
            return self.fail(at, "a playbook cannot exit", Some(INSTEAD_OF_EXIT.into()));
        }
        let names = &self.world.names;
        if own.contains(&count) || names.arities(name).any(|arity| arity == count) {
            if own.is_empty()
                && let Some(entry) = checks::find(name)
            {
                return self.health(entry, call, at);
            }
            if own.contains(&count) {
                self.own_options(name, call);
            } else {
                self.options(name, call, at);
            }
            return;
        }
        // Mistakes in a declaration are reported when the parameters are collected.
        if name == "param" && own.is_empty() {
            return;
        }
        if !own.is_empty() || names.has(name) {
            return self.arity(name, count, &own, &names.of_name(name), at);
        }
        let hint = if self.scope.find(name).is_some() {
            Some(format!(
                "`{name}` is a variable. A closure is called with `{name}.call(...)`."
            ))
        } else {
            other_word(name)
                .map(ToOwned::to_owned)
                .or_else(|| did_you_mean(name, names.plain().chain(self.script.function_names())))
                .or_else(|| self.elsewhere(name))
        };
        self.fail(at, format!("unknown function `{name}`"), hint);
    }

    fn qualified(&mut self, call: &FnCallExpr, at: rhai::Position) {
        let path: Vec<&str> = call
            .namespace
            .path
            .iter()
            .map(rhai::Ident::as_str)
            .collect();
        let namespace = path.join("::");
        let (name, count) = (call.name.as_str(), call.args.len());
        let full = qualify(&namespace, name);
        let names = &self.world.names;
        if let Some(module) = self.module(&path) {
            let arities = module.arities(name);
            let public = |count: &usize| {
                module
                    .functions
                    .get(&(name.to_owned(), *count))
                    .is_some_and(|function| !function.is_private)
            };
            if public(&count) {
                return self.own_options(&full, call);
            }
            let (open, private): (Vec<_>, Vec<_>) = arities.into_iter().partition(public);
            if !open.is_empty() {
                return self.arity(&full, count, &open, &[], at);
            }
            let file = module.name.clone();
            let hint = did_you_mean(name, module.function_names());
            if private.is_empty() {
                self.fail(at, format!("{file} has no function `{name}`"), hint);
            } else {
                self.fail(at, format!("`{name}` is private to {file}"), None);
            }
            return;
        }
        if names.arities(&full).any(|arity| arity == count) {
            return self.task(&namespace, call, at);
        }
        if names.has(&full) {
            return self.arity(&full, count, &[], &names.of_name(&full), at);
        }
        if names.within(&namespace).next().is_none() {
            return self.unknown_namespace(&call.namespace);
        }
        let hint = nearest(name, names.within(&namespace))
            .map(|near| format!("Did you mean `{namespace}::{near}`?"))
            .or_else(|| self.elsewhere(name));
        self.fail(at, format!("unknown function `{full}`"), hint);
    }

    /// A method call, on a value whose type is known only at run time.
    pub(super) fn method(&mut self, call: &FnCallExpr, at: rhai::Position) {
        let (name, count) = (call.name.as_str(), call.args.len());
        // `x?.key`: a property of a value whose type is known only at run time.
        if name.starts_with(OPTIONAL) {
            return;
        }
        let own = self.script.arities(name);
        let names = &self.world.names;
        let is_known = KEYWORDS.contains(&name)
            || self.world.keys.contains(name)
            || own.contains(&count)
            || names.arities(name).any(|arity| arity == count + 1);
        if is_known {
            self.options(name, call, at);
        } else if own.is_empty() && !names.has(name) {
            let names = names.plain().chain(self.script.function_names());
            let hint = did_you_mean(name, names);
            self.fail(at, format!("unknown method `{name}`"), hint);
        } else {
            let takes: Vec<usize> = names
                .arities(name)
                .map(|arity| arity.saturating_sub(1))
                .chain(own)
                .collect();
            let message = format!("the method `{name}` takes {}, not {count}", counts(takes));
            self.fail(at, message, signatures(&names.of_name(name)));
        }
        self.arguments(call);
    }

    fn arity(
        &mut self,
        name: &str,
        count: usize,
        own: &[usize],
        given: &[Signature],
        at: rhai::Position,
    ) {
        let takes: Vec<usize> = given
            .iter()
            .map(|signature| signature.parameters.len())
            .chain(own.iter().copied())
            .collect();
        let message = format!("`{name}` takes {}, not {count}", counts(takes));
        let hint = if own.is_empty() {
            signatures(given)
        } else {
            self.own_signatures(name, own)
        };
        self.fail(at, message, hint);
    }

    fn own_signatures(&self, name: &str, arities: &[usize]) -> Option<String> {
        let (namespace, plain) = name.rsplit_once("::").unwrap_or(("", name));
        let path: Vec<&str> = namespace
            .split("::")
            .filter(|part| !part.is_empty())
            .collect();
        let script = self.module(&path)?;
        let shown: Vec<String> = arities
            .iter()
            .filter_map(|count| script.functions.get(&(plain.to_owned(), *count)))
            .map(|function| format!("`{name}({})`", function.parameters.join(", ")))
            .collect();
        Some(format!("Write {}.", shown.join(" or ")))
    }

    /// A function with the same name in another namespace.
    fn elsewhere(&self, name: &str) -> Option<String> {
        let suffix = format!("::{name}");
        let mut callable = self.world.names.callable();
        let found = callable.find(|known| known.ends_with(&suffix))?;
        Some(format!("Did you mean `{found}`?"))
    }
}

fn signatures(given: &[Signature]) -> Option<String> {
    let mut shown: Vec<String> = given
        .iter()
        .take(4)
        .map(|signature| format!("`{}`", signature.shown()))
        .collect();
    shown.dedup();
    (!shown.is_empty()).then(|| format!("Write {}.", shown.join(" or ")))
}

/// `1 or 2 arguments`.
fn counts(mut takes: Vec<usize>) -> String {
    takes.sort_unstable();
    takes.dedup();
    let noun = if takes == [1] {
        "argument"
    } else {
        "arguments"
    };
    let shown: Vec<String> = takes
        .iter()
        .map(|count| {
            if *count == 0 {
                "no".to_owned()
            } else {
                count.to_string()
            }
        })
        .collect();
    format!("{} {noun}", shown.join(" or "))
}

/// What to write instead of a function of another language.
fn other_word(name: &str) -> Option<&'static str> {
    Some(match name {
        "println" | "echo" | "puts" | "printf" => "Write `log::info(...)`.",
        "str" | "string" | "String" => {
            "Write `x.to_string()`, or `${x}` in a string between backticks."
        }
        "int" => "Write `parse_int(text)`, or `x.to_int()` for a number.",
        "float" => "Write `parse_float(text)`, or `x.to_float()` for a number.",
        "raise" | "error" | "panic" | "die" | "abort" => "Write `fail(\"why\")`.",
        "getenv" => "Write `env(\"NAME\")`.",
        "include" | "require" | "source" => "Write `import \"path\" as name;`.",
        "typeof" => "Write `type_of(x)`.",
        _ => return None,
    })
}
