//! `json::`, `yaml::` and `toml::`: parse a string to a value, and format a value as a string.

use rhai::{Dynamic, Engine, EvalAltResult, Module, NativeCallContext};

use super::declare;
use crate::declare::{Function, function};
use crate::script::convert::{from_json, to_json};
use crate::script::error::argument;
use crate::script::nesting;

type Json = serde_json::Value;

/// A format: its namespace and title, its functions, and both directions. Error messages are lower-case
/// fragments.
struct Format {
    name: &'static str,
    title: &'static str,
    functions: [Function; 2],
    parse: fn(&str) -> Result<Json, String>,
    write: fn(&Json) -> Result<String, String>,
}

/// A format with the pages of its functions. `$example` is a text that `parse` takes, and `$note` describes
/// the text that `format` returns.
macro_rules! declare_format {
    ($name:literal, $title:literal, $example:literal, $note:literal, $parse:expr, $write:expr) => {{
        function! {
            #[doc = concat!(
                " Parses ", $title, " and returns its value: maps, arrays, strings, numbers, `true`, ",
                "`false` and `()`."
            )]
            ///
            /// ```rhai
            #[doc = concat!(" let settings = ", $name, "::parse(", $example, ");")]
            /// log::info(settings.port);
            /// ```
            PARSE = parse {
                (text: String) -> Dynamic,
            }

            #[doc = concat!(" Formats a value as ", $title, ". ", $note, " Keys are in alphabetical order.")]
            ///
            /// ```rhai
            #[doc = concat!(" let text = ", $name, "::format(#{ port: 80, hosts: [\"a\", \"b\"] });")]
            /// ```
            FORMAT = format {
                (value: Dynamic) -> String,
            }
        }
        Format {
            name: $name,
            title: $title,
            functions: [PARSE, FORMAT],
            parse: $parse,
            write: $write,
        }
    }};
}

const FORMATS: [Format; 3] = [
    declare_format!(
        "json",
        "JSON",
        r##"#"{"port": 80}"#"##,
        "The text is indented by two spaces and ends with a newline.",
        |text| serde_json::from_str(text).map_err(|error| error.to_string()),
        |value| {
            serde_json::to_string_pretty(value)
                .map(|text| text + "\n")
                .map_err(|error| error.to_string())
        }
    ),
    declare_format!(
        "yaml",
        "YAML",
        "\"port: 80\"",
        "The text ends with a newline.",
        |text| {
            serde_saphyr::from_str(text).map_err(|error| {
                let error = error.to_string();
                error.lines().next().unwrap_or_default().to_owned()
            })
        },
        |value| serde_saphyr::to_string(value).map_err(|error| error.to_string())
    ),
    declare_format!(
        "toml",
        "TOML",
        "\"port = 80\"",
        "The value must be a map. TOML has no `()`, so a key with that value is an error.",
        |text| {
            let table: toml::Table =
                toml::from_str(text).map_err(|error| toml_error(text, &error))?;
            from_toml(toml::Value::Table(table))
        },
        |value| toml::to_string_pretty(value).map_err(|error| error.to_string())
    ),
];

pub(super) fn register(engine: &mut Engine) {
    for format in &FORMATS {
        let Format {
            name,
            title,
            functions: [parse, write],
            ..
        } = format;
        let mut module = Module::new();
        declare(parse, 0).set_into_module(
            &mut module,
            move |context: NativeCallContext, text: &str| {
                (format.parse)(text)
                    .map(|value| from_json(&value))
                    .map_err(|error| {
                        argument(&context, format!("failed to parse {title}: {error}"))
                    })
            },
        );
        declare(write, 0).set_into_module(
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
