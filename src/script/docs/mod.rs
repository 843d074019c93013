//! The reference of the language: every function, task and module with its manual page, generated from the
//! functions of the engine, the entries of the tasks and the comments in the standard modules.

mod page;
mod render;
mod synonyms;
mod types;

use std::collections::BTreeMap;

use rhai::Engine;

use crate::checks;
use crate::tasks;

use super::builtins::with_options;
use super::modules::stdlib;
use super::names::{METHODS, Names, Signature, doc, qualify};
use super::parse::has_options;
use crate::model::suggest::did_you_mean;

pub use page::{Page, Sort};
pub use render::{index, markdown, page};
pub use synonyms::Synonym;

/// Every page, in the order of the reference.
#[must_use]
pub fn reference(engine: &Engine) -> Vec<Page> {
    let mut pages = Vec::new();
    for (name, signatures) in Names::own(engine).all() {
        // Functions without a manual page are internal: conversions to text, comparisons.
        if signatures.iter().any(|signature| !signature.doc.is_empty()) {
            pages.push(builtin(&name, &signatures));
        }
    }
    for name in stdlib::names() {
        pages.extend(module(engine, name));
    }
    pages.extend(types::pages(engine));
    pages.sort_by(|a, b| (a.sort, &a.name).cmp(&(b.sort, &b.name)));
    pages
}

/// The pages that a user means by a name: those with this full name, or whose last part it is.
///
/// # Errors
/// A hint, if there is no such page.
pub fn find<'p>(pages: &'p [Page], name: &str) -> Result<Vec<&'p Page>, Option<String>> {
    let name = name.trim_end_matches("()").trim_start_matches("h.");
    let by =
        |test: &dyn Fn(&Page) -> bool| pages.iter().filter(|page| test(page)).collect::<Vec<_>>();
    let within = format!("{name}::");
    let ways: [&dyn Fn(&Page) -> bool; 2] = [&|page| page.name == name, &|page| {
        page.last() == name || page.name.starts_with(&within)
    }];
    for way in ways {
        let found = by(way);
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let names = pages
        .iter()
        .flat_map(|page| [page.name.as_str(), page.last()]);
    Err(did_you_mean(name, names).or_else(|| did_you_mean(name, synonyms::names())))
}

/// The Ansible term, and the names of the pages that describe its counterpart.
#[must_use]
pub fn synonym(name: &str) -> Option<&'static Synonym> {
    synonyms::find(name)
}

/// Whether a name means these pages. It does not if it is an Ansible term for something else and only matches
/// the last part of a method or a property: `user` does not mean `Host.user`.
#[must_use]
pub fn meant(name: &str, found: &[&Page]) -> bool {
    let Some(synonym) = synonym(name) else {
        return true;
    };
    found.iter().any(|page| {
        page.name == name
            || !matches!(page.sort, Sort::Method | Sort::Property)
            || synonym.pages.contains(&page.name.as_str())
    })
}

/// The pages that contain a word; those that have it in their name come first.
#[must_use]
pub fn search<'p>(pages: &'p [Page], word: &str) -> Vec<&'p Page> {
    let word = word.to_lowercase();
    if word.trim().is_empty() {
        return Vec::new();
    }
    let has = |text: &str| text.to_lowercase().contains(&word);
    let named = |page: &&Page| has(&page.name);
    let told = |page: &&Page| {
        !has(&page.name) && (has(&page.text) || page.options.iter().any(|key| has(key)))
    };
    pages
        .iter()
        .filter(named)
        .chain(pages.iter().filter(told))
        .collect()
}

fn builtin(name: &str, signatures: &[Signature]) -> Page {
    let first = signatures.first();
    let subject = first
        .and_then(|signature| signature.parameters.first())
        .map(|parameter| parameter.kind.as_str())
        .filter(|kind| kind.starts_with(char::is_uppercase) || METHODS.contains(&name));
    let entry = name
        .split_once("::")
        .and_then(|(namespace, name)| tasks::find(namespace, name));
    let manual = match (entry, checks::find(name)) {
        (Some(entry), _) => Some(entry.manual),
        (None, Some(kind)) => Some(kind.manual),
        (None, None) => with_options(name).map(|function| function.manual),
    };
    let text = if let Some(manual) = manual {
        manual.markdown()
    } else {
        let mut docs = signatures.iter().map(|signature| &signature.doc);
        let doc = docs.find(|doc| !doc.is_empty());
        doc.cloned().unwrap_or_default()
    };
    let options = match (entry, checks::find(name)) {
        (Some(entry), _) => entry.manual.option_names(),
        (None, Some(kind)) => checks::option_names(kind),
        (None, None) => super::check::option_names(name),
    };
    let (sort, name) = match (name.strip_prefix("get$"), subject) {
        (Some(property), Some(subject)) => (Sort::Property, format!("{subject}.{property}")),
        (Some(property), None) => (Sort::Property, property.to_owned()),
        (None, Some(subject)) if entry.is_none() => (Sort::Method, format!("{subject}.{name}")),
        _ if entry.is_some() => (Sort::Task, name.to_owned()),
        _ => (Sort::Function, name.to_owned()),
    };
    let mut shown: Vec<String> = match sort {
        Sort::Property => vec![name.clone()],
        Sort::Method => signatures.iter().map(page::method).collect(),
        _ => signatures.iter().map(Signature::shown).collect(),
    };
    shown.dedup();
    Page {
        sort,
        name,
        signatures: shown,
        options: options.into_iter().map(ToOwned::to_owned).collect(),
        text,
    }
}

/// The pages of a standard module and its public functions.
fn module(engine: &Engine, name: &str) -> Vec<Page> {
    let Some(Ok(ast)) = stdlib::text(name).map(|text| engine.compile(text)) else {
        return Vec::new();
    };
    let mut pages = vec![Page {
        sort: Sort::Module,
        name: format!("std/{name}"),
        signatures: vec![format!("import \"std/{name}\" as {name};")],
        options: Vec::new(),
        text: doc(&[ast.doc()]),
    }];
    let mut functions: BTreeMap<String, (Vec<String>, String)> = BTreeMap::new();
    let mut written: Vec<_> = ast.iter_functions().collect();
    // The text is that of the form with the most parameters, which describes all options.
    written.sort_by_key(|function| std::cmp::Reverse(function.params.len()));
    for function in written {
        if function.access.is_private() || function.name.starts_with("anon$") {
            continue;
        }
        let full = qualify(name, function.name);
        let (signatures, text) = functions.entry(full.clone()).or_default();
        let optional = has_options(function.name, &function.params);
        let mark = if optional { "?" } else { "" };
        signatures.push(format!("{full}({}{mark})", function.params.join(", ")));
        if text.is_empty() {
            *text = doc(&function.comments);
        }
    }
    // Rhai returns the functions of a script in random order: sort the shortest form first.
    for (signatures, _) in functions.values_mut() {
        signatures.sort_by_key(|signature| (signature.matches(',').count(), signature.clone()));
    }
    pages.extend(
        functions
            .into_iter()
            .map(|(name, (signatures, text))| Page {
                sort: Sort::Module,
                name,
                signatures,
                options: Vec::new(),
                text,
            }),
    );
    pages
}

#[cfg(test)]
mod tests;
