//! Calls that certainly return a task or a check, which does nothing by itself.

use rhai::{Expr, FnCallExpr, Stmt};

use crate::checks;
use crate::script::names::qualify;
use crate::tasks;

use super::World;
use super::bodies::Function;
use super::script::Script;

/// How many nested functions are followed to find out what a call returns.
pub(crate) const DEEPEST: usize = 8;

#[derive(Clone, Copy)]
pub(crate) enum Made {
    Task,
    Check,
}

impl Made {
    pub(crate) const fn shown(self) -> &'static str {
        match self {
            Self::Task => "a task",
            Self::Check => "a check",
        }
    }

    /// What to do with it, for a hint.
    pub(crate) fn advice(self, shown: &str) -> String {
        let (verb, sentence) = match self {
            Self::Task => ("apply", "A task changes a host only when it is applied"),
            Self::Check => ("check", "A check runs only when it is requested"),
        };
        format!("{sentence}: `h.{verb}({shown})`.")
    }
}

pub(crate) fn full_name(call: &FnCallExpr) -> String {
    qualify(&path(call).join("::"), &call.name)
}

fn path(call: &FnCallExpr) -> Vec<&str> {
    let path = call.namespace.path.iter();
    path.map(rhai::Ident::as_str).collect()
}

/// The script function that a call leads to, with its script.
pub(crate) fn function<'w>(
    world: &'w World,
    script: &'w Script,
    call: &FnCallExpr,
) -> Option<(&'w Script, &'w Function)> {
    let path = path(call);
    let of = if path.is_empty() {
        script
    } else {
        world.module(script, &path)?
    };
    let key = (call.name.to_string(), call.args.len());
    Some((of, of.functions.get(&key)?))
}

/// The kind of value that a call returns, if it certainly returns a task or a check.
pub(crate) fn made(
    world: &World,
    script: &Script,
    call: &FnCallExpr,
    deepest: usize,
) -> Option<Made> {
    let name = call.name.as_str();
    if let [namespace] = path(call).as_slice()
        && tasks::find(namespace, name).is_some()
    {
        return Some(Made::Task);
    }
    match function(world, script, call) {
        Some((of, function)) => {
            last_value(world, of, function.body.last()?, deepest.checked_sub(1)?)
        }
        None if call.is_qualified() => None,
        None if name == "task" => Some(Made::Task),
        None => (name == "health_check" || checks::find(name).is_some()).then_some(Made::Check),
    }
}

/// What a function returns, judged by its last statement.
fn last_value(world: &World, script: &Script, last: &Stmt, deepest: usize) -> Option<Made> {
    match last {
        Stmt::FnCall(call, _) => made(world, script, call, deepest),
        Stmt::Expr(expression) => value(world, script, expression, deepest),
        Stmt::Return(Some(expression), flags, _) if flags.is_empty() => {
            value(world, script, expression, deepest)
        }
        _ => None,
    }
}

/// What an expression creates: a call, or an array that begins with one.
pub(crate) fn value(
    world: &World,
    script: &Script,
    expression: &Expr,
    deepest: usize,
) -> Option<Made> {
    match expression {
        Expr::FnCall(call, _) => made(world, script, call, deepest),
        Expr::Array(items, _) => value(world, script, items.first()?, deepest),
        _ => None,
    }
}
