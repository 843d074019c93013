//! The reference is complete, and its examples are correct.

use crate::script::prepare::{complete_engine, prepare};

use super::{Page, Sort, find, index, markdown, meant, page, reference, search, synonym};

fn pages() -> Vec<Page> {
    reference(&complete_engine())
}

#[test]
fn every_sort_has_pages() {
    let pages = pages();
    for (title, entries) in index(&pages) {
        assert!(!entries.is_empty(), "nothing under {title}");
        for (name, summary) in entries {
            assert!(!summary.is_empty(), "{name} has no summary");
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
        assert_eq!(page.options, entry.manual.option_names(), "{name}");
    }
}

/// `WITH_OPTIONS` of the built-ins lists each function that takes options.
#[test]
fn every_function_with_options_lists_them() {
    for page in pages() {
        let takes = |signature: &String| signature.contains("options: map");
        let is_ours = matches!(page.sort, Sort::Function | Sort::Method | Sort::Task);
        if is_ours && page.signatures.iter().any(takes) {
            let takes_none = page.name == "options" || page.sort == Sort::Task;
            assert!(takes_none || !page.options.is_empty(), "{}", page.name);
        }
    }
}

#[test]
fn finds_pages_by_common_names() {
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
    assert_eq!(
        names("lineinfil"),
        Err(Some("Did you mean `lineinfile`?".to_owned()))
    );
}

#[test]
fn ansible_terms_precede_properties_that_end_in_them() {
    let pages = pages();
    for (word, is_meant) in [
        ("user", false),
        ("stat", true),
        ("service", true),
        ("file", true),
    ] {
        let found = find(&pages, word).unwrap();
        assert_eq!(meant(word, &found), is_meant, "{word}");
    }
    for (word, page) in [
        ("stat", "Host.stat"),
        ("user", "users::present"),
        ("authorized_key", "users::present"),
        ("handler", "services::running"),
        ("notify", "services::running"),
        ("run_once", "hosts"),
        ("when", "Host.facts"),
    ] {
        assert_eq!(synonym(word).unwrap().pages[0], page, "{word}");
    }
}

/// Rhai returns the functions of a script in an order that changes from build to build.
#[test]
fn lists_every_form_of_a_function_shortest_first() {
    let pages = pages();
    let [unit] = find(&pages, "systemd::unit").unwrap()[..] else {
        panic!("one page")
    };
    assert_eq!(unit.signatures, ["systemd::unit(name, content, options?)"]);
    for page in &pages {
        let commas = |signature: &String| signature.matches(',').count();
        assert!(
            page.signatures.is_sorted_by_key(commas),
            "{:?}",
            page.signatures
        );
    }
}

#[test]
fn examples_keep_their_indentation() {
    let pages = pages();
    for (name, line) in [
        ("task", "    probe: \"cat /proc/swaps\","),
        ("rollout", "    batch: "),
        ("std/haproxy", "    "),
    ] {
        let page = find(&pages, name).unwrap()[0];
        let kept = page
            .examples()
            .iter()
            .any(|example| example.lines().any(|written| written.starts_with(line)));
        assert!(kept, "{name}\n{}", page.text);
    }
}

#[test]
fn finds_words_and_rhais_types() {
    let pages = pages();
    let string = find(&pages, "string").unwrap()[0];
    assert_eq!(string.sort, Sort::Type);
    for line in [
        "- `text.split(",
        "- `text.replaced(find, with)`: ",
        "- `text.trim()`: ",
    ] {
        assert!(string.text.contains(line), "{line}\n{}", string.text);
    }
    let found = |word: &str| {
        let pages = search(&pages, word);
        pages
            .iter()
            .map(|page| page.name.clone())
            .collect::<Vec<_>>()
    };
    assert!(found("hosts_file").is_empty());
    assert!(found("crypt(5)").contains(&"users::present".to_owned()));
    assert_eq!(found("append_keys"), ["users::present"]);
    assert!(found("dictionary").contains(&"map".to_owned()));
    assert_eq!(
        synonym("ansible.builtin.lineinfile").unwrap().pages,
        ["files::line"]
    );
    assert!(synonym("files::line").is_none());
}

#[test]
fn a_page_reads_on_a_terminal_and_as_markdown() {
    let pages = pages();
    let compare = find(&pages, "versions::compare").unwrap();
    insta::assert_snapshot!(page(compare[0]));
    assert!(markdown(&pages).contains("### `versions::compare`"));
}

/// Examples are complete playbooks. One that uses a host `h` without defining it is put into an `each`.
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
            // A file next to the playbook that only the example has is not a mistake.
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
