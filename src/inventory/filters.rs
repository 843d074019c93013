//! Filters of Ansible that minijinja lacks, or that it has with another meaning.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Kwargs, Rest, Serde, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use regex::Regex;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::error::nearest;
use super::{python, yaml};

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
    nearest(name, KNOWN.iter().copied())
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

/// As Python writes JSON: a space after commas and colons, nothing but ASCII.
fn json(value: &serde_json::Value, sorted: bool) -> String {
    use serde_json::Value as Json;
    let list =
        |items: Vec<String>, open: char, close: char| format!("{open}{}{close}", items.join(", "));
    match value {
        Json::String(text) => ascii(text),
        Json::Array(items) => list(
            items.iter().map(|item| json(item, sorted)).collect(),
            '[',
            ']',
        ),
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            if sorted {
                entries.sort_unstable_by_key(|(key, _)| *key);
            }
            let entry =
                |(key, value): (&String, &Json)| format!("{}: {}", ascii(key), json(value, sorted));
            list(entries.into_iter().map(entry).collect(), '{', '}')
        }
        other => other.to_string(),
    }
}

fn ascii(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    let mut out = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(
                c.encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}")),
            );
        }
    }
    out
}

fn nice_json(value: &serde_json::Value, options: &Kwargs) -> Result<String, Error> {
    let indent = options.get::<Option<usize>>("indent")?.unwrap_or(4);
    let sorted = options.get::<Option<bool>>("sort_keys")?.unwrap_or(true);
    options.assert_all_used()?;
    let mut out = String::new();
    nice(value, &" ".repeat(indent), 0, sorted, &mut out);
    Ok(out)
}

fn nice(value: &serde_json::Value, indent: &str, depth: usize, sorted: bool, out: &mut String) {
    use serde_json::Value as Json;
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.push_str(&indent.repeat(depth));
    };
    match value {
        Json::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(depth + 1, out);
                nice(item, indent, depth + 1, sorted, out);
            }
            line(depth, out);
            out.push(']');
        }
        Json::Object(map) if !map.is_empty() => {
            let mut entries: Vec<_> = map.iter().collect();
            if sorted {
                entries.sort_unstable_by_key(|(key, _)| *key);
            }
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(depth + 1, out);
                out.push_str(&ascii(key));
                out.push_str(": ");
                nice(item, indent, depth + 1, sorted, out);
            }
            line(depth, out);
            out.push('}');
        }
        other => out.push_str(&json(other, sorted)),
    }
}

fn from_json(text: &str) -> Result<Value, Error> {
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| invalid(format!("from_json: the text is no JSON: {error}")))?;
    Ok(Value::from(Serde(value)))
}

fn to_yaml(mut value: serde_json::Value) -> Result<String, Error> {
    value.sort_all_objects();
    let mut text =
        serde_saphyr::to_string(&value).map_err(|error| invalid(format!("to_yaml: {error}")))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn from_yaml(text: &str) -> Result<Value, Error> {
    let node = yaml::parse(text).map_err(|error| {
        invalid(format!(
            "from_yaml: the text is no YAML: line {}: {}",
            error.line, error.message
        ))
    })?;
    Ok(node.map_or(Value::from(()), |node| {
        Value::from(Serde(node.into_value()))
    }))
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

fn combine(
    first: Serde<serde_json::Value>,
    more: Rest<Serde<serde_json::Value>>,
    options: Kwargs,
) -> Result<Value, Error> {
    let recursive = options.get::<Option<bool>>("recursive")?.unwrap_or(false);
    let lists = options
        .get::<Option<String>>("list_merge")?
        .unwrap_or_else(|| "replace".to_owned());
    options.assert_all_used()?;
    if !["replace", "keep", "append", "prepend"].contains(&lists.as_str()) {
        return Err(invalid(format!(
            "combine: list_merge=\"{lists}\" is not replace, keep, append or prepend"
        )));
    }
    let mut all = Vec::new();
    for value in std::iter::once(first.0).chain(more.0.into_iter().map(|value| value.0)) {
        match value {
            serde_json::Value::Array(maps) => all.extend(maps),
            value => all.push(value),
        }
    }
    let mut result = serde_json::Map::new();
    for value in all {
        let serde_json::Value::Object(map) = value else {
            return Err(invalid("combine: it takes mappings only"));
        };
        merge(&mut result, map, recursive, &lists);
    }
    Ok(Value::from(Serde(result)))
}

type Map = serde_json::Map<String, serde_json::Value>;

fn merge(into: &mut Map, from: Map, recursive: bool, lists: &str) {
    use serde_json::Value as Json;
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Json::Object(old)), Json::Object(new)) if recursive => {
                merge(old, new, recursive, lists)
            }
            (Some(Json::Array(old)), Json::Array(mut new)) if lists != "replace" => match lists {
                "append" => old.append(&mut new),
                "prepend" => {
                    new.append(old);
                    *old = new;
                }
                _ => {}
            },
            (_, value) => {
                into.insert(key, value);
            }
        }
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

fn regex(filter: &str, pattern: &str, options: &Kwargs) -> Result<Regex, Error> {
    let multiline = options.get::<Option<bool>>("multiline")?.unwrap_or(false);
    let ignore_case = options.get::<Option<bool>>("ignorecase")?.unwrap_or(false);
    regex::RegexBuilder::new(pattern)
        .multi_line(multiline)
        .case_insensitive(ignore_case)
        .build()
        .map_err(|error| {
            let reason = error.to_string();
            let reason = reason
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned();
            invalid(format!("{filter}: the expression cannot be read: {reason}"))
        })
}

/// `\1` and `\g<name>` of Python as the regex crate writes them.
fn replacement(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '$' => out.push_str("$$"),
            '\\' => {
                let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
                let named = rest
                    .strip_prefix("g<")
                    .and_then(|rest| rest.split_once('>'));
                if digits > 0 {
                    out.push_str(&format!("${{{}}}", &rest[..digits]));
                    rest = &rest[digits..];
                } else if let Some((name, after)) = named {
                    out.push_str(&format!("${{{name}}}"));
                    rest = after;
                } else if let Some(escaped) = rest.chars().next() {
                    out.push_str(match escaped {
                        'n' => "\n",
                        't' => "\t",
                        'r' => "\r",
                        '$' => "$$",
                        _ => &rest[..escaped.len_utf8()],
                    });
                    rest = &rest[escaped.len_utf8()..];
                } else {
                    out.push('\\');
                }
            }
            c => out.push(c),
        }
    }
    out
}

fn regex_replace(
    text: &Value,
    pattern: String,
    with: Option<String>,
    options: Kwargs,
) -> Result<String, Error> {
    let regex = regex("regex_replace", &pattern, &options)?;
    let count = options.get::<Option<usize>>("count")?.unwrap_or(0);
    options.assert_all_used()?;
    let with = replacement(&with.unwrap_or_default());
    Ok(regex
        .replacen(&python::str(text), count, with.as_str())
        .into_owned())
}

fn regex_search(
    text: &Value,
    pattern: String,
    groups: Rest<String>,
    options: Kwargs,
) -> Result<Value, Error> {
    let regex = regex("regex_search", &pattern, &options)?;
    options.assert_all_used()?;
    let text = python::str(text);
    let Some(found) = regex.captures(&text) else {
        return Ok(Value::from(()));
    };
    if groups.is_empty() {
        return Ok(Value::from(found.get(0).map_or("", |all| all.as_str())));
    }
    let mut values = Vec::new();
    for group in groups.iter() {
        let bare = group.trim_start_matches('\\');
        let name = bare
            .strip_prefix("g<")
            .and_then(|name| name.strip_suffix('>'))
            .unwrap_or(bare);
        let value = match name.parse::<usize>() {
            Ok(index) if index < found.len() => found.get(index),
            Err(_) if regex.capture_names().flatten().any(|known| known == name) => {
                found.name(name)
            }
            _ => {
                return Err(invalid(format!(
                    "regex_search: the expression has no group `{group}`"
                )));
            }
        };
        values.push(value.map_or(Value::from(()), |value| Value::from(value.as_str())));
    }
    Ok(Value::from(values))
}

fn regex_findall(text: &Value, pattern: String, options: Kwargs) -> Result<Value, Error> {
    let regex = regex("regex_findall", &pattern, &options)?;
    options.assert_all_used()?;
    let text = python::str(text);
    let group =
        |group: Option<regex::Match<'_>>| Value::from(group.map_or("", |group| group.as_str()));
    let found = regex
        .captures_iter(&text)
        .map(|captures| match captures.len() {
            1 => group(captures.get(0)),
            2 => group(captures.get(1)),
            _ => Value::from(captures.iter().skip(1).map(group).collect::<Vec<_>>()),
        });
    Ok(Value::from(found.collect::<Vec<_>>()))
}

fn dict2items(map: &Value, options: Kwargs) -> Result<Vec<Value>, Error> {
    let key_name = options
        .get::<Option<String>>("key_name")?
        .unwrap_or_else(|| "key".to_owned());
    let value_name = options
        .get::<Option<String>>("value_name")?
        .unwrap_or_else(|| "value".to_owned());
    options.assert_all_used()?;
    if map.kind() != ValueKind::Map {
        return Err(invalid(format!(
            "dict2items: it takes a mapping, not {}",
            map.kind()
        )));
    }
    let item = |key: Value| {
        let value = map.get_item(&key)?;
        Ok([(key_name.clone(), key), (value_name.clone(), value)]
            .into_iter()
            .collect())
    };
    map.try_iter()?.map(item).collect()
}

fn items2dict(items: Vec<Value>, options: Kwargs) -> Result<Value, Error> {
    let key_name = options
        .get::<Option<String>>("key_name")?
        .unwrap_or_else(|| "key".to_owned());
    let value_name = options
        .get::<Option<String>>("value_name")?
        .unwrap_or_else(|| "value".to_owned());
    options.assert_all_used()?;
    items
        .iter()
        .map(|item| {
            let (key, value) = (item.get_attr(&key_name)?, item.get_attr(&value_name)?);
            if key.is_undefined() || value.is_undefined() {
                return Err(invalid(format!(
                    "items2dict: each item must have `{key_name}` and `{value_name}`"
                )));
            }
            Ok((key, value))
        })
        .collect()
}

fn flatten(items: &Value, levels: Option<usize>) -> Result<Vec<Value>, Error> {
    let mut flat = Vec::new();
    for item in items.try_iter()? {
        if item.kind() == ValueKind::Seq && levels != Some(0) {
            flat.extend(flatten(&item, levels.map(|levels| levels - 1))?);
        } else if !item.is_none() {
            flat.push(item);
        }
    }
    Ok(flat)
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
