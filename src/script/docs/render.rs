//! Pages as text, for a terminal and as Markdown.

use std::fmt::Write as _;

use super::page::{Page, Sort};

/// Every name with its summary, by kind. The caller aligns the two columns.
#[must_use]
pub fn index(pages: &[Page]) -> Vec<(&'static str, Vec<(String, String)>)> {
    Sort::ALL
        .into_iter()
        .map(|(sort, title)| {
            let of_sort = pages.iter().filter(|page| page.sort == sort);
            (
                title,
                of_sort
                    .map(|page| (page.name.clone(), page.summary()))
                    .collect(),
            )
        })
        .collect()
}

/// A page for a terminal: examples are indented, everything else is unchanged.
#[must_use]
pub fn page(page: &Page) -> String {
    let mut text = String::new();
    for signature in &page.signatures {
        let _ = writeln!(text, "{signature}");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let mut in_example = false;
    for line in page.text.lines() {
        if line.starts_with("```") {
            in_example = !in_example;
        } else {
            let indent = if in_example && !line.is_empty() {
                "    "
            } else {
                ""
            };
            let _ = writeln!(text, "{indent}{line}");
        }
    }
    if !page.options.is_empty() {
        let _ = writeln!(text, "\nOptions: {}", page.options.join(", "));
    }
    text
}

/// The whole reference as one Markdown document.
#[must_use]
pub fn markdown(pages: &[Page]) -> String {
    let mut text = String::from("# Reference\n");
    for (sort, title) in Sort::ALL {
        let _ = writeln!(text, "\n## {title}");
        for page in pages.iter().filter(|page| page.sort == sort) {
            let _ = writeln!(text, "\n### `{}`\n\n```rhai", page.name);
            for signature in &page.signatures {
                let _ = writeln!(text, "{signature}");
            }
            let _ = writeln!(text, "```\n\n{}", page.text);
            if !page.options.is_empty() {
                let keys: Vec<String> = page.options.iter().map(|key| format!("`{key}`")).collect();
                let _ = writeln!(text, "\nOptions: {}", keys.join(", "));
            }
        }
    }
    text
}
