//! The options that a script function takes: `#{ keep: 7, wait: #{ type: "duration", fallback: "30s" } }`.
//!
//! Each option has a fallback, or a map that describes it with the keys of `param`: `fallback`, `optional`,
//! `type`, `one_of`, `pattern`, `min`, `max`. The type is that of the fallback, unless `type` names one or
//! more others.

use rhai::{Array, Dynamic, FnPtr, Map};
use serde_json::Value;

use super::convert::{described, duration, to_json};
use super::params::value::{is, shown};
use super::params::{Kind, RULE_KEYS, Rule};
use crate::model::suggest::{did_you_mean, listed};

/// Separates the names of types in messages and in schemas: `int or string`.
const OR: &str = " or ";

/// What is wrong with an option.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The option.
    pub key: String,
    pub fault: Fault,
    pub hint: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The option does not exist.
    Unknown,
    /// Its value does not fit or is missing: a fragment that follows the option's name.
    Value(String),
    /// The schema is wrong, which is a mistake of the function, not its caller: a lower-case fragment.
    Schema(String),
}

impl Wrong {
    fn new(key: &str, fault: Fault) -> Self {
        Self {
            key: key.to_owned(),
            fault,
            hint: None,
        }
    }

    /// A message that names the function.
    #[must_use]
    pub(crate) fn message(&self, function: &str) -> String {
        let key = &self.key;
        match &self.fault {
            Fault::Unknown => format!("`{function}` has no option `{key}`"),
            Fault::Value(why) => format!("option `{key}` of `{function}` {why}"),
            Fault::Schema(why) => format!("the schema of option `{key}` of `{function}`: {why}"),
        }
    }
}

/// Fills in the fallbacks of options that were not given. `()` counts as not given.
///
/// # Errors
/// The first option that is unknown, missing or does not fit, or a mistake in the schema.
pub(crate) fn fill(mut given: Map, schema: &Map) -> Result<Map, Wrong> {
    if let Some(unknown) = given.keys().find(|key| !schema.contains_key(*key)) {
        return Err(Wrong {
            hint: Some(instead_of(unknown, schema)),
            ..Wrong::new(unknown, Fault::Unknown)
        });
    }
    let mut filled = Map::new();
    for (key, described) in schema {
        let option =
            Described::read(described).map_err(|why| Wrong::new(key, Fault::Schema(why)))?;
        let value = given.remove(key).filter(|value| !value.is_unit());
        let value = option
            .value(value)
            .map_err(|why| Wrong::new(key, Fault::Value(why)))?;
        filled.insert(key.clone(), value);
    }
    Ok(filled)
}

/// What to write instead of an unknown option.
fn instead_of(key: &str, schema: &Map) -> String {
    let known = || schema.keys().map(AsRef::<str>::as_ref);
    did_you_mean(key, known()).unwrap_or_else(|| match schema.len() {
        0 => "It takes no options.".to_owned(),
        _ => format!("The options are {}.", listed(known())),
    })
}

/// A type of an option: that of a parameter, or one that exists only in scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Plain(Kind),
    Map,
    Closure,
    Any,
}

impl Type {
    /// `path` is missing: it is a file on the controller that the operator names, so only a parameter can
    /// have it.
    const ALL: [(&'static str, Self); 9] = [
        ("string", Self::Plain(Kind::String)),
        ("int", Self::Plain(Kind::Int)),
        ("float", Self::Plain(Kind::Float)),
        ("bool", Self::Plain(Kind::Bool)),
        ("list", Self::Plain(Kind::List)),
        ("duration", Self::Plain(Kind::Duration)),
        ("map", Self::Map),
        ("closure", Self::Closure),
        ("any", Self::Any),
    ];

    fn named(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.iter().map(|(name, _)| *name);
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, kind)| *kind)
            .ok_or_else(|| format!("unknown type `{name}`; the types are {}", listed(names())))
    }

    fn of(value: &Dynamic) -> Self {
        if value.is_string() {
            Self::Plain(Kind::String)
        } else if value.is_int() {
            Self::Plain(Kind::Int)
        } else if value.is_float() {
            Self::Plain(Kind::Float)
        } else if value.is_bool() {
            Self::Plain(Kind::Bool)
        } else if value.is_array() {
            Self::Plain(Kind::List)
        } else if value.is_map() {
            Self::Map
        } else if value.is::<FnPtr>() {
            Self::Closure
        } else {
            Self::Any
        }
    }

    fn described(self) -> &'static str {
        match self {
            Self::Plain(kind) => kind.described(),
            Self::Map => "a map",
            Self::Closure => "a closure",
            Self::Any => "any value",
        }
    }

    fn includes(self, value: &Dynamic) -> bool {
        match self {
            Self::Any => true,
            Self::Plain(Kind::Duration) => duration(value).is_ok(),
            Self::Plain(Kind::Float) if value.is_int() => true,
            other => Self::of(value) == other,
        }
    }
}

/// One option.
struct Described {
    types: Vec<Type>,
    fallback: Option<Dynamic>,
    optional: bool,
    rule: Rule,
}

impl Described {
    /// Reads the fallback or the description of an option. An empty map is a fallback.
    fn read(described: &Dynamic) -> Result<Self, String> {
        match described.read_lock::<Map>() {
            Some(keys) if !keys.is_empty() => Self::description(keys.clone()),
            _ => Ok(Self {
                types: vec![Type::of(described)],
                fallback: Some(described.clone()),
                optional: true,
                rule: Rule::default(),
            }),
        }
    }

    fn description(mut keys: Map) -> Result<Self, String> {
        let fallback = keys.remove("fallback").filter(|value| !value.is_unit());
        let optional = match keys.remove("optional") {
            Some(value) => value
                .as_bool()
                .map_err(|_| "`optional` must be true or false")?,
            None => false,
        };
        let types = match (keys.remove("type"), &fallback) {
            (Some(types), _) => types_of(types)?,
            (None, Some(fallback)) => vec![Type::of(fallback)],
            (None, None) => vec![Type::Any],
        };
        if let Some(key) = keys.keys().find(|key| !RULE_KEYS.contains(&key.as_str())) {
            return Err(format!(
                "unknown key `{key}`; a fallback that is a map is written \
                 `#{{ fallback: #{{ ... }} }}`"
            ));
        }
        let kinds: Vec<Kind> = types
            .iter()
            .filter_map(|kind| match kind {
                Type::Plain(kind) => Some(*kind),
                _ => None,
            })
            .collect();
        let mut wrong = None;
        let rule = Rule::read(
            &kinds,
            |key| keys.remove(key).and_then(|value| to_json(value).ok()),
            |_, why| wrong = wrong.take().or(Some(why)),
        );
        if let Some(why) = wrong {
            return Err(why);
        }
        let described = Self {
            types,
            fallback: None,
            optional,
            rule,
        };
        let fallback = fallback
            .map(|value| described.value(Some(value)))
            .transpose()
            .map_err(|why| format!("`fallback` {why}"))?;
        Ok(Self {
            fallback,
            ..described
        })
    }

    /// The value that the function gets for this one.
    fn value(&self, given: Option<Dynamic>) -> Result<Dynamic, String> {
        let Some(value) = given else {
            return match &self.fallback {
                Some(fallback) => Ok(fallback.clone()),
                None if self.optional => Ok(Dynamic::UNIT),
                None => Err("is missing".into()),
            };
        };
        if !self.types.iter().any(|kind| kind.includes(&value)) {
            return Err(self.not(&value));
        }
        if let Some(json) = ruled(&value) {
            self.rule.allows(&json, false)?;
        }
        Ok(value)
    }

    fn not(&self, value: &Dynamic) -> String {
        // For example a string that is not a duration.
        if let ([Type::Plain(kind)], Ok(json)) = (&self.types[..], to_json(value.clone()))
            && !value.is_map()
            && let Err(why) = is(*kind, &json, false)
        {
            return why;
        }
        let wanted: Vec<&str> = self.types.iter().map(|kind| kind.described()).collect();
        let found = match to_json(value.clone()) {
            Ok(json) if !value.is_map() && !value.is_array() => format!("`{}`", shown(&json)),
            _ => described(value),
        };
        format!("must be {}, not {found}", wanted.join(OR))
    }
}

/// The types in `type`: one name, or a list of them.
fn types_of(given: Dynamic) -> Result<Vec<Type>, String> {
    let names = if given.is_array() {
        given.cast::<Array>()
    } else {
        vec![given]
    };
    if names.is_empty() {
        return Err("`type` must name a type".into());
    }
    let kind_of = |name: Dynamic| match name.into_immutable_string() {
        Ok(name) => Type::named(&name),
        Err(kind) => Err(format!("`type` must be the name of a type, not {kind}")),
    };
    names.into_iter().map(kind_of).collect()
}

/// A value as choices, patterns and bounds see it: `None` if they do not apply to it.
fn ruled(value: &Dynamic) -> Option<Value> {
    if value.is_map() || value.is::<FnPtr>() {
        return None;
    }
    to_json(value.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::engine;

    fn filled(given: &str, schema: &str) -> Result<Map, Wrong> {
        let eval = |text: &str| engine::base().eval::<Map>(text).expect("a map");
        fill(eval(given), &eval(schema))
    }

    /// The options as text, or the error.
    fn shown(given: &str, schema: &str) -> String {
        match filled(given, schema) {
            Ok(options) => Dynamic::from(options).to_string(),
            Err(wrong) => wrong.message("f"),
        }
    }

    #[test]
    fn fills_in_fallbacks() {
        for (given, schema, expected) in [
            (
                "#{}",
                "#{ keep: 7, owner: () }",
                r#"#{"keep": 7, "owner": ()}"#,
            ),
            ("#{ keep: () }", "#{ keep: 7 }", r#"#{"keep": 7}"#),
            ("#{ keep: 3 }", "#{ keep: 7 }", r#"#{"keep": 3}"#),
            ("#{ share: 1 }", "#{ share: 0.5 }", r#"#{"share": 1}"#),
            ("#{}", "#{ vars: #{} }", r#"#{"vars": #{}}"#),
            (
                "#{}",
                "#{ vars: #{ fallback: #{ a: 1 } } }",
                r#"#{"vars": #{"a": 1}}"#,
            ),
            (
                "#{}",
                r#"#{ name: #{ type: "string", optional: true } }"#,
                r#"#{"name": ()}"#,
            ),
            (
                "#{ at: \"x\" }",
                r#"#{ at: #{ type: ["string", "list"] } }"#,
                r#"#{"at": "x"}"#,
            ),
            (
                "#{ wait: 5 }",
                r#"#{ wait: #{ type: "duration", fallback: "30s" } }"#,
                r#"#{"wait": 5}"#,
            ),
            ("#{ any: [|x| x].len() }", "#{ any: () }", r#"#{"any": 1}"#),
        ] {
            assert_eq!(shown(given, schema), expected, "{given} {schema}");
        }
    }

    #[test]
    fn names_values_that_do_not_fit() {
        for (given, schema, expected) in [
            ("#{ keeep: 1 }", "#{ keep: 7 }", "`f` has no option `keeep`"),
            (
                "#{ keep: \"7\" }",
                "#{ keep: 7 }",
                "option `keep` of `f` must be an integer, not `7`",
            ),
            (
                "#{ name: 7 }",
                "#{ name: \"x\" }",
                "option `name` of `f` must be a string: put it in quotes",
            ),
            (
                "#{ keep: [7] }",
                "#{ keep: 7 }",
                "option `keep` of `f` must be an integer, not `7`",
            ),
            (
                "#{ vars: 1 }",
                "#{ vars: #{} }",
                "option `vars` of `f` must be a map, not `1`",
            ),
            (
                "#{ f: |x| x }",
                "#{ f: true }",
                "option `f` of `f` must be true or false, not a closure",
            ),
            (
                "#{ list: #{} }",
                "#{ list: [] }",
                "option `list` of `f` must be a list, not a map",
            ),
            (
                "#{}",
                r#"#{ name: #{ type: "string" } }"#,
                "option `name` of `f` is missing",
            ),
            (
                "#{ wait: \"soon\" }",
                r#"#{ wait: #{ type: "duration", fallback: "30s" } }"#,
                "option `wait` of `f` must be a duration such as 90s or 5m, not `soon`",
            ),
            (
                "#{ on: \"off\" }",
                r#"#{ on: #{ one_of: ["fail", "warn"], fallback: "fail" } }"#,
                "option `on` of `f` must be one of fail, warn, not `off`",
            ),
            (
                "#{ names: [\"a\", \"b/\"] }",
                r#"#{ names: #{ type: "list", pattern: "[a-z]+" } }"#,
                "option `names` of `f` must match `[a-z]+`, not `b/`",
            ),
            (
                "#{ at: 7 }",
                r#"#{ at: #{ type: ["string", "closure"] } }"#,
                "option `at` of `f` must be a string or a closure, not `7`",
            ),
            (
                "#{ keep: 0 }",
                "#{ keep: #{ fallback: 7, min: 1 } }",
                "option `keep` of `f` must be at least 1, not `0`",
            ),
        ] {
            assert_eq!(shown(given, schema), expected, "{given} {schema}");
        }
        let wrong = filled("#{ keeep: 1 }", "#{ keep: 7 }").expect_err("unknown option");
        assert_eq!(wrong.hint.as_deref(), Some("Did you mean `keep`?"));
        assert_eq!(wrong.fault, Fault::Unknown);
    }

    #[test]
    fn a_wrong_schema_is_the_functions_mistake() {
        for (schema, expected) in [
            ("#{ vars: #{ a: 1 } }", "unknown key `a`"),
            (r#"#{ keep: #{ type: "number" } }"#, "unknown type `number`"),
            (
                r#"#{ keep: #{ type: "int", fallback: "7" } }"#,
                "`fallback` must be an integer",
            ),
            (
                "#{ keep: #{ fallback: 7, pattern: \"(\" } }",
                "`pattern` is not a valid regular expression",
            ),
            (
                "#{ keep: #{ fallback: \"x\", min: 1 } }",
                "`min` requires an int",
            ),
            (
                "#{ keep: #{ optional: 1 } }",
                "`optional` must be true or false",
            ),
        ] {
            let fault = filled("#{}", schema).expect_err(schema).fault;
            let is_told = matches!(&fault, Fault::Schema(why) if why.contains(expected));
            assert!(is_told, "{fault:?}");
        }
    }
}
