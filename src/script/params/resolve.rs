//! The values of a run's parameters: from the command line, from files, from the declarations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rhai::Dynamic;
use serde_json::Value;

use crate::model::suggest::{did_you_mean, listed};
use crate::model::{Failure, FailureKind, decode};
use crate::script::local;

use super::declared::Param;
use super::kind::Kind;
use super::value::{located, parse, shown};

/// What stands for a secret.
const HIDDEN: &str = "[secret]";

/// The parameters of one run.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// What `param` returns, by name.
    pub values: BTreeMap<String, Dynamic>,
    /// Those that the command line gives a value, which templates see too.
    pub given: BTreeMap<String, Value>,
    /// What a user may see of them, for `run.started`.
    pub shown: BTreeMap<String, String>,
    /// Values that may be shown nowhere, each with the name of its parameter.
    pub secrets: Vec<(String, String)>,
    /// What the operator named by a path: the playbook may read it wherever it is.
    pub paths: Vec<PathBuf>,
}

/// Gives every parameter its value: `--var` before files, a later file before an earlier one, those before
/// the fallback.
///
/// # Errors
/// All that is wrong, at once: files that cannot be read, names that are not declared, values that do not
/// fit, parameters that have none.
pub fn resolve(
    params: &[Param],
    vars: &[(String, String)],
    files: &[PathBuf],
) -> Result<Resolved, Vec<Failure>> {
    let mut failures = Vec::new();
    let mut given: BTreeMap<&str, Result<Value, String>> = BTreeMap::new();
    for file in files {
        match read(file) {
            Ok(values) => {
                for (name, value) in values {
                    match find(params, &name, &format!("{}: ", file.display())) {
                        Ok(param) => {
                            given.insert(&param.name, param.fits(&value).map(|()| value));
                        }
                        Err(failure) => failures.push(failure),
                    }
                }
            }
            Err(failure) => failures.push(failure),
        }
    }
    for (name, text) in vars {
        match find(params, name, "") {
            Ok(param) => {
                let value = parse(param.kind, param.secret, text)
                    .and_then(|value| param.fits(&value).map(|()| value));
                given.insert(&param.name, value);
            }
            Err(failure) => failures.push(failure),
        }
    }
    let mut resolved = Resolved::default();
    for param in params {
        match given.remove(param.name.as_str()) {
            Some(value) => {
                let value = value.and_then(|value| resolved.locate(param, value));
                match value {
                    Ok(value) => {
                        resolved.set(param, &value);
                        resolved.given.insert(param.name.clone(), value);
                    }
                    Err(why) => failures.push(about(
                        param,
                        format!("the parameter `{}` {why}", param.name),
                    )),
                }
            }
            None => match &param.fallback {
                Some(fallback) => resolved.set(param, fallback),
                None if param.optional => {
                    resolved.values.insert(param.name.clone(), Dynamic::UNIT);
                }
                None => failures.push(
                    about(
                        param,
                        format!("the parameter `{}` is missing: {}", param.name, param.help),
                    )
                    .hint(format!("Give it with `--var {}=...`.", param.name)),
                ),
            },
        }
    }
    if failures.is_empty() {
        Ok(resolved)
    } else {
        Err(failures)
    }
}

impl Resolved {
    /// Makes the path that the operator gave absolute, and lets the playbook read there.
    fn locate(&mut self, param: &Param, value: Value) -> Result<Value, String> {
        let (Kind::Path, Value::String(text)) = (param.kind, &value) else {
            return Ok(value);
        };
        let Some(path) = located(param.secret, text)? else {
            return Ok(value);
        };
        let Some(absolute) = path.to_str().map(Value::from) else {
            return Err("names a path that is not UTF-8".to_owned());
        };
        self.paths.push(path);
        Ok(absolute)
    }

    fn set(&mut self, param: &Param, value: &Value) {
        let text = shown(value);
        let dynamic =
            rhai::serde::to_dynamic(value).unwrap_or_else(|_| Dynamic::from(text.clone()));
        self.values.insert(param.name.clone(), dynamic);
        let seen = if param.secret {
            HIDDEN.to_owned()
        } else {
            text
        };
        self.shown.insert(param.name.clone(), seen);
        if param.secret {
            secrets_in(&param.name, value, &mut self.secrets);
        }
    }
}

fn secrets_in(name: &str, value: &Value, secrets: &mut Vec<(String, String)>) {
    let mut each = |value| secrets_in(name, value, secrets);
    match value {
        Value::Array(items) => items.iter().for_each(&mut each),
        Value::Object(fields) => fields.values().for_each(&mut each),
        Value::Null | Value::Bool(_) => {}
        scalar => secrets.push((name.to_owned(), shown(scalar))),
    }
}

fn about(param: &Param, message: String) -> Failure {
    input(message).at(param.at.clone())
}

fn input(message: String) -> Failure {
    Failure::new(FailureKind::Input, message)
}

fn find<'p>(params: &'p [Param], name: &str, from: &str) -> Result<&'p Param, Failure> {
    params
        .iter()
        .find(|param| param.name == name)
        .ok_or_else(|| {
            let names = || params.iter().map(|param| param.name.as_str());
            let all = match params {
                [] => "It has no parameters.".to_owned(),
                _ => format!("Its parameters are {}.", listed(names())),
            };
            input(format!("{from}the playbook has no parameter `{name}`"))
                .with_hint(did_you_mean(name, names()))
                .with_hint(Some(all))
        })
}

/// A file of values, by the end of its name.
fn read(file: &Path) -> Result<BTreeMap<String, Value>, Failure> {
    let name = file.display();
    let bytes =
        local::read_bounded(file).map_err(|error| input(format!("cannot read {name}: {error}")))?;
    let text = decode(bytes).map_err(|error| {
        let name = name.to_string();
        input(format!("cannot read the values: {error}"))
            .hint(error.hint(&name))
            .at(Some(error.position(&name)))
    })?;
    let extension = file.extension().unwrap_or_default().to_string_lossy();
    // What is quoted from the file in these messages would be a secret's value: the place alone must do.
    let parsed: Result<Value, String> = match &*extension.to_lowercase() {
        "json" => serde_json::from_str(&text)
            .map_err(|error| format!("line {}: this is not JSON", error.line())),
        "toml" => toml::from_str(&text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| text[..span.start].lines().count().max(1));
            format!("line {line}: {}", error.message())
        }),
        "yml" | "yaml" => serde_saphyr::from_str(&text).map_err(|error| {
            let line = error.location().map_or(1, |location| location.line());
            format!("line {line}: this is not YAML, or it has too many aliases or levels")
        }),
        _ => {
            return Err(input(format!(
                "{name} must be a .toml, .yaml, .yml or .json file"
            )));
        }
    };
    match parsed {
        Ok(Value::Object(fields)) => Ok(fields.into_iter().collect()),
        Ok(Value::Null) => Ok(BTreeMap::new()),
        Ok(_) => Err(input(format!("{name} must be a map of names and values"))),
        Err(why) => Err(input(format!("{name}: {why}"))),
    }
}
