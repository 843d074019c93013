//! A batch has the same result as its tasks one at a time, and a check predicts what a run does.

use std::path::Path;
use std::sync::Arc;

use ops::declare::{Arguments, Value};
use ops::model::Outcome;
use ops::task::{RunMode, Task};
use ops::tasks::{Surroundings, find};
use proptest::prelude::*;

use super::shell_host::{SHELLS, ShellHost};
use super::tree::{Look, Snapshot, snapshot};

/// There is no playbook around these.
pub(crate) struct Nowhere;

impl Surroundings for Nowhere {
    fn read(&self, _: &str) -> Result<Arc<[u8]>, String> {
        Err("there is nothing".to_owned())
    }

    fn vars(&self) -> minijinja::Value {
        minijinja::Value::UNDEFINED
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    name: &'static str,
    path: &'static str,
    content: Option<&'static str>,
    options: Vec<(&'static str, Value)>,
}

impl Call {
    pub(crate) fn task(&self, root: &Path) -> Arc<dyn Task> {
        let mut values = vec![Value::Text(format!("{}/{}", root.display(), self.path))];
        values.extend(self.content.map(Value::from));
        let options = self.options.iter();
        let options = options.map(|(key, value)| ((*key).to_owned(), value.clone()));
        values.push(Value::Map(options.collect()));
        let entry = find("files", self.name).expect("a task");
        (entry.make)(Arguments::new(values), &Nowhere).expect("taken")
    }
}

const PATHS: &[&str] = &["a", "a/b", "a/b/c", "a/f", "f", "l"];

fn call() -> impl Strategy<Value = Call> {
    let path = proptest::sample::select(PATHS);
    let name = proptest::sample::select(vec![
        "directory",
        "directory",
        "file",
        "file",
        "line",
        "line",
        "link",
        "absent",
    ]);
    let mode =
        proptest::option::weighted(0.3, proptest::sample::select(vec!["0700", "g+w", "0644"]));
    let flag = any::<bool>();
    (path, name, 0..3_usize, mode, flag).prop_map(|(path, name, which, mode, flag)| {
        // One path has one name: a path through a link is not recognised as its target.
        let path = if name == "link" { "l" } else { path };
        let name = if path == "l" && name != "absent" {
            "link"
        } else {
            name
        };
        let content = match name {
            "file" => Some(["x\n", "y\n", "x\ny\n"][which]),
            "line" => Some(["x", "y", "z"][which]),
            "link" => Some(["a", "f", "nowhere"][which]),
            _ => None,
        };
        let mut options: Vec<(&str, Value)> = Vec::new();
        match name {
            "link" => options.push(("force", Value::Bool(flag))),
            "line" => options.push(("absent", Value::Bool(flag && which == 0))),
            "file" => options.push(("if_absent", Value::Bool(flag && which == 0))),
            _ => {}
        }
        if let Some(mode) = mode.filter(|_| ["directory", "file", "line"].contains(&name)) {
            options.push(("mode", mode.into()));
        }
        Call {
            name,
            path,
            content,
            options,
        }
    })
}

/// The result of a batch.
struct Came {
    outcomes: Vec<Outcome>,
    notes: Vec<Option<String>>,
    tree: Snapshot,
    requests: usize,
}

fn go(before: &[Call], calls: &[Call], mode: RunMode, one_by_one: bool) -> Came {
    let dir = tempfile::tempdir().expect("a directory");
    let (root, state) = (dir.path().join("root"), dir.path().join("state"));
    std::fs::create_dir(&root).expect("it was created");
    std::fs::create_dir(&state).expect("it was created");
    let mut host = ShellHost::new(SHELLS[0], &state);
    for call in before {
        host.go(vec![call.task(&root)], RunMode::Apply);
    }
    let tasks: Vec<_> = calls.iter().map(|call| call.task(&root)).collect();
    host.requests = 0;
    let mut decisions = Vec::new();
    if one_by_one {
        for task in tasks {
            decisions.extend(host.go(vec![task], mode).decisions);
            if decisions
                .last()
                .is_some_and(|v| v.outcome == Outcome::Failed)
            {
                break;
            }
        }
    } else {
        decisions = host.go(tasks, mode).decisions;
    }
    let mut tree = snapshot(&root, Look::Same);
    for line in tree.values_mut().filter(|line| line.starts_with("file")) {
        // The time at which a content changed differs between runs.
        let mut words: Vec<&str> = line.split(' ').collect();
        words.remove(3);
        *line = words.join(" ");
    }
    Came {
        outcomes: decisions.iter().map(|v| v.outcome).collect(),
        notes: decisions.into_iter().map(|v| v.note).collect(),
        tree,
        requests: host.requests,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..crate::generation::config(40, file!()) })]
    #[test]
    fn a_batch_has_the_result_of_single_tasks(
        before in proptest::collection::vec(call(), 0..4),
        calls in proptest::collection::vec(call(), 1..8),
    ) {
        let batch = go(&before, &calls, RunMode::Apply, false);
        let single = go(&before, &calls, RunMode::Apply, true);
        prop_assert_eq!(&batch.tree, &single.tree);
        prop_assert!(batch.requests <= single.requests);
        let (made, skipped) = batch.outcomes.split_at(single.outcomes.len());
        prop_assert_eq!(made, &single.outcomes, "{:?} {:?}", &batch.notes, &single.notes);
        prop_assert!(skipped.iter().all(|outcome| *outcome == Outcome::Skipped));
        let failed = single.notes.iter().flatten().any(|note| note.contains("converge"));
        prop_assert!(!failed, "{:?}", single.notes);

        let check = go(&before, &calls, RunMode::Check, false);
        for (at, (would, did)) in check.outcomes.iter().zip(&single.outcomes).enumerate() {
            let right = match would {
                Outcome::Unchanged => *did == Outcome::Unchanged,
                // A refusal by the host shows only in the attempt.
                Outcome::WouldChange => matches!(did, Outcome::Changed | Outcome::Failed),
                Outcome::Unknown => true,
                Outcome::Failed => *did == Outcome::Failed,
                Outcome::Changed | Outcome::Skipped => false,
            };
            prop_assert!(right, "task {}: check mode reports {}, a run {}", at, would, did);
        }
    }
}

#[test]
fn undoes_lines_of_one_script_one_by_one() {
    for shell in SHELLS {
        for there in [None, Some("first\n")] {
            let dir = tempfile::tempdir().expect("a directory");
            let (root, state) = (dir.path().join("root"), dir.path().join("state"));
            std::fs::create_dir(&root).expect("it was created");
            std::fs::create_dir(&state).expect("it was created");
            let path = root.join("f");
            if let Some(there) = there {
                std::fs::write(&path, there).expect("written");
            }
            let line = |text: &'static str, options: Vec<(&'static str, Value)>| Call {
                name: "line",
                path: "f",
                content: Some(text),
                options,
            };
            let calls = [
                line("it's", vec![]),
                line("100% \\n", vec![("mode", "0600".into())]),
                line("third", vec![("after", "^it".into())]),
                line("last", vec![("at", "start".into())]),
                // `validate` reads the new file, so this line gets a separate script.
                line("checked", vec![("validate", "grep -q last %s".into())]),
                line("end", vec![]),
            ];
            let tasks = calls.iter().map(|call| call.task(&root)).collect();
            let mut host = ShellHost::new(shell, &state);
            let gone = host.go(tasks, RunMode::Apply);
            assert!(
                gone.decisions.iter().all(|v| v.outcome == Outcome::Changed),
                "{:?}",
                gone.decisions
            );
            // The line with a mode and the validated line have separate scripts.
            let scripts: Vec<bool> = gone.made.iter().map(|(c, _)| !c.apply.is_empty()).collect();
            assert_eq!(scripts, [true, true, false, false, true, true]);
            let head = there.unwrap_or_default();
            let states = [
                format!("last\n{head}it's\nthird\n100% \\n\nchecked\n"),
                format!("last\n{head}it's\nthird\n100% \\n\n"),
                format!("{head}it's\nthird\n100% \\n\n"),
                format!("{head}it's\n100% \\n\n"),
                format!("{head}it's\n"),
            ];
            for ((change, keep), text) in gone.made.iter().rev().zip(states) {
                host.undo(change, keep).expect("undone");
                assert_eq!(std::fs::read_to_string(&path).expect("it exists"), text);
            }
            let (first, keep) = &gone.made[0];
            host.undo(first, keep).expect("undone");
            assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), there);
        }
    }
}
