//! Every function that a playbook can call without an import: what the engine knows, with signatures and
//! documentation. Used by the static checks, "did you mean", error messages and `ops doc`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rhai::{Engine, Identifier};

/// Functions of ops that are methods of one of Rhai's types.
pub const METHODS: [&str; 4] = ["join", "lines", "replaced", "trimmed"];

/// One way to call a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `files`, or empty.
    pub namespace: String,
    pub name: String,
    pub parameters: Vec<Parameter>,
    /// The type as shown to users; empty for none.
    pub returns: String,
    /// Markdown.
    pub doc: String,
}

/// A parameter of a function: its name and its type. Either is empty if the engine does not know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub kind: String,
}

impl Signature {
    /// The signatures of the functions of an engine with their full names, as far as `wanted` says so.
    fn of(engine: &Engine, with_rhai: bool, wanted: impl Fn(&str) -> bool + Copy) -> Vec<Self> {
        // Rhai does not export the types of what the closure gets.
        engine.collect_fn_metadata(
            None,
            |function| {
                let known = function.metadata;
                let name = qualify(&function.namespace, &known.name);
                if !wanted(&name) {
                    return None;
                }
                let parameters = known.params_info.iter();
                let parameters = parameters.map(|parameter| Parameter::of(parameter));
                let returns = kind(&known.return_type);
                Some(Self {
                    namespace: function.namespace.to_string(),
                    name: known.name.to_string(),
                    // Of some of its own functions, Rhai knows only the number of parameters.
                    parameters: parameters
                        .chain(std::iter::repeat(Parameter::default()))
                        .take(known.num_params)
                        .collect(),
                    returns: if returns == "()" {
                        String::new()
                    } else {
                        returns
                    },
                    doc: doc(&known.comments),
                })
            },
            with_rhai,
        )
    }

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

impl Parameter {
    /// `name: type`, as registered with the engine.
    fn of(told: &str) -> Self {
        let (name, told) = told.split_once(':').unwrap_or((told, ""));
        Self {
            name: match name.trim() {
                "?" | "_" => String::new(),
                name => name.to_owned(),
            },
            kind: match told.trim() {
                "" | "?" | "_" => String::new(),
                told => kind(told),
            },
        }
    }
}

/// A function as most questions need it: most ask only whether it exists.
#[derive(Debug)]
struct Overload {
    parameters: usize,
    returns_nothing: bool,
}

/// The functions of an engine by name, and their signatures on request.
pub struct Names<'e> {
    engine: &'e Engine,
    with_rhai: bool,
    functions: BTreeMap<Identifier, Vec<Overload>>,
}

impl<'e> Names<'e> {
    /// Everything that can be called in the engine.
    #[must_use]
    pub fn of(engine: &'e Engine) -> Self {
        Self::read(engine, true)
    }

    /// Everything in the engine that belongs to ops and not to Rhai.
    #[must_use]
    pub fn own(engine: &'e Engine) -> Self {
        Self::read(engine, false)
    }

    fn read(engine: &'e Engine, with_rhai: bool) -> Self {
        let mut functions: BTreeMap<Identifier, Vec<Overload>> = BTreeMap::new();
        let found = engine.collect_fn_metadata(
            None,
            |function| {
                let known = function.metadata;
                let name = if function.namespace.is_empty() {
                    known.name.clone()
                } else {
                    qualify(&function.namespace, &known.name).into()
                };
                let overload = Overload {
                    parameters: known.num_params,
                    returns_nothing: is_unit(&known.return_type),
                };
                Some((name, overload))
            },
            with_rhai,
        );
        for (name, overload) in found {
            functions.entry(name).or_default().push(overload);
        }
        Self {
            engine,
            with_rhai,
            functions,
        }
    }

    /// Whether anything has this (qualified) name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// The numbers of arguments that the functions of this (qualified) name take.
    pub fn arities(&self, name: &str) -> impl Iterator<Item = usize> {
        self.overloads(name).map(|overload| overload.parameters)
    }

    fn overloads(&self, name: &str) -> impl Iterator<Item = &Overload> {
        self.functions.get(name).into_iter().flatten()
    }

    /// The ways to call a function of this (qualified) name. Asks the engine each time.
    #[must_use]
    pub fn of_name(&self, name: &str) -> Vec<Signature> {
        sorted(Signature::of(self.engine, self.with_rhai, |full| {
            full == name
        }))
    }

    /// Whether there are functions with this name and number of parameters, and all of them return `()`.
    #[must_use]
    pub fn gives_nothing(&self, name: &str, parameters: usize) -> bool {
        let mut found = self
            .overloads(name)
            .filter(|overload| overload.parameters == parameters)
            .peekable();
        found.peek().is_some() && found.all(|overload| overload.returns_nothing)
    }

    /// The signatures of everything by name, including operators and property accessors. Asks the engine.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Vec<Signature>> {
        let mut all: BTreeMap<String, Vec<Signature>> = BTreeMap::new();
        for signature in Signature::of(self.engine, self.with_rhai, |_| true) {
            all.entry(signature.qualified())
                .or_default()
                .push(signature);
        }
        all.into_iter()
            .map(|(name, signatures)| (name, sorted(signatures)))
            .collect()
    }

    /// The qualified name of every function, without operators and property accessors.
    pub fn callable(&self) -> impl Iterator<Item = &str> {
        self.functions
            .keys()
            .map(Identifier::as_str)
            .filter(|name| is_identifier(name))
    }

    /// The names without a namespace.
    pub fn plain(&self) -> impl Iterator<Item = &str> {
        self.callable().filter(|name| !name.contains("::"))
    }

    /// The names in one namespace, without the namespace.
    pub fn within(&self, namespace: &str) -> impl Iterator<Item = &str> {
        self.callable().filter_map(move |name| {
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
            .filter_map(|name| name.rsplit_once("::").map(|(namespace, _)| namespace))
            .collect();
        found.dedup();
        found
    }

    /// Properties that any of ops' types has: `h.facts`.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.functions
            .keys()
            .filter_map(|name| name.strip_prefix("get$"))
    }
}

/// Sorted, because Rhai returns overloads of the same length in an order that changes from build to build.
fn sorted(mut signatures: Vec<Signature>) -> Vec<Signature> {
    signatures.sort_by_cached_key(|signature| (signature.parameters.len(), signature.shown()));
    signatures
}

fn is_unit(declared: &str) -> bool {
    // Most types are not unit, and reading a type takes time.
    declared.contains("()") && kind(declared) == "()"
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

/// The type of a parameter or result, independent of the spacing in its declaration.
fn kind(told: &str) -> String {
    let told = told.trim().trim_start_matches("&mut ");
    type_name(&told.replace(' ', ""))
}

/// The name that the reference uses for one of Rhai's types.
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
        let (given, _error) = inner
            .split_once(", Box<")
            .or_else(|| inner.split_once(",Box<"))
            .unwrap_or((inner, ""));
        return type_name(given);
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
        "Blob" => "blob",
        "Fn" | "FnPtr" | "Fn*" => "closure",
        "Dynamic" | "?" | "_" | "RhaiResult" => "any",
        "Range<i64>"
        | "RangeInclusive<i64>"
        | "ExclusiveRange"
        | "InclusiveRange"
        | "range"
        | "range=" => "range",
        other => other.rsplit("::").next().unwrap_or(other),
    };
    known.to_owned()
}

/// The text of doc comments, without their markers.
#[must_use]
pub fn doc<S: AsRef<str>>(comments: &[S]) -> String {
    let lines: Vec<&str> = comments
        .iter()
        .flat_map(|comment| comment.as_ref().lines())
        .map(|line| {
            let comment = line.trim_start();
            let comment = (comment.strip_prefix("///")).or_else(|| comment.strip_prefix("//!"));
            // Functions that are declared outside the language have no markers.
            let line = comment.unwrap_or(line);
            line.strip_prefix(' ').unwrap_or(line).trim_end()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests;
