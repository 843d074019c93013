//! What the package tasks share: their scripts for apt, labels and queries.

use std::time::Duration;

use super::spec::Spec;
use crate::declare::Span;
use crate::task::{Found, Query, Resource, Touches};

const APT: &str = concat!(include_str!("held.sh"), include_str!("apt.sh"));

/// How long to wait for another package manager.
const USUAL_WAIT: Duration = Duration::from_mins(5);

/// Installing can take long.
pub(crate) const USUAL_TIMEOUT: Duration = Duration::from_mins(30);

pub(crate) fn label(function: &str, specs: &[Spec]) -> String {
    let names: Vec<String> = specs.iter().map(Spec::argument).collect();
    format!("packages::{function} {}", names.join(" "))
}

pub(crate) fn queries(specs: &[Spec]) -> Vec<Query> {
    specs
        .iter()
        .map(|spec| Query::Package(spec.name.clone()))
        .collect()
}

pub(crate) fn touches(specs: &[Spec]) -> Touches {
    Touches {
        reads: Vec::new(),
        writes: specs
            .iter()
            .map(|spec| Resource::Package(spec.name.clone()))
            .collect(),
    }
}

pub(crate) fn held(name: &str, version: &str) -> String {
    format!("{name} is held at version {version}: `apt-mark unhold {name}` would allow changes")
}

/// What all scripts start with.
pub(crate) fn head(wait: Option<Span>) -> String {
    let wait = wait.map_or(USUAL_WAIT, |span| span.0).as_secs();
    format!("patience={wait}\n{APT}")
}

pub(crate) fn undo(wait: Option<Span>) -> String {
    format!("{}change_back\n", head(wait))
}

/// Notes about names that other packages provide.
pub(crate) fn provided(
    specs: &[Spec],
    found: &Found,
    say: impl Fn(&str, &str) -> String,
) -> Option<String> {
    let notes: Vec<String> = specs
        .iter()
        .filter_map(|spec| {
            let package = found.package(&spec.name).ok().flatten()?;
            Some(say(&spec.name, package.provider.as_deref()?))
        })
        .collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}
