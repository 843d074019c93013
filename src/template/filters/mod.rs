//! Filters of Ansible that minijinja lacks, or that it has with another meaning.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the engine hands arguments over by value"
)]

mod expressions;
mod json;
mod mappings;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Kwargs, Serde, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use self::expressions::{regex_findall, regex_replace, regex_search};
use self::json::{from_json, from_yaml, json, nice_json, to_yaml};
use self::mappings::{combine, dict2items, flatten, items2dict};
use super::python;
use crate::model::suggest::did_you_mean;

/// The names of all filters that there are, for did-you-mean.
const KNOWN: &[&str] = &[
    "abs",
    "attr",
    "b64decode",
    "b64encode",
    "basename",
    "batch",
    "bool",
    "capitalize",
    "combine",
    "count",
    "d",
    "default",
    "dict2items",
    "dictsort",
    "difference",
    "dirname",
    "extract",
    "first",
    "flatten",
    "float",
    "format",
    "from_json",
    "from_yaml",
    "groupby",
    "hash",
    "indent",
    "int",
    "intersect",
    "items",
    "items2dict",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "mandatory",
    "map",
    "max",
    "min",
    "pprint",
    "quote",
    "regex_escape",
    "regex_findall",
    "regex_replace",
    "regex_search",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "splitext",
    "string",
    "sum",
    "symmetric_difference",
    "ternary",
    "title",
    "to_json",
    "to_nice_json",
    "to_nice_yaml",
    "to_yaml",
    "tojson",
    "trim",
    "type_debug",
    "union",
    "unique",
    "upper",
    "urlencode",
    "zip",
];

pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("to_json", |value: Serde<serde_json::Value>| {
        json(&value.0, false)
    });
    environment.add_filter(
        "to_nice_json",
        |value: Serde<serde_json::Value>, options: Kwargs| nice_json(&value.0, &options),
    );
    environment.add_filter("from_json", from_json);
    environment.add_filter(
        "to_yaml",
        |value: Serde<serde_json::Value>, _options: Kwargs| to_yaml(value.0),
    );
    environment.add_filter(
        "to_nice_yaml",
        |value: Serde<serde_json::Value>, _options: Kwargs| to_yaml(value.0),
    );
    environment.add_filter("from_yaml", from_yaml);
    environment.add_filter("b64encode", |text: String| STANDARD.encode(text));
    environment.add_filter("b64decode", b64decode);
    environment.add_filter("bool", to_bool);
    environment.add_filter("mandatory", mandatory);
    environment.add_filter("quote", |value: &Value| quote(&python::str(value)));
    environment.add_filter("string", |value: &Value| python::str(value));
    environment.add_filter("join", join);
    environment.add_filter("basename", |path: String| {
        path.rsplit('/').next().unwrap_or_default().to_owned()
    });
    environment.add_filter("dirname", |path: String| dirname(&path));
    environment.add_filter("splitext", |path: String| splitext(&path));
    environment.add_filter("ternary", ternary);
    environment.add_filter("combine", combine);
    environment.add_filter("hash", hash);
    environment.add_filter("regex_replace", regex_replace);
    environment.add_filter("regex_search", regex_search);
    environment.add_filter("regex_findall", regex_findall);
    environment.add_filter("regex_escape", |text: String| regex::escape(&text));
    environment.add_filter("dict2items", dict2items);
    environment.add_filter("items2dict", items2dict);
    environment.add_filter("flatten", flatten);
    environment.add_filter("extract", extract);
    environment.add_filter("type_debug", type_debug);
    environment.add_filter("union", |a: Vec<Value>, b: Vec<Value>| {
        unique(a.into_iter().chain(b))
    });
    environment.add_filter("intersect", |a: Vec<Value>, b: Vec<Value>| {
        unique(a.into_iter().filter(|item| b.contains(item)))
    });
    environment.add_filter("difference", |a: Vec<Value>, b: Vec<Value>| {
        unique(a.into_iter().filter(|item| !b.contains(item)))
    });
    environment.add_filter("symmetric_difference", |a: Vec<Value>, b: Vec<Value>| {
        let only = |from: &[Value], other: &[Value]| -> Vec<Value> {
            from.iter()
                .filter(|item| !other.contains(item))
                .cloned()
                .collect()
        };
        unique(only(&a, &b).into_iter().chain(only(&b, &a)))
    });
}

/// A hint for a filter that is not there.
pub(super) fn nearest_filter(name: &str) -> Option<String> {
    did_you_mean(name, KNOWN.iter().copied())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn unique(items: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

fn b64decode(text: &str) -> Result<String, Error> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| invalid(format!("b64decode: {error}")))?;
    String::from_utf8(bytes).map_err(|_| invalid("b64decode: what it decodes to is not UTF-8"))
}

fn to_bool(value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::None | ValueKind::Bool => return Ok(value.clone()),
        ValueKind::Number if *value == Value::from(1) => return Ok(Value::from(true)),
        ValueKind::Number if *value == Value::from(0) => return Ok(Value::from(false)),
        _ => {}
    }
    match value.as_str().map(str::to_lowercase).as_deref() {
        Some("yes" | "on" | "1" | "true" | "y" | "t") => Ok(Value::from(true)),
        Some("no" | "off" | "0" | "false" | "n" | "f" | "") => Ok(Value::from(false)),
        _ => Err(invalid(format!(
            "bool: `{}` is neither true nor false",
            python::str(value)
        ))),
    }
}

fn mandatory(value: &Value, message: Option<String>) -> Result<Value, Error> {
    if value.is_undefined() {
        let message = message.unwrap_or_else(|| "a mandatory variable is not defined".to_owned());
        return Err(invalid(message));
    }
    Ok(value.clone())
}

/// Quoted for a shell, as Python's `shlex.quote`.
fn quote(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

fn join(value: &Value, separator: Option<String>, options: Kwargs) -> Result<String, Error> {
    let attribute = options.get::<Option<String>>("attribute")?;
    options.assert_all_used()?;
    let mut texts = Vec::new();
    for item in value.try_iter()? {
        let item = match &attribute {
            Some(name) => item.get_attr(name)?,
            None => item,
        };
        if item.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        texts.push(python::str(&item));
    }
    Ok(texts.join(&separator.unwrap_or_default()))
}

/// As Python's `os.path.dirname`.
fn dirname(path: &str) -> String {
    let Some((head, _)) = path.rsplit_once('/') else {
        return String::new();
    };
    let trimmed = head.trim_end_matches('/');
    // Nothing but slashes stays as it is.
    if trimmed.is_empty() {
        format!("{head}/")
    } else {
        trimmed.to_owned()
    }
}

/// As Python's `os.path.splitext`.
fn splitext(path: &str) -> Vec<String> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.trim_start_matches('.');
    match stem.rfind('.') {
        Some(dot) => {
            let at = path.len() - stem.len() + dot;
            vec![path[..at].to_owned(), path[at..].to_owned()]
        }
        None => vec![path.to_owned(), String::new()],
    }
}

fn ternary(value: &Value, yes: &Value, no: &Value, null: Option<Value>) -> Value {
    match null {
        Some(null) if value.is_none() => null,
        _ if value.is_true() => yes.clone(),
        _ => no.clone(),
    }
}

fn hash(value: &Value, kind: Option<String>) -> Result<String, Error> {
    let text = python::str(value);
    let bytes = match kind.as_deref() {
        Some("sha256") => Sha256::digest(&text).to_vec(),
        Some("sha224") => Sha224::digest(&text).to_vec(),
        Some("sha384") => Sha384::digest(&text).to_vec(),
        Some("sha512") => Sha512::digest(&text).to_vec(),
        other => {
            let other = other.unwrap_or("sha1");
            return Err(invalid(format!(
                "hash: `{other}` is not there; sha224, sha256, sha384 and sha512 are"
            )));
        }
    };
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `'web1' | extract(hostvars, 'address')`.
fn extract(
    _state: &State<'_, '_>,
    key: &Value,
    container: &Value,
    more: Option<Value>,
) -> Result<Value, Error> {
    let mut value = container.get_item(key)?;
    let keys = match more {
        None => Vec::new(),
        Some(keys) if keys.kind() == ValueKind::Seq => keys.try_iter()?.collect(),
        Some(key) => vec![key],
    };
    for key in keys {
        value = value.get_item(&key)?;
    }
    if value.is_undefined() {
        return Err(invalid(format!(
            "extract: there is no `{}`",
            python::str(key)
        )));
    }
    Ok(value)
}

fn type_debug(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Map => "dict",
        _ => "list",
    }
}
