//! The words for what goes wrong while a script runs.

use rhai::{Dynamic, EvalAltResult};

use crate::model::suggest::did_you_mean;
use crate::model::{Failure, FailureKind};
use crate::script::limits::{MAX_ARRAY, MAX_MAP, MAX_TEXT};
use crate::script::names::{Names, type_name};
use crate::script::nesting;

use super::wording::{counted, lower};

/// The name of a function for the trace.
pub fn function(name: &str) -> String {
    if name.starts_with("anon$") {
        "closure".into()
    } else {
        name.into()
    }
}

/// Describes an error that is not a failure of ours.
pub fn describe(error: &EvalAltResult, names: &Names) -> Failure {
    use EvalAltResult as E;
    match error {
        E::ErrorRuntime(value, _) => failed(value_thrown(value)),
        E::ErrorFunctionNotFound(signature, _) => function_not_found(signature, names),
        E::ErrorVariableNotFound(name, _) => failed(format!("no variable `{name}`")).hint(
            "A `fn` cannot see the script's variables: pass it as a parameter, or declare it with `const` \
             and write `global::NAME`.",
        ),
        E::ErrorPropertyNotFound(name, _) => failed(format!("the map has no key `{name}`"))
            .hint(missing_key(name)),
        E::ErrorIndexNotFound(index, _) => failed(format!("nothing at index {index}")),
        E::ErrorModuleNotFound(path, _) => failed(format!("no module `{path}`")),
        E::ErrorDotExpr(text, _) => property(text, names),
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
        E::ErrorFor(_) => failed("cannot loop over this".into())
            .hint("`for` goes through arrays, ranges, strings and `map.keys()`."),
        E::ErrorDataRace(name, _) => failed(format!(
            "`{name}` is in use by another host's closure at the same moment"
        ))
        .hint("Return a value from the closure instead of changing a variable outside it."),
        E::ErrorNonPureMethodCallOnConstant(name, _) => {
            let name = name.split('(').next().unwrap_or(name).trim();
            failed(format!("`{name}` would change a constant"))
        }
        E::ErrorAssignmentToConstant(name, _) => failed(format!("`{name}` is a constant")),
        E::ErrorUnboundThis(_) => failed("`this` means nothing here".into())
            .hint("`this` is the subject of a method: `x.f()` calls `fn f()` with `this` as `x`."),
        E::ErrorArithmetic(text, _) => failed(arithmetic(text)),
        E::ErrorTooManyOperations(_) => failed("the playbook computed for too long".into())
            .hint("Is there a loop that never ends? Waiting costs nothing: use `retry`."),
        E::ErrorStackOverflow(_) => failed("calls within calls go too deep".into())
            .hint("Does a function call itself without an end?"),
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
            format!("the negative of {number} does not fit into an integer (64 bits)")
        }
        Some(operation) if of.is_empty() => {
            format!(
                "the result of the {} does not fit into an integer (64 bits)",
                operation.to_lowercase()
            )
        }
        Some(_) => format!("the result of {of} does not fit into an integer (64 bits)"),
        None => lower(text),
    }
}

/// Which of the limits of the engine a value went over.
fn too_large(kind: &str) -> Failure {
    let message = match kind {
        "Length of string" => format!(
            "a string (or all strings in one value) grew beyond {} MiB",
            MAX_TEXT >> 20
        ),
        "Size of object map" => format!("a map of more than {MAX_MAP} entries"),
        _ => format!("a list of more than {MAX_ARRAY} elements"),
    };
    failed(message)
        .hint("A map or a list counts with all that is in it. Is there a loop that doubles it?")
}

/// What to write where a key may be missing.
fn missing_key(name: &str) -> String {
    if rhai::is_valid_identifier(name) {
        format!("`map?.{name}` is `()` where the key is missing.")
    } else {
        missing_index(name)
    }
}

/// The same for a key in brackets.
pub fn missing_index(name: &str) -> String {
    format!("`map.get({name:?})` is `()` where the key is missing.")
}

fn failed(message: String) -> Failure {
    Failure::new(FailureKind::Failed, message)
}

/// What `throw` was given.
fn value_thrown(value: &Dynamic) -> String {
    if value.is_unit() {
        return "the playbook gave up".into();
    }
    if let Some(map) = value.read_lock::<rhai::Map>()
        && let Some(message) = map.get("message")
    {
        return nesting::check(message).map_or_else(|why| why, |()| message.to_string());
    }
    nesting::check(value).map_or_else(|why| why, |()| value.to_string())
}

/// `name (type, type)`, as Rhai writes a call that it cannot place.
fn function_not_found(signature: &str, names: &Names) -> Failure {
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
        return failed(format!("no function `{name}`"))
            .with_hint(did_you_mean(name, names.callable()));
    }
    let ways: Vec<String> = signatures
        .iter()
        .take(4)
        .map(|signature| format!("`{}`", signature.shown()))
        .collect();
    failed(format!("no function `{name}` takes ({shown})"))
        .hint(format!("There is {}.", ways.join(", ")))
}

/// Rhai: `Unknown property 'x' - a getter is not registered for type 'Host'`.
fn property(text: &str, names: &Names) -> Failure {
    let quoted: Vec<&str> = text.split('\'').skip(1).step_by(2).collect();
    match quoted.as_slice() {
        [property, kind] => failed(format!(
            "a {} has no property `{property}`",
            type_name(kind)
        ))
        .with_hint(did_you_mean(property, names.properties())),
        _ => failed(lower(text)),
    }
}

fn mismatch(wanted: &str, got: &str) -> String {
    let (wanted, got) = (type_name(wanted), type_name(got));
    match (wanted.as_str(), got.as_str()) {
        ("", got) => format!("{} does not fit here", article(got)),
        (wanted, "") => format!("{} is needed", article(wanted)),
        (wanted, got) => format!("{} is needed, not {}", article(wanted), article(got)),
    }
}

fn article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}
