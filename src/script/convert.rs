//! Converts values of a script to values of the rest of ops, and back.

use std::time::Duration;

use rhai::{Array, Blob, Dynamic, ImmutableString, Map};

use super::nesting;
use crate::declare::Value;

/// Converts a script's value for a task. `Err` names what cannot be converted.
pub(crate) fn to_value(value: Dynamic) -> Result<Value, String> {
    nesting::check(&value)?;
    value_of(value)
}

/// The same for a value whose nesting depth has been checked.
fn value_of(value: Dynamic) -> Result<Value, String> {
    let value = value.flatten();
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(value) = value.as_bool() {
        return Ok(Value::Bool(value));
    }
    if let Ok(value) = value.as_int() {
        return Ok(Value::Int(value));
    }
    if let Ok(value) = value.as_float() {
        return Ok(Value::Float(value));
    }
    if value.is_string() || value.is_char() {
        return Ok(Value::Text(value.to_string()));
    }
    if value.is_blob() {
        return Ok(Value::Bytes(value.cast::<Blob>()));
    }
    if value.is_array() {
        let items = value.cast::<Array>().into_iter().map(value_of);
        return items.collect::<Result<_, _>>().map(Value::List);
    }
    if value.is_map() {
        let entries = value.cast::<Map>().into_iter();
        let entries = entries.map(|(key, value)| Ok((key.to_string(), value_of(value)?)));
        return entries.collect::<Result<_, String>>().map(Value::Map);
    }
    Err(format!(
        "{} cannot be used here: pass a string, a number, true, false, a list or a map",
        described(&value)
    ))
}

/// What a value is, with its article, for messages: `an integer`, `a map`, `a Host`.
pub(crate) fn described(value: &Dynamic) -> String {
    if value.is_unit() {
        return "()".to_owned();
    }
    // Functions of Rust alone know the full path of a type: `ops::script::builtins::host::HostValue`.
    let path = value.type_name();
    let last = path.rsplit("::").next().unwrap_or(path);
    let name = match last.strip_suffix("Value").unwrap_or(last) {
        "i64" => "integer",
        "f64" => "number",
        "bool" => "boolean",
        "char" => "character",
        "Fn" => "closure",
        "array" => "list",
        name => name,
    };
    let article = if name.starts_with(['i', 'O']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

/// Converts a value from an inventory or a host to a script's value.
pub(crate) fn from_json(value: &serde_json::Value) -> Dynamic {
    use serde_json::Value as Json;
    match value {
        Json::Null => Dynamic::UNIT,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| number.as_f64().unwrap_or(f64::NAN).into(), Dynamic::from),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().map(from_json).collect::<Array>().into(),
        Json::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.as_str().into(), from_json(value)));
            entries.collect::<Map>().into()
        }
    }
}

/// Converts a script's value to JSON. `Err` names what cannot be converted.
pub(crate) fn to_json(value: Dynamic) -> Result<serde_json::Value, String> {
    use serde_json::Value as Json;
    let value = value.flatten();
    if value.is_array() {
        let items = value.cast::<Array>().into_iter().map(to_json);
        return items.collect::<Result<_, _>>().map(Json::Array);
    }
    if value.is_map() {
        let entries = value.cast::<Map>().into_iter();
        let entries = entries.map(|(key, value)| Ok((key.to_string(), to_json(value)?)));
        return entries.collect::<Result<_, String>>().map(Json::Object);
    }
    if let Ok(number) = value.as_float() {
        return serde_json::Number::from_f64(number)
            .map(Json::Number)
            .ok_or_else(|| format!("the number {number} cannot be written"));
    }
    match to_value(value)? {
        Value::Null => Ok(Json::Null),
        Value::Bool(value) => Ok(Json::Bool(value)),
        Value::Int(value) => Ok(value.into()),
        Value::Text(text) => Ok(Json::String(text)),
        _ => Err("bytes cannot be written".to_owned()),
    }
}

/// Reads a duration: `"30s"`, `"1h 5m"`, or a number of seconds.
pub(crate) fn duration(value: &Dynamic) -> Result<Duration, String> {
    if let Ok(seconds) = value.as_int() {
        return u64::try_from(seconds)
            .map(Duration::from_secs)
            .map_err(|_| negative(&seconds.to_string()));
    }
    if let Ok(seconds) = value.as_float() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| negative(&seconds.to_string()));
    }
    let text = value.clone().try_cast::<ImmutableString>();
    let text =
        text.ok_or_else(|| "a duration must be a string such as \"30s\", or seconds".to_owned())?;
    humantime::parse_duration(&text).map_err(|error| match error {
        humantime::DurationError::NumberOverflow => format!("the duration `{text}` is too long"),
        error => format!("invalid duration `{text}`: {error}; write it like \"30s\" or \"1h 5m\""),
    })
}

fn negative(number: &str) -> String {
    format!("invalid duration in seconds: {number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_named_as_a_reader_knows_it() {
        #[derive(Clone)]
        struct OutcomeValue;
        let cases: [(Dynamic, &str); 7] = [
            (Dynamic::UNIT, "()"),
            (1_i64.into(), "an integer"),
            (1.5.into(), "a number"),
            ("x".into(), "a string"),
            (Array::new().into(), "a list"),
            (Map::new().into(), "a map"),
            (Dynamic::from(OutcomeValue), "an Outcome"),
        ];
        for (value, name) in cases {
            assert_eq!(described(&value), name);
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration(&"1m 30s".into()), Ok(Duration::from_secs(90)));
        assert_eq!(duration(&Dynamic::from(2_i64)), Ok(Duration::from_secs(2)));
        assert_eq!(
            duration(&Dynamic::from(0.5_f64)),
            Ok(Duration::from_millis(500))
        );
        for wrong in [
            Dynamic::from(-1_i64),
            Dynamic::from(f64::NAN),
            "soon".into(),
            Dynamic::TRUE,
        ] {
            assert!(duration(&wrong).is_err());
        }
    }
}
