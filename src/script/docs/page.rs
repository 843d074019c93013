//! One manual page.

use serde::Serialize;

use crate::script::names::Signature;

/// The kind of a page, in the order of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    Function,
    Method,
    Property,
    Task,
    /// One of Rhai's own types, with its methods.
    Type,
    /// A module of the standard library, or a function in it.
    Module,
}

impl Sort {
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Function, "Functions"),
        (Self::Method, "Methods"),
        (Self::Property, "Properties"),
        (Self::Task, "Tasks"),
        (Self::Type, "Types of values"),
        (Self::Module, "Standard modules"),
    ];
}

#[derive(Debug, Clone, Serialize)]
pub struct Page {
    pub sort: Sort,
    /// `each`, `Host.apply`, `files::file`, `std/versions`, `versions::compare`.
    pub name: String,
    /// Every way to call it.
    pub signatures: Vec<String>,
    /// The keys of its options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Markdown; the first sentence is the summary.
    pub text: String,
}

impl Page {
    /// The last part of the name.
    #[must_use]
    pub fn last(&self) -> &str {
        self.name
            .rsplit(['.', ':', '/'])
            .next()
            .unwrap_or(&self.name)
    }

    /// The first sentence of the text.
    #[must_use]
    pub fn summary(&self) -> String {
        let paragraph = self
            .text
            .split("\n\n")
            .next()
            .unwrap_or_default()
            .replace('\n', " ");
        match paragraph.split_once(". ") {
            Some((first, _)) => format!("{first}."),
            None => paragraph,
        }
    }

    /// The examples: the Rhai blocks in the text.
    #[must_use]
    pub fn examples(&self) -> Vec<String> {
        self.text
            .split("```rhai\n")
            .skip(1)
            .filter_map(|rest| rest.split_once("```"))
            .map(|(example, _)| example.to_owned())
            .collect()
    }
}

/// `host.apply(task: Task)`.
pub(crate) fn method(signature: &Signature) -> String {
    let subject = signature
        .parameters
        .first()
        .map_or("x", |parameter| parameter.name.as_str());
    let rest = Signature {
        parameters: signature.parameters.iter().skip(1).cloned().collect(),
        ..signature.clone()
    };
    format!(
        "{}.{}",
        if subject.is_empty() { "x" } else { subject },
        rest.shown()
    )
}
