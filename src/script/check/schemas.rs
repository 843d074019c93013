//! The options of a script's own functions: a literal map in a call is checked against the schema that the
//! function passes to `options`.

use std::collections::BTreeMap;

use rhai::{Dynamic, Expr, FnCallExpr, Map, Stmt};

use crate::script::parse::{OPTIONS, has_options};
use crate::script::schema;

use super::World;
use super::made;
use super::script::Script;
use super::walk::Walk;

/// What is known of each option before the run: its fallback or its description.
type Schema = BTreeMap<String, Option<Dynamic>>;

impl Walk<'_> {
    /// Checks the options of a script function that is called with the right number of arguments.
    pub(super) fn own_options(&mut self, name: &str, call: &FnCallExpr) {
        let Some(argument @ Expr::Map(given, _)) = call.args.last() else {
            return;
        };
        let Some((script, function)) = made::function(self.world, self.script, call) else {
            return;
        };
        if !has_options(&call.name, &function.parameters) {
            return;
        }
        let Some(known) = schema_in(self.world, script, &function.body) else {
            return;
        };
        let keys: Vec<&str> = known.keys().map(String::as_str).collect();
        self.keys(name, &keys, Some(argument));
        for (key, described) in known {
            let Some(described) = described else { continue };
            let schema = Map::from([(key.as_str().into(), described)]);
            // The value in the map: missing, a literal, or known only at run time.
            let found = given.0.iter().find(|(name, _)| name.as_str() == key);
            let (at, options) = match found {
                None => (argument.start_position(), Map::new()),
                Some((name, value)) => match value.get_literal_value(None) {
                    Some(value) => (name.pos, Map::from([(key.as_str().into(), value)])),
                    None => continue,
                },
            };
            if let Err(wrong) = schema::fill(options, &schema) {
                self.fail(at, wrong.message(name), wrong.hint);
            }
        }
    }
}

/// The schema of the call `options(options, SCHEMA)` in a body, if its keys are known before the run.
fn schema_in(world: &World, script: &Script, body: &[Stmt]) -> Option<Schema> {
    body.iter().find_map(|statement| match statement {
        Stmt::Var(variable, ..) => schema_of(world, script, &variable.1),
        Stmt::Expr(expression) => schema_of(world, script, expression),
        _ => None,
    })
}

/// The schema of that call, also at the left end of a longer expression: `options(options, SCHEMA).root`.
fn schema_of(world: &World, script: &Script, expression: &Expr) -> Option<Schema> {
    match expression {
        Expr::Dot(pair, ..) => schema_of(world, script, &pair.lhs),
        Expr::FnCall(call, _) if call.name == OPTIONS && !call.is_qualified() => {
            match call.args.as_slice() {
                [Expr::Variable(variable, ..), schema] if variable.1 == OPTIONS => {
                    options(world, script, schema)
                }
                _ => None,
            }
        }
        Expr::FnCall(call, _) => call
            .args
            .iter()
            .find_map(|argument| schema_of(world, script, argument)),
        _ => None,
    }
}

/// The options of a schema: a literal map, a constant with a literal map, or a sum of them.
fn options(world: &World, script: &Script, schema: &Expr) -> Option<Schema> {
    match schema {
        Expr::Map(map, _) => {
            let known = |(key, value): &(rhai::Ident, Expr)| {
                (key.name.to_string(), value.get_literal_value(None))
            };
            Some(map.0.iter().map(known).collect())
        }
        Expr::Variable(variable, ..) => {
            let path: Vec<&str> = variable.2.path.iter().map(rhai::Ident::as_str).collect();
            let of = match path.as_slice() {
                ["global"] => script,
                path => world.module(script, path)?,
            };
            let constant = of.literals.get(variable.1.as_str())?;
            let map = constant.read_lock::<Map>()?;
            let known = map
                .iter()
                .map(|(key, value)| (key.to_string(), Some(value.clone())));
            Some(known.collect())
        }
        Expr::FnCall(call, _) if call.name == "+" => {
            let mut all = Schema::new();
            for part in &call.args {
                all.extend(options(world, script, part)?);
            }
            Some(all)
        }
        _ => None,
    }
}
