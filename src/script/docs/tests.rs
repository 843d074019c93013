//! The reference is whole, and its examples are right.

use crate::script::prepare::{complete_engine, prepare};

use super::{Page, Sort, find, index, markdown, page, reference};

fn pages() -> Vec<Page> {
    reference(&complete_engine())
}

#[test]
fn every_sort_has_pages() {
    let pages = pages();
    for (title, entries) in index(&pages) {
        assert!(!entries.is_empty(), "nothing under {title}");
        for (name, summary) in entries {
            assert!(!summary.is_empty(), "{name} does not say what it does");
        }
    }
    for name in [
        "each",
        "Host.apply",
        "Host.facts",
        "files::file",
        "std/versions",
        "versions::compare",
    ] {
        assert!(pages.iter().any(|page| page.name == name), "no page {name}");
    }
}

#[test]
fn every_task_has_a_page() {
    let pages = pages();
    for entry in crate::tasks::TASKS {
        let name = entry.full_name();
        let page = pages.iter().find(|page| page.name == name);
        let page = page.unwrap_or_else(|| panic!("no page {name}"));
        assert_eq!(page.sort, Sort::Task);
        assert_eq!(page.options, entry.options(), "{name}");
    }
}

#[test]
fn finds_pages_by_the_names_that_people_use() {
    let pages = pages();
    let names = |name: &str| {
        find(&pages, name).map(|found| {
            found
                .iter()
                .map(|page| page.name.clone())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(names("each"), Ok(vec!["each".to_owned()]));
    assert_eq!(names("h.apply"), Ok(vec!["Host.apply".to_owned()]));
    assert_eq!(names("template"), Ok(vec!["files::template".to_owned()]));
    assert!(names("files").unwrap().contains(&"files::line".to_owned()));
    assert!(
        names("versions")
            .unwrap()
            .contains(&"std/versions".to_owned())
    );
    assert_eq!(names("eech"), Err(Some("Did you mean `each`?".to_owned())));
}

#[test]
fn a_page_reads_on_a_terminal_and_as_markdown() {
    let pages = pages();
    let compare = find(&pages, "versions::compare").unwrap();
    insta::assert_snapshot!(page(compare[0]));
    assert!(markdown(&pages).contains("### `versions::compare`"));
}

/// Examples stand in a playbook as they are; one that speaks of a host `h` without saying where it comes from
/// stands in an `each`.
#[test]
fn every_example_passes_the_checks() {
    let mut wrong = Vec::new();
    for page in pages() {
        for example in page.examples() {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("example.rhai");
            let lone = example.contains("h.") && !example.contains("|h|");
            let text = if lone {
                format!("each(hosts(\"all\"), |h| {{\n{example}\n}});")
            } else {
                example.clone()
            };
            std::fs::write(&path, text).unwrap();
            // A file beside the playbook that only the example has is no mistake of it.
            let failures = prepare(&path).err().unwrap_or_default().into_iter();
            wrong.extend(
                failures
                    .filter(|failure| !failure.message.contains("No such file"))
                    .map(|failure| format!("{}: {failure}\n{example}", page.name)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
