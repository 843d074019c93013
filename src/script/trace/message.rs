//! Messages for errors that occur while a script runs.

use rhai::{Dynamic, Engine, EvalAltResult};

use crate::model::suggest::did_you_mean;
use crate::model::{Failure, FailureKind};
use crate::script::limits::{MAX_ARRAY, MAX_MAP, MAX_TEXT};
use crate::script::names::{Names, type_name};
use crate::script::nesting;

use super::wording::{counted, lower};

/// The name of a function for the trace.
pub(crate) fn function(name: &str) -> String {
    if name.starts_with("anon$") {
        "closure".into()
    } else {
        name.into()
    }
}

/// Describes an error that is not one of ops' failures.
pub(crate) fn describe(error: &EvalAltResult, engine: &Engine) -> Failure {
    use EvalAltResult as E;
    match error {
        E::ErrorRuntime(value, _) => failed(value_thrown(value)),
        E::ErrorFunctionNotFound(signature, _) => function_not_found(signature, &Names::of(engine)),
        E::ErrorVariableNotFound(name, _) => failed(format!("unknown variable `{name}`")).hint(
            "A `fn` cannot see the script's variables: pass it as a parameter, or declare it with `const` \
             and write `global::NAME`.",
        ),
        E::ErrorPropertyNotFound(name, _) => failed(format!("the map has no key `{name}`"))
            .hint(missing_key(name)),
        E::ErrorIndexNotFound(index, _) => failed(format!("index {index} is out of range")),
        E::ErrorModuleNotFound(path, _) => failed(format!("module `{path}` not found")),
        E::ErrorDotExpr(text, _) => property(text, &Names::of(engine)),
        E::ErrorMismatchDataType(wanted, got, _) | E::ErrorMismatchOutputType(wanted, got, _) => {
            failed(mismatch(wanted, got))
        }
        E::ErrorIndexingType(text, _) => {
            let kind = text.split(" [").next().unwrap_or(text);
            failed(format!("cannot index {}", article(&type_name(kind))))
        }
        E::ErrorArrayBounds(length, index, _) => {
            failed(format!("no element {index} in an array of {length}"))
        }
        E::ErrorStringBounds(length, index, _) => {
            failed(format!("no character {index} in a string of {length}"))
        }
        E::ErrorBitFieldBounds(length, index, _) => {
            failed(format!("no bit {index} in a number of {length} bits"))
        }
        E::ErrorFor(_) => failed("cannot loop over this value".into())
            .hint("`for` loops over arrays, ranges, strings and `map.keys()`."),
        E::ErrorDataRace(name, _) => failed(format!(
            "`{name}` is being used by the closure of another host"
        ))
        .hint("Return a value from the closure instead of changing a variable outside it."),
        E::ErrorNonPureMethodCallOnConstant(name, _) => {
            let name = name.split('(').next().unwrap_or(name).trim();
            failed(format!("`{name}` would change a constant"))
        }
        E::ErrorAssignmentToConstant(name, _) => failed(format!("`{name}` is a constant")),
        E::ErrorUnboundThis(_) => failed("`this` has no meaning here".into())
            .hint("`this` is the subject of a method: `x.f()` calls `fn f()` with `this` as `x`."),
        E::ErrorArithmetic(text, _) => failed(arithmetic(text)),
        E::ErrorTooManyOperations(_) => failed("the playbook computed for too long".into())
            .hint("Is there an endless loop? To wait, use `retry`: waiting does not count as computing."),
        E::ErrorStackOverflow(_) => failed("function calls are nested too deeply".into())
            .hint("Does a function call itself endlessly?"),
        E::ErrorTooManyVariables(_) => failed("too many variables".into()),
        E::ErrorTooManyModules(_) => failed("too many modules".into()),
        E::ErrorDataTooLarge(kind, _) => too_large(kind),
        E::ErrorParsing(error, _) => super::parse::describe(error),
        E::ErrorSystem(context, source) if context.is_empty() => failed(source.to_string()),
        E::ErrorSystem(context, source) => failed(format!("{}: {source}", lower(context))),
        other => failed(lower(&other.to_string())),
    }
}

/// Rhai: `Negation overflow: --9223372036854775808`, `Division overflow: ...`.
fn arithmetic(text: &str) -> String {
    let (what, of) = text.split_once(": ").unwrap_or((text, ""));
    match what.strip_suffix(" overflow") {
        Some("Negation") => {
            let number = of.strip_prefix('-').unwrap_or(of);
            format!("the negative of {number} does not fit into a 64-bit integer")
        }
        Some(operation) if of.is_empty() => {
            format!(
                "the result of the {} does not fit into a 64-bit integer",
                operation.to_lowercase()
            )
        }
        Some(_) => format!("the result of {of} does not fit into a 64-bit integer"),
        None => lower(text),
    }
}

/// The failure for a value that exceeds one of the engine's limits.
fn too_large(kind: &str) -> Failure {
    let message = match kind {
        "Length of string" => format!(
            "a string (or all strings in one value) exceeded {} MiB",
            MAX_TEXT >> 20
        ),
        "Size of object map" => format!("a map has more than {MAX_MAP} entries"),
        _ => format!("a list has more than {MAX_ARRAY} elements"),
    };
    failed(message)
        .hint("The content of nested maps and lists counts too. Is there a loop that doubles it?")
}

/// The hint for a key that may be missing.
fn missing_key(name: &str) -> String {
    if rhai::is_valid_identifier(name) {
        format!("`map?.{name}` is `()` if the key is missing.")
    } else {
        missing_index(name)
    }
}

/// The same for a key in brackets.
pub(crate) fn missing_index(name: &str) -> String {
    format!("`map.get({name:?})` is `()` if the key is missing.")
}

fn failed(message: String) -> Failure {
    Failure::new(FailureKind::Failed, message)
}

/// The message of a thrown value.
fn value_thrown(value: &Dynamic) -> String {
    if value.is_unit() {
        return "the playbook threw an empty value".into();
    }
    if let Some(map) = value.read_lock::<rhai::Map>()
        && let Some(message) = map.get("message")
    {
        return nesting::check(message).map_or_else(|why| why, |()| message.to_string());
    }
    nesting::check(value).map_or_else(|why| why, |()| value.to_string())
}

/// Rhai writes a call that it cannot resolve as `name (type, type)`.
fn function_not_found(signature: &str, names: &Names<'_>) -> Failure {
    let (name, types) = match signature.split_once(" (") {
        Some((name, types)) => (name.trim(), types.trim_end_matches(')')),
        None => (signature.split('(').next().unwrap_or(signature).trim(), ""),
    };
    let types: Vec<String> = types
        .split(", ")
        .filter(|kind| !kind.is_empty())
        .map(type_name)
        .collect();
    if let Some(property) = name
        .strip_prefix("get$")
        .or_else(|| name.strip_prefix("set$"))
    {
        return failed(format!(
            "{} has no property `{property}`",
            article(types.first().map_or("value", String::as_str))
        ))
        .with_hint(did_you_mean(property, names.properties()));
    }
    if name.starts_with("anon$") {
        return failed(format!(
            "the closure does not take {}",
            counted(types.len())
        ));
    }
    let shown = types.join(", ");
    if !name.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return failed(match types.as_slice() {
            [left, right] => format!("`{name}` does not work on {left} and {right}"),
            _ => format!("`{name}` does not work on {shown}"),
        });
    }
    let signatures = names.of_name(name);
    if signatures.is_empty() {
        return failed(format!("unknown function `{name}`"))
            .with_hint(did_you_mean(name, names.callable()));
    }
    let ways: Vec<String> = signatures
        .iter()
        .take(4)
        .map(|signature| format!("`{}`", signature.shown()))
        .collect();
    failed(format!("`{name}` cannot be called with ({shown})"))
        .hint(format!("Write {}.", ways.join(" or ")))
}

/// Rhai: `Unknown property 'x' - a getter is not registered for type 'Host'`.
fn property(text: &str, names: &Names<'_>) -> Failure {
    let quoted: Vec<&str> = text.split('\'').skip(1).step_by(2).collect();
    match quoted.as_slice() {
        [property, kind] => failed(format!(
            "{} has no property `{property}`",
            article(&type_name(kind))
        ))
        .with_hint(did_you_mean(property, names.properties())),
        _ => failed(lower(text)),
    }
}

fn mismatch(wanted: &str, got: &str) -> String {
    let (wanted, got) = (type_name(wanted), type_name(got));
    match (wanted.as_str(), got.as_str()) {
        ("", got) => format!("unexpected type: {}", article(got)),
        (wanted, "") => format!("{} is required", article(wanted)),
        (wanted, got) => format!("{} is required, not {}", article(wanted), article(got)),
    }
}

fn article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}
