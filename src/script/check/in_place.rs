//! Methods that change a value in place and return `()`, used as if they returned the result.

use rhai::{ASTFlags, Expr, FnCallExpr, Position};

use crate::model::{Failure, FailureKind};
use crate::script::position::position;

use super::World;
use super::bodies::Function;
use super::closures::root;
use super::made;
use super::script::Script;
use super::tails::{Tail, tails};

/// Methods of arrays that use what their closures return.
pub(crate) const ASK: [&str; 15] = [
    "all",
    "dedup",
    "drain",
    "filter",
    "find",
    "find_map",
    "index_of",
    "map",
    "none",
    "reduce",
    "reduce_rev",
    "retain",
    "some",
    "sort",
    "sort_by",
];

/// String methods that return nothing: calling one at the end of a function only makes sense to someone who
/// expects a new string.
const OF_STRINGS: [&str; 4] = ["make_lower", "make_upper", "replace", "trim"];

/// Whether every method with this name returns `()`.
pub(crate) fn works_in_place(world: &World, script: &Script, call: &FnCallExpr) -> bool {
    let name = call.name.as_str();
    !world.keys.contains(name)
        && script.arities(name).is_empty()
        && world.names.gives_nothing(name, call.args.len() + 1)
}

pub(crate) fn failure(script: &Script, call: &FnCallExpr, at: Position) -> Failure {
    let name = &call.name;
    let hint = match name.as_str() {
        "replace" => "`replaced` returns the new string.".to_owned(),
        "trim" => "`trimmed` returns the new string.".to_owned(),
        "make_upper" => "`to_upper` returns the new string.".to_owned(),
        "make_lower" => "`to_lower` returns the new string.".to_owned(),
        _ => {
            format!("Call it first, and then use the value: `x.{name}(...); x`.")
        }
    };
    let message = format!("`{name}` changes a value in place and returns nothing");
    Failure::new(FailureKind::Input, message)
        .at(position(&script.name, at))
        .with_hint(Some(hint))
}

/// The last method call in a chain of dots and indices.
pub(crate) fn last_method(expression: &Expr) -> Option<(&FnCallExpr, Position)> {
    match expression {
        Expr::Dot(pair, ..) => match &pair.rhs {
            Expr::MethodCall(call, at) => Some((call, *at)),
            further => last_method(further),
        },
        // With the flag, the chain ends here, and the rest is the index.
        Expr::Index(pair, flags, _) if !flags.contains(ASTFlags::BREAK) => last_method(&pair.rhs),
        _ => None,
    }
}

/// Failures for a function that returns the result of such a method, if the value of the call is used.
pub(crate) fn given(
    world: &World,
    script: &Script,
    call: &FnCallExpr,
    deepest: usize,
) -> Vec<Failure> {
    let (Some((of, function)), Some(deepest)) =
        (made::function(world, script, call), deepest.checked_sub(1))
    else {
        return Vec::new();
    };
    let found = tails(&function.body)
        .into_iter()
        .flat_map(|tail| match tail {
            Tail::Call(call) => given(world, of, call, deepest),
            Tail::Value(value) => last_method(value)
                .filter(|(call, _)| works_in_place(world, of, call))
                .map(|(call, at)| failure(of, call, at))
                .into_iter()
                .collect(),
        });
    found.collect()
}

/// Strings that a function changes in place as its last action, although the result is lost: its parameters
/// and variables are copies. Its first parameters may be captured variables.
pub(crate) fn lost(
    world: &World,
    script: &Script,
    function: &Function,
    captured: usize,
) -> Vec<Failure> {
    let seen_outside = |value: &Expr| match root(value) {
        Expr::ThisPtr(_) => true,
        Expr::Variable(variable, ..) => {
            let captured = function.parameters.iter().take(captured);
            captured.into_iter().any(|name| *name == *variable.1)
        }
        _ => false,
    };
    let found = tails(&function.body).into_iter().filter_map(|tail| {
        let Tail::Value(value) = tail else {
            return None;
        };
        let (call, at) = last_method(value)?;
        let is_lost = OF_STRINGS.contains(&call.name.as_str()) && !seen_outside(value);
        (is_lost && works_in_place(world, script, call)).then(|| failure(script, call, at))
    });
    found.collect()
}
