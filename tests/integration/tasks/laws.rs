//! The laws of `ops::task`, for every case with a tree, on every shell.

use std::path::Path;
use std::sync::Arc;

use ops::model::Outcome;
use ops::task::{Found, Plan, RunMode, Task};
use ops::tasks::{Entry, TASKS};

use super::case::{Case, cases_of};
use super::plans;
use super::shell_host::{SHELLS, ShellHost};
use super::tree::{self, Look, snapshot};

#[test]
fn every_task_keeps_the_laws_on_dash() {
    every_task_keeps_the_laws(SHELLS[0]);
}

#[test]
fn every_task_keeps_the_laws_on_bash() {
    every_task_keeps_the_laws(SHELLS[1]);
}

#[test]
fn every_task_keeps_the_laws_on_busybox() {
    every_task_keeps_the_laws(SHELLS[2]);
}

fn every_task_keeps_the_laws(shell: &[&str]) {
    for entry in TASKS {
        for case in cases_of(entry) {
            if case.is_real() {
                println!("{}: {} ({})", entry.full_name(), case.name, shell[0]);
                keeps_the_laws(entry, &case, shell);
            }
        }
    }
}

fn keeps_the_laws(entry: &Entry, case: &Case, shell: &[&str]) {
    let dir = tempfile::tempdir().expect("a directory");
    let (root, state) = (dir.path().join("ro ot's"), dir.path().join("state"));
    std::fs::create_dir(&root).expect("it was created");
    std::fs::create_dir(&state).expect("it was created");
    tree::build(&root, &case.tree);
    let task = case.task(entry, &root).expect("a task");

    let untouched = snapshot(&root, Look::Untouched);
    let plan = plan(&ShellHost::new(shell, &state), task.as_ref());
    plans::check(case, &root, &plan);
    let checked = ShellHost::new(shell, &state).go(vec![task.clone()], RunMode::Check);
    let expected = match &plan {
        Plan::Unchanged => Outcome::Unchanged,
        // A change that is certain to fail is reported as such.
        Plan::Change(_)
            if case.fails.is_some() && checked.decisions[0].outcome == Outcome::Failed =>
        {
            Outcome::Failed
        }
        Plan::Change(_) => Outcome::WouldChange,
        Plan::Unknown(_) => Outcome::Unknown,
        Plan::Impossible(_) | Plan::Ask(_) | Plan::Interrupted => Outcome::Failed,
    };
    assert_eq!(checked.decisions[0].outcome, expected);
    assert_eq!(
        snapshot(&root, Look::Untouched),
        untouched,
        "check mode writes"
    );

    if let Plan::Change(_) = plan {
        changes(case, &root, &state, shell, task);
    }
}

/// Returns the plan for the answers to the task's queries, with the additional ones that it requests.
fn plan(host: &ShellHost<'_>, task: &dyn Task) -> Plan {
    let mut found = Found::default();
    let mut queries = task.queries();
    loop {
        for (query, answer) in host.ask(&queries) {
            found.insert(query, answer);
        }
        match task.plan(&found) {
            Plan::Ask(more) => {
                assert!(more.iter().any(|query| found.get(query).is_none()));
                queries = more;
            }
            plan => return plan,
        }
    }
}

fn changes(case: &Case, root: &Path, state: &Path, shell: &[&str], task: Arc<dyn Task>) {
    let before = snapshot(root, Look::Same);
    let gone = ShellHost::new(shell, state).go(vec![task.clone()], RunMode::Apply);
    let decision = &gone.decisions[0];
    let note = decision.note.clone().unwrap_or_default();
    if let Some(fails) = &case.fails {
        assert_eq!(decision.outcome, Outcome::Failed);
        assert!(note.contains(fails), "{note}");
        assert_eq!(snapshot(root, Look::Same), before, "it is incomplete");
        return;
    }
    assert_eq!(decision.outcome, Outcome::Changed, "{note}");
    if let Some(said) = &case.note {
        assert_eq!(&note, said);
    }

    let after = snapshot(root, Look::Same);
    for (path, line) in &case.after {
        let found = after.get(path).map_or("absent", String::as_str);
        let found = found.replace(root.to_str().expect("UTF-8"), "$root");
        assert!(matches(&found, line), "{path}: {found}\nwanted: {line}");
    }
    assert!(
        after.keys().all(|path| !path.contains(".ops-")),
        "{after:?}"
    );

    let mut host = ShellHost::new(shell, state);
    let again = host.go(vec![task], RunMode::Apply);
    assert_eq!(again.decisions[0].outcome, Outcome::Unchanged);
    assert_eq!((host.requests, again.made.len()), (1, 0));

    for (change, keep) in gone
        .made
        .iter()
        .rev()
        .filter(|(change, _)| change.undo.is_some())
    {
        host.undo(change, keep).expect("undone");
        assert_eq!(snapshot(root, Look::Same), before, "undone");
    }
}

/// `*` stands for any word.
fn matches(found: &str, pattern: &str) -> bool {
    let (found, pattern): (Vec<_>, Vec<_>) =
        (found.split(' ').collect(), pattern.split(' ').collect());
    found.len() == pattern.len() && found.iter().zip(pattern).all(|(f, p)| p == "*" || *f == p)
}
