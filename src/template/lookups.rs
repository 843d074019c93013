//! `lookup`, `query` and `q`: only the lookups that read the controller (`env`, `file`, `vars`). Others are
//! refused by name.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the engine hands arguments over by value"
)]

use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, ErrorKind, State, Value};

use super::{python, rewrite, undefined};
use crate::model::as_text;

/// A larger file is refused.
const MAX_FILE: u64 = 16 << 20;

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// One value, or the values joined by commas.
pub(super) fn lookup(
    state: &mut State<'_, '_>,
    name: &Value,
    terms: Rest<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    let as_list = options.get::<Option<bool>>("wantlist")?.unwrap_or(false);
    let found = find(state, name, &terms, &options)?;
    if as_list {
        return Ok(Value::from(found));
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        many => {
            let texts: Vec<String> = many.iter().map(python::str).collect();
            Ok(Value::from(texts.join(",")))
        }
    }
}

/// Always returns a list.
pub(super) fn query(
    state: &mut State<'_, '_>,
    name: &Value,
    terms: Rest<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    options.get::<Option<bool>>("wantlist")?;
    find(state, name, &terms, &options).map(Value::from)
}

fn find(
    state: &mut State<'_, '_>,
    name: &Value,
    terms: &[Value],
    options: &Kwargs,
) -> Result<Vec<Value>, Error> {
    undefined::check(name)?;
    let name = python::str(name);
    let name = rewrite::short_name(&name);
    if !["env", "file", "vars"].contains(&name) {
        // The arguments do not matter.
        return Err(invalid(format!(
            "the lookup `{name}` is not available\n\
             Only `env`, `file` and `vars` are. Put the value in the inventory, or pass it with --var."
        )));
    }
    let default = options.get::<Option<Value>>("default")?;
    let strip = options.get::<Option<bool>>("rstrip")?.unwrap_or(true);
    let strip_start = options.get::<Option<bool>>("lstrip")?.unwrap_or(false);
    options.assert_all_used()?;
    let mut found = Vec::new();
    for term in terms {
        undefined::check(term)?;
        let term = python::str(term);
        found.push(match name {
            "env" => {
                let value = std::env::var_os(&term)
                    .map(|value| Value::from(value.to_string_lossy().into_owned()));
                value
                    .or_else(|| default.clone())
                    .unwrap_or_else(|| Value::from(""))
            }
            "vars" => {
                let value = state.lookup(&term).filter(|value| !value.is_undefined());
                let value = value.or_else(|| default.clone());
                value.ok_or_else(|| {
                    Error::new(ErrorKind::UndefinedError, format!("`{term}` is undefined"))
                })?
            }
            _ => {
                let text = read(state, &term)?;
                let text = if strip {
                    text.trim_end()
                } else {
                    text.as_str()
                };
                Value::from(if strip_start { text.trim_start() } else { text })
            }
        });
    }
    Ok(found)
}

/// Reads a file next to the playbook, or in its `files` directory.
fn read(state: &State<'_, '_>, path: &str) -> Result<String, Error> {
    let near = state.lookup("playbook_dir").map(|dir| python::str(&dir));
    let near = std::path::PathBuf::from(near.unwrap_or_default());
    let places = [near.join("files").join(path), near.join(path)];
    let place = places
        .iter()
        .find(|place| place.is_file())
        .unwrap_or(&places[1]);
    let refuse = |reason: String| invalid(format!("lookup `file`: cannot read `{path}`: {reason}"));
    let size = std::fs::metadata(place)
        .map_err(|error| refuse(error.to_string()))?
        .len();
    if size > MAX_FILE {
        return Err(refuse("it is larger than 16 MiB".to_owned()));
    }
    let bytes = std::fs::read(place).map_err(|error| refuse(error.to_string()))?;
    let read = as_text(&bytes).map(str::to_owned);
    read.map_err(|error| refuse(error.in_file(&place.display().to_string())))
}
