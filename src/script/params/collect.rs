//! Finds the parameter declarations in a parsed script.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Dynamic, Expr, FnCallExpr, Stmt};
use serde_json::Value;

use crate::model::suggest::{did_you_mean, listed};
use crate::model::{Failure, FailureKind};
use crate::script::position::position;
use crate::script::source::Sources;

use super::declared::{OPTIONS, Param};
use super::kind::Kind;
use super::rule::{KEYS as RULE_KEYS, Rule};
use super::value;

/// The function that declares a parameter.
const DECLARES: &str = "param";

/// The parameters of a playbook, in the order of their declarations.
///
/// # Errors
/// Every invalid declaration: in the wrong place, with arguments that are not literals, repeated, or
/// inconsistent.
pub fn collect(ast: &AST, sources: &Sources) -> Result<Vec<Param>, Vec<Failure>> {
    let file = ast.source().unwrap_or_default();
    let mut collector = Collector {
        file,
        params: Vec::new(),
        failures: Vec::new(),
        seen: BTreeSet::new(),
    };
    for statement in ast.statements() {
        collector.statement(statement);
    }
    let seen = std::mem::take(&mut collector.seen);
    let mut failures = collector.failures;
    failures.extend(
        calls(ast)
            .into_iter()
            .filter(|at| !seen.contains(at))
            .map(|at| {
                fail(
                    file,
                    at,
                    "a parameter must be declared at the top level of the playbook",
                )
                .hint(
                    "Parameters are read before the playbook runs, so the call cannot depend on anything: \
                     `let x = param(...);`.",
                )
            }),
    );
    failures.sort_by_key(|failure| failure.at.as_ref().map(|at| (at.line, at.column)));
    for failure in &mut failures {
        failure.source_line = failure.at.as_ref().and_then(|at| sources.line(at));
    }
    if failures.is_empty() {
        Ok(collector.params)
    } else {
        Err(failures)
    }
}

/// Declarations in a module, where they are not allowed.
#[must_use]
pub fn misplaced(module: &AST) -> Vec<Failure> {
    let file = module.source().unwrap_or_default();
    calls(module)
        .into_iter()
        .map(|at| {
            fail(file, at, "a module cannot declare parameters")
                .hint("Declare it in the playbook, and pass its value to the module's functions.")
        })
        .collect()
}

/// All positions at which `param` is called.
fn calls(ast: &AST) -> Vec<rhai::Position> {
    let mut found = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode]| {
        let call = match nodes.last() {
            Some(ASTNode::Stmt(Stmt::FnCall(call, at)) | ASTNode::Expr(Expr::FnCall(call, at))) => {
                Some((call, at))
            }
            _ => None,
        };
        if let Some((call, at)) = call
            && declares(call)
        {
            found.push(*at);
        }
        true
    });
    found
}

fn declares(call: &FnCallExpr) -> bool {
    call.name == DECLARES && !call.is_qualified()
}

fn fail(file: &str, at: rhai::Position, message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Input, message).at(position(file, at))
}

struct Collector<'a> {
    file: &'a str,
    params: Vec<Param>,
    failures: Vec<Failure>,
    /// The calls that are in an allowed place.
    seen: BTreeSet<rhai::Position>,
}

impl Collector<'_> {
    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Var(variable, ..) => self.expression(&variable.1),
            Stmt::FnCall(call, at) => self.call(call, *at),
            Stmt::Expr(expression) => self.expression(expression),
            Stmt::Assignment(assignment) => self.expression(&assignment.1.rhs),
            _ => {}
        }
    }

    /// Descends into what is always evaluated exactly once. Not into blocks, which may be a branch or a
    /// closure.
    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::FnCall(call, at) => self.call(call, *at),
            Expr::MethodCall(call, _) => self.all(&call.args),
            Expr::Array(items, _) | Expr::InterpolatedString(items, _) => self.all(items),
            Expr::Map(map, _) => map.0.iter().for_each(|(_, value)| self.expression(value)),
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
                self.expression(&pair.lhs);
                self.expression(&pair.rhs);
            }
            _ => {}
        }
    }

    fn all(&mut self, expressions: &[Expr]) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn call(&mut self, call: &FnCallExpr, at: rhai::Position) {
        if !declares(call) {
            return self.all(&call.args);
        }
        self.seen.insert(at);
        match Declaration::read(self.file, call, at).and_then(Declaration::param) {
            Ok(param) => {
                if let Some(first) = self.params.iter().find(|known| known.name == param.name) {
                    let line = first.at.as_ref().map_or(0, |at| at.line);
                    self.failures.push(fail(
                        self.file,
                        at,
                        format!(
                            "the parameter `{}` is declared twice: first in line {line}",
                            param.name
                        ),
                    ));
                } else {
                    self.params.push(param);
                }
            }
            Err(failures) => self.failures.extend(failures),
        }
    }
}

/// The arguments of one call, as literals.
struct Declaration<'a> {
    file: &'a str,
    at: rhai::Position,
    name: String,
    help: String,
    options: BTreeMap<String, (Value, rhai::Position)>,
    failures: Vec<Failure>,
}

impl<'a> Declaration<'a> {
    fn read(file: &'a str, call: &FnCallExpr, at: rhai::Position) -> Result<Self, Vec<Failure>> {
        let failed = |at, message: &str| Err(vec![fail(file, at, message)]);
        let (name, help, options) = match call.args.as_slice() {
            [name, help] => (name, help, None),
            [name, help, options] => (name, help, Some(options)),
            _ => {
                return Err(vec![
                    fail(file, at, "`param` takes a name, a help text and options")
                        .hint("For example: `param(\"version\", \"the release to roll out\")`."),
                ]);
            }
        };
        let Expr::StringConstant(name_text, _) = name else {
            return failed(
                name.start_position(),
                "the name of a parameter must be a literal string",
            );
        };
        let Expr::StringConstant(help_text, _) = help else {
            return failed(
                help.start_position(),
                "the help text of a parameter must be a literal string",
            );
        };
        if !rhai::is_valid_identifier(name_text) {
            return Err(vec![
                fail(
                    file,
                    name.start_position(),
                    format!("invalid parameter name: `{name_text}`"),
                )
                .hint(
                    "A name consists of letters, digits and `_`, and does not start with a digit.",
                ),
            ]);
        }
        let mut declaration = Self {
            file,
            at,
            name: name_text.to_string(),
            help: help_text.to_string(),
            options: BTreeMap::new(),
            failures: Vec::new(),
        };
        match options {
            None => {}
            Some(Expr::Map(map, _)) => declaration.options(&map.0),
            Some(other) => {
                return failed(
                    other.start_position(),
                    "the options of a parameter must be a literal map",
                );
            }
        }
        Ok(declaration)
    }

    fn options(&mut self, pairs: &[(rhai::Ident, Expr)]) {
        for (key, value) in pairs {
            if !OPTIONS.contains(&key.as_str()) {
                let failure = fail(
                    self.file,
                    key.pos,
                    format!("`param` has no option `{}`", key.name),
                );
                self.failures
                    .push(failure.with_hint(option_hint(key.as_str())));
            } else if let Some(literal) = literal(value) {
                self.options
                    .insert(key.name.to_string(), (literal, key.pos));
            } else {
                self.failures.push(fail(
                    self.file,
                    value.start_position(),
                    format!("`{}` of a parameter must be a literal", key.name),
                ));
            }
        }
    }

    fn take(&mut self, key: &str) -> Option<(Value, rhai::Position)> {
        self.options.remove(key)
    }

    fn wrong(&mut self, at: rhai::Position, message: impl Into<String>) {
        self.failures.push(fail(self.file, at, message));
    }

    fn param(mut self) -> Result<Param, Vec<Failure>> {
        let fallback = self.take("fallback");
        let optional = self.flag("optional");
        let kind = self.kind(fallback.as_ref().map(|(value, _)| value));
        let param = Param {
            name: std::mem::take(&mut self.name),
            help: std::mem::take(&mut self.help),
            kind,
            fallback: fallback.as_ref().map(|(value, _)| value.clone()),
            optional,
            rule: self.rule(kind),
            secret: self.flag("secret"),
            at: position(self.file, self.at),
        };
        if let Some((fallback, at)) = fallback {
            if optional {
                self.wrong(at, "a parameter with a `fallback` is already optional");
            } else if let Err(why) = param.fits(&fallback) {
                self.wrong(at, format!("`fallback` {why}"));
            }
        }
        if self.failures.is_empty() {
            Ok(param)
        } else {
            Err(self.failures)
        }
    }

    /// The declared type, or that of the fallback.
    fn kind(&mut self, fallback: Option<&Value>) -> Kind {
        if let Some((declared, at)) = self.take("type") {
            let name = declared.as_str().unwrap_or_default();
            let names = || Kind::ALL.iter().map(|(name, _)| *name);
            if let Some((_, kind)) = Kind::ALL.iter().find(|(known, _)| *known == name) {
                return *kind;
            }
            let failure = fail(
                self.file,
                at,
                format!("unknown type `{}`", value::shown(&declared)),
            )
            .with_hint(did_you_mean(name, names()))
            .with_hint(Some(format!("The types are {}.", listed(names()))));
            self.failures.push(failure);
        }
        match fallback {
            Some(Value::Bool(_)) => Kind::Bool,
            Some(Value::Number(number)) if number.is_i64() => Kind::Int,
            Some(Value::Number(_)) => Kind::Float,
            Some(Value::Array(_)) => Kind::List,
            _ => Kind::String,
        }
    }

    fn rule(&mut self, kind: Kind) -> Rule {
        let (file, options, failures) = (self.file, &mut self.options, &mut self.failures);
        let place = |key: &str| options.get(key).map_or(self.at, |(_, at)| *at);
        let places: BTreeMap<&str, rhai::Position> =
            RULE_KEYS.iter().map(|key| (*key, place(key))).collect();
        Rule::read(
            &[kind],
            |key| options.remove(key).map(|(value, _)| value),
            |key, why| failures.push(fail(file, places[key], why)),
        )
    }

    fn flag(&mut self, key: &str) -> bool {
        match self.take(key) {
            Some((Value::Bool(flag), _)) => flag,
            Some((_, at)) => {
                self.wrong(at, format!("`{key}` must be true or false"));
                false
            }
            None => false,
        }
    }
}

fn option_hint(key: &str) -> Option<String> {
    match key {
        "choices" | "enum" | "options" => Some("This option is called `one_of`.".into()),
        "regex" => Some("This option is called `pattern`.".into()),
        "required" => Some(
            "A parameter is required unless it has a `fallback` or is `optional: true`.".into(),
        ),
        _ => did_you_mean(key, OPTIONS.iter().copied()).or_else(|| {
            Some(format!(
                "The options are {}.",
                listed(OPTIONS.iter().copied())
            ))
        }),
    }
}

/// The value of an expression that can be read without running it.
fn literal(expression: &Expr) -> Option<Value> {
    let value: Dynamic = expression.get_literal_value(None)?;
    rhai::serde::from_dynamic(&value).ok()
}
