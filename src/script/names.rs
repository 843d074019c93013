//! Every function that a playbook can call without importing anything: what the engine was given, with its
//! signatures and its documentation. Feeds the static checks, "did you mean", error messages and `ops doc`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rhai::Engine;
use serde::Deserialize;

/// One way to call a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `files`, or empty.
    pub namespace: String,
    pub name: String,
    pub parameters: Vec<Parameter>,
    /// As a user calls the type; empty for none.
    pub returns: String,
    /// Markdown.
    pub doc: String,
}

/// What a function takes: its name and its type, either of them empty where the engine was not told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub kind: String,
}

impl Signature {
    /// The name with its namespace.
    #[must_use]
    pub fn qualified(&self) -> String {
        qualify(&self.namespace, &self.name)
    }

    /// `files::file(path: string, content: string, options: map)`.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut text = self.qualified();
        text.push('(');
        for (index, parameter) in self.parameters.iter().enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            match (parameter.name.as_str(), parameter.kind.as_str()) {
                ("", "") => text.push('_'),
                (name, "") => text.push_str(name),
                ("", kind) => text.push_str(kind),
                (name, kind) => {
                    let _ = write!(text, "{name}: {kind}");
                }
            }
        }
        text.push(')');
        text
    }
}

/// All of them, by name.
#[derive(Debug, Default)]
pub struct Names {
    functions: BTreeMap<String, Vec<Signature>>,
}

impl Names {
    #[must_use]
    pub const fn new() -> Self {
        Self {
            functions: BTreeMap::new(),
        }
    }

    /// Asks the engine for everything that can be called.
    #[must_use]
    pub fn of(engine: &Engine) -> Self {
        Self::ask(engine, true)
    }

    /// Asks the engine for what is ours, and not Rhai's own.
    #[must_use]
    pub fn own(engine: &Engine) -> Self {
        Self::ask(engine, false)
    }

    fn ask(engine: &Engine, with_standard_packages: bool) -> Self {
        let mut names = Self::default();
        // The engine writes JSON that it can describe itself; nothing of a playbook is in it.
        let metadata = engine
            .gen_fn_metadata_to_json(with_standard_packages)
            .ok()
            .and_then(|json| serde_json::from_str::<Metadata>(&json).ok())
            .unwrap_or_default();
        names.add("", metadata);
        // Rhai gives the overloads of one length in an order that changes from build to build.
        for signatures in names.functions.values_mut() {
            signatures
                .sort_by_cached_key(|signature| (signature.parameters.len(), signature.shown()));
        }
        names
    }

    fn add(&mut self, namespace: &str, metadata: Metadata) {
        for function in metadata.functions {
            self.insert(Signature {
                namespace: namespace.to_owned(),
                name: function.name,
                parameters: function
                    .params
                    .into_iter()
                    .map(|parameter| Parameter {
                        kind: type_name(&parameter.kind),
                        name: parameter.name,
                    })
                    .collect(),
                returns: match type_name(&function.return_type) {
                    unit if unit == "()" => String::new(),
                    other => other,
                },
                doc: doc(&function.doc_comments),
            });
        }
        for (name, module) in metadata.modules {
            self.add(&qualify(namespace, &name), module);
        }
    }

    pub fn insert(&mut self, signature: Signature) {
        self.functions
            .entry(signature.qualified())
            .or_default()
            .push(signature);
    }

    /// The ways to call a function of this (qualified) name.
    #[must_use]
    pub fn of_name(&self, name: &str) -> &[Signature] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    /// Everything, operators and property accessors too.
    pub fn all(&self) -> impl Iterator<Item = (&str, &[Signature])> {
        self.functions
            .iter()
            .map(|(name, signatures)| (name.as_str(), signatures.as_slice()))
    }

    /// Every function by its qualified name, operators and property accessors left out.
    pub fn callable(&self) -> impl Iterator<Item = (&str, &[Signature])> {
        self.functions
            .iter()
            .filter(|(name, _)| is_identifier(name))
            .map(|(name, signatures)| (name.as_str(), signatures.as_slice()))
    }

    /// The names without a namespace.
    pub fn plain(&self) -> impl Iterator<Item = &str> {
        self.callable()
            .map(|(name, _)| name)
            .filter(|name| !name.contains("::"))
    }

    /// The names of one namespace, without it.
    pub fn within(&self, namespace: &str) -> impl Iterator<Item = &str> {
        self.callable().filter_map(move |(name, _)| {
            name.strip_prefix(namespace)?
                .strip_prefix("::")
                .filter(|rest| !rest.contains("::"))
        })
    }

    /// The namespaces, each once.
    #[must_use]
    pub fn namespaces(&self) -> Vec<&str> {
        let mut found: Vec<_> = self
            .callable()
            .filter_map(|(name, _)| name.rsplit_once("::").map(|(namespace, _)| namespace))
            .collect();
        found.dedup();
        found
    }

    /// Properties that some type of ours has: `h.facts`.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.functions
            .keys()
            .filter_map(|name| name.strip_prefix("get$"))
    }
}

#[must_use]
pub fn qualify(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}::{name}")
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && !name.contains('$')
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == ':')
}

/// Rhai's name of a type, as the reference calls it.
#[must_use]
pub fn type_name(rhai: &str) -> String {
    let name = rhai
        .trim()
        .trim_start_matches("&mut ")
        .trim_start_matches('&')
        .trim();
    if let Some(inner) = name
        .strip_prefix("RhaiResultOf<")
        .or_else(|| name.strip_prefix("Result<"))
        .and_then(|rest| rest.strip_suffix('>'))
    {
        return type_name(inner.split(", Box<").next().unwrap_or(inner));
    }
    let known = match name {
        "i64" | "INT" | "integer" => "int",
        "f64" | "FLOAT" => "float",
        "str"
        | "String"
        | "ImmutableString"
        | "SmartString"
        | "&str | ImmutableString | String"
        | "str | ImmutableString | String" => "string",
        "Array" | "Vec<Dynamic>" => "array",
        "Map" => "map",
        "Fn" | "FnPtr" | "Fn*" => "closure",
        "Dynamic" | "?" | "_" | "RhaiResult" => "any",
        "Range<i64>" | "RangeInclusive<i64>" | "range" | "range=" => "range",
        other => other.rsplit("::").next().unwrap_or(other),
    };
    known.to_owned()
}

/// The text of doc comments, without their marks.
#[must_use]
pub fn doc<S: AsRef<str>>(comments: &[S]) -> String {
    let lines: Vec<&str> = comments
        .iter()
        .flat_map(|comment| comment.as_ref().lines())
        .map(|line| {
            let line = line.trim_start();
            let line = line
                .strip_prefix("///")
                .or_else(|| line.strip_prefix("//!"))
                .unwrap_or(line);
            line.strip_prefix(' ').unwrap_or(line).trim_end()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    functions: Vec<Function>,
    #[serde(default)]
    modules: BTreeMap<String, Metadata>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Function {
    name: String,
    #[serde(default)]
    params: Vec<FunctionParameter>,
    #[serde(default)]
    return_type: String,
    #[serde(default)]
    doc_comments: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct FunctionParameter {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
}

#[cfg(test)]
mod tests {
    use rhai::{FuncRegistration, Module};

    use super::*;

    #[test]
    fn knows_what_the_engine_was_given() {
        let mut engine = crate::script::engine::base();
        let mut files = Module::new();
        FuncRegistration::new("file")
            .with_params_info(["path: &str", "content: &str", "Task"])
            .with_comments(["/// Puts a text into a file.", "///", "/// More."])
            .set_into_module(&mut files, |_: &str, _: &str| 1_i64);
        engine.register_static_module("files", files.into());
        let names = Names::of(&engine);
        let [signature] = names.of_name("files::file") else {
            panic!("{:?}", names.of_name("files::file"));
        };
        assert_eq!(
            signature.shown(),
            "files::file(path: string, content: string)"
        );
        assert_eq!(signature.doc, "Puts a text into a file.\n\nMore.");
        assert_eq!(names.within("files").collect::<Vec<_>>(), ["file"]);
        assert!(names.namespaces().contains(&"files"));
        assert!(names.plain().any(|name| name == "parse_int"));
        assert!(!names.plain().any(|name| name.contains('+')));
    }
}
