//! The values of a run's parameters, from the command line, from files, and from the declarations.

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

/// Shown instead of a secret.
const HIDDEN: &str = "[secret]";

/// The parameters of one run.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// What `param` returns, by name.
    pub values: BTreeMap<String, Dynamic>,
    /// The values from the command line, which templates can also use.
    pub given: BTreeMap<String, Value>,
    /// The values as a user may see them, for `run.started`.
    pub shown: BTreeMap<String, String>,
    /// Values that must never be shown, each with the name of its parameter.
    pub secrets: Vec<(String, String)>,
    /// The paths that the operator gave: the playbook may read them wherever they are.
    pub paths: Vec<PathBuf>,
}

/// Determines the value of every parameter. `--var` has precedence over files, a later file over an earlier
/// one, and files over the fallback.
///
/// # Errors
/// Everything that is wrong, at once: unreadable files, undeclared names, values that do not fit, and missing
/// parameters.
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
                    .hint(format!("Set it with `--var {}=...`.", param.name)),
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
    /// Makes the path from the operator absolute, and allows the playbook to read it.
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

/// A file of values. Its extension determines the format.
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
    // The errors of the parsers may quote a secret from the file: report only the position.
    let parsed: Result<Value, String> = match &*extension.to_lowercase() {
        "json" => serde_json::from_str(&text)
            .map_err(|error| format!("line {}: invalid JSON", error.line())),
        "toml" => toml::from_str(&text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| text[..span.start].lines().count().max(1));
            format!("line {line}: {}", error.message())
        }),
        "yml" | "yaml" => serde_saphyr::from_str(&text).map_err(|error| {
            let line = error.location().map_or(1, |location| location.line());
            format!("line {line}: invalid YAML, or too many aliases or levels")
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
