//! `json::`, `yaml::` and `toml::`: parse a string to a value, and format a value as a string.

use rhai::{Dynamic, Engine, EvalAltResult, Module, NativeCallContext};

use super::declare_plain;
use crate::script::convert::{from_json, to_json};
use crate::script::error::argument;
use crate::script::nesting;

type Json = serde_json::Value;

/// A format: its namespace, title and example, and both directions. Error messages are lower-case
/// fragments.
struct Format {
    name: &'static str,
    title: &'static str,
    example: &'static str,
    parse: fn(&str) -> Result<Json, String>,
    write: fn(&Json) -> Result<String, String>,
    note: &'static str,
}

const FORMATS: [Format; 3] = [
    Format {
        name: "json",
        title: "JSON",
        example: r##"#"{"port": 80}"#"##,
        parse: |text| serde_json::from_str(text).map_err(|error| error.to_string()),
        write: |value| {
            serde_json::to_string_pretty(value)
                .map(|text| text + "\n")
                .map_err(|error| error.to_string())
        },
        note: "The text is indented by two spaces and ends with a newline.",
    },
    Format {
        name: "yaml",
        title: "YAML",
        example: "\"port: 80\"",
        parse: |text| {
            serde_saphyr::from_str(text).map_err(|error| {
                let error = error.to_string();
                error.lines().next().unwrap_or_default().to_owned()
            })
        },
        write: |value| serde_saphyr::to_string(value).map_err(|error| error.to_string()),
        note: "The text ends with a newline.",
    },
    Format {
        name: "toml",
        title: "TOML",
        example: "\"port = 80\"",
        parse: |text| {
            let table: toml::Table =
                toml::from_str(text).map_err(|error| toml_error(text, &error))?;
            from_toml(toml::Value::Table(table))
        },
        write: |value| toml::to_string_pretty(value).map_err(|error| error.to_string()),
        note: "The value must be a map. TOML has no `()`, so a key with that value is an error.",
    },
];

pub(super) fn register(engine: &mut Engine) {
    for format in &FORMATS {
        let Format {
            name,
            title,
            example,
            note,
            ..
        } = format;
        let mut module = Module::new();
        let page = format!(
            "Parses {title} and returns its value: maps, arrays, strings, numbers, `true`, `false` and \
             `()`.\n\n\
             ```rhai\nlet settings = {name}::parse({example});\nlog::info(settings.port);\n```"
        );
        declare_plain("parse", &["text: &str", "Dynamic"], &page).set_into_module(
            &mut module,
            move |context: NativeCallContext, text: &str| {
                (format.parse)(text)
                    .map(|value| from_json(&value))
                    .map_err(|error| {
                        argument(&context, format!("failed to parse {title}: {error}"))
                    })
            },
        );
        let page = format!(
            "Formats a value as {title}. {note} Keys are in alphabetical order.\n\n\
             ```rhai\nlet text = {name}::format(#{{ port: 80, hosts: [\"a\", \"b\"] }});\n```"
        );
        declare_plain("format", &["value: Dynamic", "String"], &page).set_into_module(
            &mut module,
            move |context: NativeCallContext,
                  value: Dynamic|
                  -> Result<String, Box<EvalAltResult>> {
                nesting::check(&value)
                    .and_then(|()| to_json(value))
                    .and_then(|value| (format.write)(&value))
                    .map_err(|error| {
                        argument(&context, format!("failed to write {title}: {error}"))
                    })
            },
        );
        engine.register_static_module(*name, module.into());
    }
}

fn toml_error(text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| before.matches('\n').count() + 1);
    let message = error.message().lines().next().unwrap_or_default();
    line.map_or_else(
        || message.to_owned(),
        |line| format!("{message} at line {line}"),
    )
}

/// A TOML date becomes a string.
fn from_toml(value: toml::Value) -> Result<Json, String> {
    Ok(match value {
        toml::Value::String(text) => Json::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(value) => Json::Bool(value),
        toml::Value::Datetime(date) => Json::String(date.to_string()),
        toml::Value::Array(items) => {
            Json::Array(items.into_iter().map(from_toml).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => {
            let entries = table
                .into_iter()
                .map(|(key, value)| Ok((key, from_toml(value)?)));
            Json::Object(entries.collect::<Result<_, String>>()?)
        }
    })
}
