//! The files in `examples/` are the ones that the README shows, and they are correct.

use std::path::Path;

use crate::ops::Ops;

/// Returns the text of the first code block of a language.
fn block<'t>(page: &'t str, language: &str) -> &'t str {
    let (_, rest) = page
        .split_once(&format!("```{language}\n"))
        .unwrap_or_else(|| panic!("no block of {language}"));
    rest.split_once("```").expect("the block ends").0
}

#[test]
fn the_first_playbook_is_the_one_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| {
        std::fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let readme = read("README.md");
    let inventory = read("examples/first/inventory.toml");
    let playbook = read("examples/first/motd.rhai");
    assert_eq!(inventory, block(&readme, "toml"));
    assert_eq!(playbook, block(&readme, "rhai"));
    // The inventory is found in the same directory.
    Ops::new()
        .file("inventory.toml", inventory)
        .file("motd.rhai", playbook)
        .args(["check", "motd.rhai", "--var", "owner=ada"])
        .run()
        .ok()
        .stdout_has("3 hosts");
}
