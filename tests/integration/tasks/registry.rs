//! The requirements of `docs/adding-things.md` for a task, checked for every task.

use std::collections::BTreeSet;

use ops::tasks::TASKS;

use super::case::{cases_of, file_of};

#[test]
fn every_task_has_cases() {
    for entry in TASKS {
        let cases = cases_of(entry);
        let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(
            names.len(),
            cases.len(),
            "{}: duplicate name",
            entry.full_name()
        );
        let has = |plan: &str| cases.iter().any(|case| case.plan.as_deref() == Some(plan));
        assert!(
            has("change"),
            "{}: no case with a change",
            entry.full_name()
        );
        assert!(
            cases.iter().any(super::case::Case::is_refused),
            "{}: no case with refused arguments",
            entry.full_name()
        );
    }
}

#[test]
fn every_file_of_cases_has_its_task() {
    let known: BTreeSet<_> = TASKS.iter().map(file_of).collect();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tasks");
    for namespace in std::fs::read_dir(root).expect("cases") {
        for file in std::fs::read_dir(namespace.expect("one").path()).expect("cases") {
            let path = file.expect("one").path();
            assert!(known.contains(&path), "{}: no such task", path.display());
        }
    }
}

#[test]
fn every_manual_page_has_an_example() {
    for entry in TASKS {
        let (name, page) = (entry.full_name(), entry.manual.markdown());
        assert!(page.contains("```rhai\n"), "{name}: no example");
        assert!(
            page.contains(&format!("{name}(")),
            "{name}: not used in its example"
        );
        for field in entry.manual.options {
            assert!(
                !field.description().is_empty(),
                "{name}: `{}` is not documented",
                field.name
            );
        }
    }
}

#[test]
fn a_name_refers_to_one_task() {
    let names: BTreeSet<_> = TASKS.iter().map(ops::tasks::Entry::full_name).collect();
    assert_eq!(names.len(), TASKS.len());
    assert!(ops::tasks::find("files", "file").is_some());
    assert!(ops::tasks::find("files", "no").is_none());
}

#[test]
fn arities_follow_from_the_parameters() {
    let arities = |name| ops::tasks::find("files", name).expect("a task").arities();
    assert_eq!(arities("directory"), 1..=2);
    assert_eq!(arities("file"), 1..=3);
    assert_eq!(arities("line"), 2..=3);
}
