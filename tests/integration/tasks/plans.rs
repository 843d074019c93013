//! The plans of the cases: for arguments that are refused, and for the answers of a host.

use std::path::Path;

use ops::task::{Answer, Plan};
use ops::tasks::TASKS;

use super::case::{Case, cases_of, lines};
use super::facts::found;

#[test]
fn names_refused_arguments() {
    for entry in TASKS {
        for case in cases_of(entry) {
            println!("{}: {}", entry.full_name(), case.name);
            match case.task(entry, Path::new("/root-of-the-case")) {
                Err(error) => case.refused(&error),
                Ok(task) => {
                    assert!(!case.is_refused(), "the arguments are accepted");
                    if let Some(label) = &case.label {
                        let said = task.label().replace("/root-of-the-case", "$root");
                        assert_eq!(&said, label);
                    }
                }
            }
        }
    }
}

#[test]
fn answers_lead_to_the_plan() {
    for entry in TASKS {
        for case in &cases_of(entry) {
            let Some(facts) = &case.facts else { continue };
            println!("{}: {}", entry.full_name(), case.name);
            let root = Path::new("/root-of-the-case");
            let task = case.task(entry, root).expect("a task");
            let mut found = found(facts);
            let mut plan = task.plan(&found);
            // Additional questions get the answers in the case, or a check that finds no problem.
            if let Plan::Ask(queries) = &plan {
                for query in queries {
                    let rows = case.table.iter().map(|(k, v)| (k.clone(), v.clone()));
                    found.insert(query.clone(), Answer::Table(rows.collect()));
                }
                plan = task.plan(&found);
            }
            check(case, root, &plan);
        }
    }
}

/// Compares a plan with a case.
pub(crate) fn check(case: &Case, root: &Path, plan: &Plan) {
    let (word, reason) = match plan {
        Plan::Unchanged => ("unchanged", None),
        Plan::Change(_) => ("change", None),
        Plan::Unknown(reason) => ("unknown", Some(reason)),
        Plan::Impossible(reason) => ("impossible", Some(reason)),
        Plan::Ask(_) | Plan::Interrupted => panic!("decides nothing: {plan:?}"),
    };
    assert_eq!(Some(word), case.plan.as_deref(), "{plan:?}");
    if let Some(because) = &case.because {
        let reason = reason.map(String::as_str).unwrap_or_default();
        assert!(reason.contains(because), "{reason}");
    }
    if let Plan::Change(change) = plan {
        if let Some(diff) = &case.diff {
            assert_eq!(&lines(&change.diff, root), diff);
        }
        let root = root.to_str().expect("UTF-8");
        if let Some(apply) = &case.apply {
            assert_eq!(change.apply.replace(root, "$root").trim(), apply.trim());
        }
        if let Some(undo) = &case.undo {
            let made = change.undo.as_deref().unwrap_or_default();
            assert_eq!(made.replace(root, "$root").trim(), undo.trim());
        }
    }
}
