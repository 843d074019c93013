//! Checks declared as data, as in an inventory: `{ http = "http://127.0.0.1:8080/healthz", body = "ok" }`.
//!
//! The key that names a kind has its first argument as the value, or `true` if it takes none, or a table
//! with everything. The other keys are its further arguments and its options, with the same names as in a
//! playbook.

use super::vantage::{Check, Vantage};
use crate::checks::{self, Entry, KINDS, find, option_names};
use crate::declare::{ArgumentError, Arguments, Place, Value, unknown_option};
use crate::model::suggest::did_you_mean;

/// A check, and where it runs.
#[derive(Clone)]
pub struct Declared {
    pub check: Check,
    /// `controller`, or the name of a host; the host itself if not given.
    pub from: Option<String>,
}

/// Why a declared check is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its index in the list, counted from 0. `None` for the list itself.
    pub index: Option<usize>,
    /// The kind of check, if known.
    pub kind: Option<&'static str>,
    pub error: ArgumentError,
}

/// The checks of a list, or all errors in it.
///
/// # Errors
/// Fails if it is not a list, if an entry is not a check, or if the kind does not accept the arguments.
pub fn declared(list: Value) -> Result<Vec<Declared>, Vec<Mistake>> {
    let items = match list {
        Value::Null => return Ok(Vec::new()),
        Value::List(items) => items,
        _ => {
            let error = ArgumentError::call("must be a list of checks")
                .hint("For example: [{ http = \"http://127.0.0.1:8080/healthz\" }, \"memory\"]");
            return Err(vec![Mistake {
                index: None,
                kind: None,
                error,
            }]);
        }
    };
    let mut checks = Vec::new();
    let mut mistakes = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        match one(item) {
            Ok(check) => checks.push(check),
            Err((kind, error)) => mistakes.push(Mistake {
                index: Some(index),
                kind,
                error,
            }),
        }
    }
    if mistakes.is_empty() {
        Ok(checks)
    } else {
        Err(mistakes)
    }
}

type Wrong = (Option<&'static str>, ArgumentError);

fn one(item: Value) -> Result<Declared, Wrong> {
    let mut given = match item {
        // The name of a kind that needs no arguments.
        Value::Text(name) => vec![(name, Value::Bool(true))],
        Value::Map(given) => given,
        _ => {
            let error = ArgumentError::call("a check must be a table or the name of a kind");
            return Err((None, error));
        }
    };
    let entry = kind(&given).map_err(|error| (None, error))?;
    let wrong = |error| (Some(entry.name), error);
    let subject = take(&mut given, entry.name).unwrap_or(Value::Null);
    let values = arguments(entry, subject, given).map_err(wrong)?;
    let mut arguments = Arguments::new(values);
    let from = match arguments.take_option("from") {
        None | Some(Value::Null) => None,
        Some(Value::Text(from)) if from == "host" => None,
        Some(Value::Text(from)) => Some(from),
        Some(_) => {
            let message = "must be \"host\", \"controller\" or the name of a host";
            return Err(wrong(ArgumentError::option("from", message)));
        }
    };
    let what = checks::construct(entry, arguments).map_err(wrong)?;
    let check = Check {
        what,
        vantage: Vantage::Host,
    };
    Ok(Declared { check, from })
}

/// The kind that a key names. A key that is an option of the kind does not name one: `port` of `postgres`.
fn kind(given: &[(String, Value)]) -> Result<&'static Entry, ArgumentError> {
    let named: Vec<&Entry> = given.iter().filter_map(|(key, _)| find(key)).collect();
    let knows_others = |entry: &&&Entry| {
        let options = option_names(entry);
        named
            .iter()
            .all(|other| other.name == entry.name || options.contains(&other.name))
    };
    if let Some(entry) = named.iter().find(knows_others) {
        return Ok(entry);
    }
    if let [one, other, ..] = named.as_slice() {
        let message = format!(
            "`{}` and `{}` are two different checks",
            one.name, other.name
        );
        return Err(ArgumentError::call(message).hint("Write a separate table for each."));
    }
    let kinds = || KINDS.iter().map(|entry| entry.name);
    // The first key usually names the kind.
    let error = match given.first() {
        None => ArgumentError::call("the table is empty"),
        Some((key, _)) if given.len() == 1 => ArgumentError::call(format!("unknown check `{key}`")),
        Some(_) => ArgumentError::call("none of its keys is a kind of check"),
    };
    let near = given.iter().find_map(|(key, _)| did_you_mean(key, kinds()));
    let all = || format!("The checks are {}.", kinds().collect::<Vec<_>>().join(", "));
    Err(error.hint(near.unwrap_or_else(all)))
}

/// The values of the equivalent call in a playbook.
fn arguments(
    entry: &Entry,
    subject: Value,
    mut given: Vec<(String, Value)>,
) -> Result<Vec<Value>, ArgumentError> {
    let mut values = Vec::new();
    let mut parameters = entry.parameters.iter();
    match (subject, parameters.clone().next()) {
        (Value::Map(inner), _) => {
            for (key, value) in inner {
                if given.iter().any(|(known, _)| *known == key) {
                    return Err(ArgumentError::option(key, "is given twice"));
                }
                given.push((key, value));
            }
        }
        (Value::Bool(true) | Value::Null, None) => {}
        (_, None) => {
            let message = format!("`{0}` takes no argument: write `{0} = true`", entry.name);
            return Err(ArgumentError::call(message));
        }
        (subject, Some(_)) => {
            values.push(subject);
            parameters.next();
        }
    }
    for parameter in parameters {
        values.push(take(&mut given, parameter.name).unwrap_or(Value::Null));
    }
    // The names of positional arguments are valid here too.
    let known = option_names(entry);
    if let Some((key, _)) = given.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        let names = entry.parameters.iter().map(|parameter| parameter.name);
        let known: Vec<&str> = names.chain(known).collect();
        return Err(unknown_option(key, &known));
    }
    values.push(Value::Map(given));
    Ok(values)
}

fn take(given: &mut Vec<(String, Value)>, key: &str) -> Option<Value> {
    let at = given.iter().position(|(known, _)| known == key)?;
    Some(given.remove(at).1)
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(index) = self.index {
            write!(f, "check {}", index + 1)?;
            if let Some(kind) = self.kind {
                write!(f, ", `{kind}`")?;
            }
            f.write_str(": ")?;
        }
        match &self.error.place {
            Place::Option(key) => write!(f, "option `{key}`: {}", self.error.message),
            Place::Parameter(_) | Place::Call => f.write_str(&self.error.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<Declared>, Vec<Mistake>> {
        let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
        declared(value.into())
    }

    fn labels(json: &str) -> Vec<String> {
        let checks = read(json).unwrap_or_else(|wrong| panic!("{json}: {}", wrong[0]));
        checks.iter().map(|one| one.check.label()).collect()
    }

    fn refused(json: &str) -> String {
        let mistakes = read(json).err().expect(json);
        let mistake = &mistakes[0];
        match &mistake.error.hint {
            Some(hint) => format!("{mistake}. {hint}"),
            None => mistake.to_string(),
        }
    }

    #[test]
    fn a_key_names_the_kind_and_its_value_is_the_subject() {
        assert_eq!(
            labels(
                r#"[{"disk": "/srv", "free": "5G"}, {"name": "Memory", "memory": true}, "load",
                    {"memory": {"available": "1G"}}, {"disk": {"path": "/var", "inodes": "1%"}}]"#
            ),
            ["disk /srv", "Memory", "load", "memory", "disk /var"]
        );
        assert!(labels("null").is_empty() && labels("[]").is_empty());
    }

    #[test]
    fn an_option_may_have_the_name_of_a_kind() {
        assert_eq!(
            labels(
                r#"[{"port": 5433, "postgres": true}, {"postgres": {"host": "db", "port": 1}}]"#
            ),
            ["postgres :5433", "postgres db:1"]
        );
    }

    #[test]
    fn a_check_runs_where_it_says() {
        let from = |from: &str| {
            let checks = read(&format!(r#"[{{"disk": "/", "from": "{from}"}}]"#));
            checks.unwrap_or_default()[0].from.clone()
        };
        assert_eq!(from("host"), None);
        assert_eq!(from("controller").as_deref(), Some("controller"));
        assert_eq!(from("lb1").as_deref(), Some("lb1"));
    }

    #[test]
    fn an_error_names_the_check_and_similar_names() {
        let says = |json: &str, parts: &[&str]| {
            let refused = refused(json);
            for part in parts {
                assert!(refused.contains(part), "{refused}");
            }
        };
        says(r#"{"disk": "/"}"#, &["a list of checks"]);
        says(
            r#"["load", {"dsk": "/"}]"#,
            &["check 2: unknown check `dsk`", "`disk`"],
        );
        says(
            r#"[{"disk": "/", "fre": "5%"}]"#,
            &["check 1, `disk`: option `fre`", "`free`"],
        );
        says(r#"[{"disk": "/", "pth": "/"}]"#, &["`path`"]);
        says(
            r#"[{"disk": "/", "free": "5GB"}]"#,
            &["option `free`", "invalid amount", "\"5G\""],
        );
        says(r#"[{"disk": "srv"}]"#, &["not an absolute path"]);
        says(r#"[{"disk": true}]"#, &["path"]);
        says(r#"[{"memory": "1G"}]"#, &["`memory = true`"]);
        says(
            r#"[{"disk": "/", "memory": true}]"#,
            &["two different checks"],
        );
        says(
            r#"[{"disk": {"path": "/"}, "path": "/"}]"#,
            &["given twice"],
        );
        says(r"[{}]", &["the table is empty"]);
        says(r"[7]", &["a table or the name of a kind"]);
        says(r#"["disk"]"#, &["path"]);
        says(r#"[{"disk": "/", "from": 1}]"#, &["option `from`"]);
        says(
            r#"[{"disk": "/", "timeout": "soon"}]"#,
            &["option `timeout`"],
        );
    }

    #[test]
    fn reports_every_error_in_a_list() {
        assert_eq!(
            read(r#"["a", "load", {"disk": 1}]"#)
                .err()
                .map(|all| all.len()),
            Some(2)
        );
    }
}
