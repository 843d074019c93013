//! The documentation: every link leads to an existing file, and to a heading in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Returns all pages: those of the root, of `docs/`, and beside examples and playbooks.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = Vec::new();
    for dir in ["", "docs", "examples/shop", "playbooks"] {
        let entries = std::fs::read_dir(root.join(dir)).expect("a directory");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        pages.extend(paths.filter(|path| path.extension().is_some_and(|ext| ext == "md")));
    }
    pages.sort();
    pages
}

/// Returns the lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// Returns the anchors of the headings of a page, as GitHub creates them.
fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter_map(|line| {
            line.strip_prefix('#')?
                .trim_start_matches('#')
                .strip_prefix(' ')
        })
        .map(|heading| {
            let kept = heading
                .trim()
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.flat_map(char::to_lowercase)
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

/// Returns the targets of the links in a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

#[test]
fn every_link_has_a_target() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        let links = prose(&text).flat_map(targets);
        for link in links.filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = match file {
                "" => page.clone(),
                file => page.parent().expect("it is in a directory").join(file),
            };
            let has_anchor = || {
                let target = std::fs::read_to_string(&path).unwrap_or_default();
                anchors(&target).contains(anchor)
            };
            if !path.exists() || !anchor.is_empty() && !has_anchor() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn the_table_of_contents_lists_every_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let contents = std::fs::read_to_string(docs.join("README.md")).expect("the contents");
    for page in pages().iter().filter(|page| page.starts_with(&docs)) {
        let name = page
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        assert!(
            name == "README.md" || contents.contains(&format!("]({name})")),
            "docs/README.md does not list {name}"
        );
    }
}

/// A promise without its test would be only a claim.
#[test]
fn the_tests_of_the_guarantees_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/guarantees.md")).expect("the page");
    let mut sources = String::new();
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                sources.push_str(&std::fs::read_to_string(path).expect("a source"));
            }
        }
    }
    let tests: Vec<&str> = text
        .split('`')
        .filter_map(|word| word.split_once("::"))
        .map(|(_, test)| test)
        .collect();
    assert!(tests.len() >= 10, "{tests:?}");
    for test in tests {
        assert!(
            sources.contains(&format!("fn {test}(")),
            "docs/guarantees.md names the test {test}, which does not exist"
        );
    }
}
