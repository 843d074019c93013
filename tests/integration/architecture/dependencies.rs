//! Unused dependencies.

use std::fs;

use super::{root, sources};

/// Crates whose name is not that of their library.
const LIBRARIES: &[(&str, &str)] = &[("md-5", "md5")];

#[test]
fn every_dependency_is_used() {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let manifest: toml::Table = text.parse().expect("it is TOML");
    let all = ["src", "tests", "benches", "examples"];
    // What only tests use is a dev-dependency.
    for (section, dirs) in [("dependencies", &all[..1]), ("dev-dependencies", &all[..])] {
        let texts: Vec<String> = dirs
            .iter()
            .flat_map(|dir| sources(dir))
            .map(|source| source.text)
            .collect();
        let crates = manifest[section].as_table().expect("a table");
        let unused: Vec<&String> = crates
            .keys()
            .filter(|name| !texts.iter().any(|text| names(text, &library(name))))
            .collect();
        assert!(unused.is_empty(), "unused in [{section}]: {unused:?}");
    }
}

fn library(name: &str) -> String {
    let other = LIBRARIES.iter().find(|(known, _)| *known == name);
    other.map_or_else(
        || name.replace('-', "_"),
        |(_, library)| (*library).to_owned(),
    )
}

/// Whether a text names something of the library: `library::`.
fn names(text: &str, library: &str) -> bool {
    let path = format!("{library}::");
    text.match_indices(&path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    })
}
