//! Executables that speak Ansible's protocol: `--list` prints groups as JSON, with the variables of hosts
//! under `_meta.hostvars`. Without `_meta.hostvars`, `--host NAME` prints the variables of one host.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexSet;
use serde_json::{Map, Value};

use super::draft::Draft;
use super::error::InventoryError;
use super::node::{VAULT_KEY, noun};
use super::program::{self, ProgramError, Ran};
use super::{json_text, vault, written};
use crate::model::{Origin, decode};

/// How many `--host` calls run in parallel.
const PARALLEL: usize = 8;

pub(super) fn read(file: &Arc<Path>, draft: &mut Draft) -> Result<(), InventoryError> {
    let at = Origin {
        file: Arc::clone(file),
        line: None,
    };
    let listed = call(file, &["--list"]).map_err(|error| error.at(&at))?;
    let mut hosts = IndexSet::new();
    let mut meta = None;
    for (name, value) in listed {
        if name == "_meta" {
            meta = match value {
                Value::Object(mut map) => map.remove("hostvars"),
                other => return Err(shape("_meta", "an object", &other).at(&at)),
            };
        } else {
            group(&name, value, &at, draft, &mut hosts).map_err(|error| error.at(&at))?;
        }
    }
    let vars = match meta {
        Some(Value::Object(mut map)) => hosts
            .iter()
            .map(|host| match map.remove(host) {
                None => Ok(Map::new()),
                Some(Value::Object(vars)) => Ok(vars),
                Some(other) => {
                    Err(shape(&format!("_meta.hostvars.{host}"), "an object", &other).at(&at))
                }
            })
            .collect::<Result<Vec<_>, _>>()?,
        Some(other) => return Err(shape("_meta.hostvars", "an object", &other).at(&at)),
        None => each_host(file, &hosts).map_err(|error| error.at(&at))?,
    };
    for (host, vars) in hosts.iter().zip(vars) {
        // Every name in `hosts` was added to the draft by `group`.
        if let Some(index) = draft.hosts.get_index_of(host) {
            for (name, value) in vars {
                draft.host_var(index, &name, value, &at);
            }
        }
    }
    Ok(())
}

fn group(
    name: &str,
    value: Value,
    at: &Origin,
    draft: &mut Draft,
    hosts: &mut IndexSet<String>,
) -> Result<(), InventoryError> {
    let group = draft.group(name, at)?;
    let mut map = match value {
        Value::Object(map) => map,
        // The oldest form: a group is the list of its hosts.
        list @ Value::Array(_) => std::iter::once(("hosts".to_owned(), list)).collect(),
        other => return Err(shape(name, "an object", &other)),
    };
    if !map.is_empty()
        && !["hosts", "vars", "children"]
            .iter()
            .any(|key| map.contains_key(*key))
    {
        // Another old form: the group is one host, and the object its variables.
        map = Map::from_iter([
            (
                "hosts".to_owned(),
                Value::Array(vec![Value::String(name.to_owned())]),
            ),
            ("vars".to_owned(), Value::Object(map)),
        ]);
    }
    for host in names(name, "hosts", map.remove("hosts"))? {
        draft.host(&host, group, at)?;
        hosts.insert(host);
    }
    match map.remove("vars") {
        None | Some(Value::Null) => {}
        Some(Value::Object(vars)) => {
            for (key, value) in vars {
                draft.group_var(group, &key, value, at)?;
            }
        }
        Some(other) => return Err(shape(&format!("{name}.vars"), "an object", &other)),
    }
    for child in names(name, "children", map.remove("children"))? {
        let child = draft.group(&child, at)?;
        draft.child(group, child, at)?;
    }
    Ok(())
}

fn names(group: &str, key: &str, value: Option<Value>) -> Result<Vec<String>, InventoryError> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(name) => Ok(name),
                other => Err(shape(
                    &format!("{group}.{key}"),
                    "a list of strings",
                    &other,
                )),
            })
            .collect(),
        Some(other) => Err(shape(
            &format!("{group}.{key}"),
            "a list of strings",
            &other,
        )),
    }
}

fn shape(what: &str, wanted: &str, found: &Value) -> InventoryError {
    InventoryError::new(format!(
        "`{what}` in the output of the script must be {wanted}, found {}",
        noun(found)
    ))
}

/// The variables of every host, with one call per host.
fn each_host(
    file: &Arc<Path>,
    hosts: &IndexSet<String>,
) -> Result<Vec<Map<String, Value>>, InventoryError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(host) = hosts.get_index(index) else {
                return found;
            };
            found.push((index, call(file, &["--host", host])));
        }
    };
    let mut found: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..PARALLEL.min(hosts.len()))
            .map(|_| scope.spawn(work))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_default())
            .collect()
    });
    found.sort_unstable_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, vars)| vars).collect()
}

/// The JSON object that the script prints. Empty output counts as an empty object.
fn call(file: &Path, args: &[&str]) -> Result<Map<String, Value>, InventoryError> {
    let ran = run_whole(file, args)?;
    let left_open = ran.left_open;
    object(ran.stdout, &args.join(" ")).map_err(|error| {
        if left_open {
            error.hint(LEFT_OPEN)
        } else {
            error
        }
    })
}

const LEFT_OPEN: &str =
    "The script exited, but a process that it started kept its output open and was killed.";

fn object(output: Vec<u8>, call: &str) -> Result<Map<String, Value>, InventoryError> {
    let text = decode(output).map_err(|error| {
        InventoryError::new(format!(
            "the output of the script is not text (called with {call}), line {}: {error}",
            error.line
        ))
    })?;
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match json_text::parse(&text) {
        Ok(Value::Object(map)) => {
            for (key, value) in &map {
                damage(value).map_err(|error| below(key, error))?;
            }
            Ok(map)
        }
        Ok(other) => Err(InventoryError::new(format!(
            "the script must print a JSON object, found {} (called with {call})",
            noun(&other)
        ))),
        Err(error) if error.is_data() => Err(InventoryError::new(format!(
            "in the output of the script (called with {call}): {error}"
        ))),
        Err(error) => Err(InventoryError::new(format!(
            "the output of the script is not JSON (called with {call}): {error}"
        ))
        .hint("If the inventory is not a script, make it non-executable with chmod -x.")),
    }
}

/// Prefixes an error about `a.b` with the key that contains `a`.
fn below(key: &str, error: InventoryError) -> InventoryError {
    InventoryError {
        message: match error.message.strip_prefix('`') {
            Some(rest) => format!("`{key}.{rest}"),
            None => format!("`{key}`: {}", error.message),
        },
        ..error
    }
}

/// Finds damaged encrypted values.
fn damage(value: &Value) -> Result<(), InventoryError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(damage),
        Value::Object(map) => {
            if let Some(text) = written::tagged(map, VAULT_KEY) {
                vault::check(text).map_err(|(_, error)| InventoryError::new(error.to_string()))?;
            }
            for (key, value) in map {
                damage(value).map_err(|error| below(key, error))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Runs a user's executable and returns its standard output. On failure, the error has its exit code and the
/// end of its stderr.
pub(super) fn run(file: &Path, args: &[&str]) -> Result<Vec<u8>, InventoryError> {
    run_whole(file, args).map(|ran| ran.stdout)
}

fn run_whole(file: &Path, args: &[&str]) -> Result<Ran, InventoryError> {
    let called = args.join(" ");
    let called = if called.is_empty() {
        String::new()
    } else {
        format!(" (called with {called})")
    };
    let ran = program::run(file, args, &program::LIMITS).map_err(|error| match error {
        ProgramError::Start(error) => {
            InventoryError::new(format!("cannot run the script: {error}")).hint(
                "A script needs a first line such as #!/bin/sh; \
                 a file that is not a script must not be executable.",
            )
        }
        ProgramError::Endless(limit) => {
            InventoryError::new(format!("the script {limit}{called} and was killed"))
        }
    })?;
    if ran.left_open {
        tracing::warn!(
            "{} exited{called}, but a process that it started kept its output open and was killed",
            file.display()
        );
    }
    if ran.status.success() {
        return Ok(ran);
    }
    let stderr = String::from_utf8_lossy(&ran.stderr);
    let tail: Vec<&str> = stderr.trim_end().lines().rev().take(5).collect();
    let tail: String = tail
        .into_iter()
        .rev()
        .map(|line| format!("\n  {line}"))
        .collect();
    let status = match ran.status.code() {
        Some(code) => format!("exit code {code}"),
        None => ran.status.to_string(),
    };
    Err(InventoryError::new(format!(
        "the script failed with {status}{called}{tail}"
    )))
}
