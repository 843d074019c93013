//! How many requests batches of real tasks take, and how exact a check of them is.

use std::path::Path;
use std::sync::Arc;

use ops::declare::{Arguments, Value};
use ops::model::Outcome;
use ops::task::{Decision, RunMode, Task};
use ops::tasks::find;

use super::batches::Nowhere;
use super::case::lines;
use super::shell_host::{SHELLS, ShellHost};

fn task(name: &str, root: &Path, path: &str, content: Option<&str>) -> Arc<dyn Task> {
    let mut values = vec![Value::Text(format!("{}/{path}", root.display()))];
    values.extend(content.map(Value::from));
    let entry = find("files", name).expect("a task");
    (entry.make)(Arguments::new(values), &Nowhere).expect("taken")
}

/// Nested directories, with files and lines in them.
fn release(root: &Path) -> Vec<Arc<dyn Task>> {
    let mut tasks = Vec::new();
    for path in [
        "srv",
        "srv/shop",
        "srv/shop/etc",
        "srv/shop/log",
        "srv/shop/run",
    ] {
        tasks.push(task("directory", root, path, None));
    }
    for at in 0..5 {
        let path = format!("srv/shop/etc/file{at}");
        tasks.push(task("file", root, &path, Some("content\n")));
    }
    for at in 0..5 {
        let path = format!("srv/shop/etc/lines{at}");
        tasks.push(task("line", root, &path, Some("a line")));
    }
    tasks
}

fn outcomes(decisions: &[Decision]) -> Vec<Outcome> {
    decisions.iter().map(|decision| decision.outcome).collect()
}

#[test]
fn a_first_run_takes_two_requests_and_a_second_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut host = ShellHost::new(SHELLS[0], dir.path());
    let first = host.go(release(dir.path()), RunMode::Apply);
    assert_eq!(outcomes(&first.decisions), [Outcome::Changed; 15]);
    assert_eq!(host.requests, 2);
    let second = host.go(release(dir.path()), RunMode::Apply);
    assert_eq!(outcomes(&second.decisions), [Outcome::Unchanged; 15]);
    assert_eq!(host.requests, 3);
}

#[test]
fn check_mode_knows_the_future_content_of_a_future_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut host = ShellHost::new(SHELLS[0], dir.path());
    let checked = host.go(release(dir.path()), RunMode::Check);
    assert_eq!(outcomes(&checked.decisions), [Outcome::WouldChange; 15]);
    assert_eq!(host.requests, 1);
}

#[test]
fn check_mode_is_exact_for_several_lines_of_a_file() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("f"), "a\n").expect("written");
    let chain = || {
        ["b", "a", "c", "b"]
            .iter()
            .map(|line| task("line", dir.path(), "f", Some(line)))
            .collect::<Vec<_>>()
    };
    let mut host = ShellHost::new(SHELLS[0], dir.path());
    let checked = host.go(chain(), RunMode::Check);
    let made = host.go(chain(), RunMode::Apply);
    for (check, run) in checked.decisions.iter().zip(&made.decisions) {
        assert_eq!(lines(&check.diff, dir.path()), lines(&run.diff, dir.path()));
    }
    assert_eq!(
        outcomes(&checked.decisions),
        [
            Outcome::WouldChange,
            Outcome::Unchanged,
            Outcome::WouldChange,
            Outcome::Unchanged
        ]
    );
    assert_eq!(
        outcomes(&made.decisions),
        [
            Outcome::Changed,
            Outcome::Unchanged,
            Outcome::Changed,
            Outcome::Unchanged
        ]
    );
    assert_eq!(
        std::fs::read(dir.path().join("f")).expect("it exists"),
        b"a\nb\nc\n"
    );
}

#[test]
fn a_failure_stops_the_batch_and_leaves_nothing_incomplete() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut host = ShellHost::new(SHELLS[0], dir.path());
    let tasks = vec![
        task("file", dir.path(), "one", Some("1")),
        task("file", dir.path(), "no/two", Some("2")),
        task("file", dir.path(), "three", Some("3")),
    ];
    let gone = host.go(tasks, RunMode::Apply);
    assert_eq!(
        outcomes(&gone.decisions),
        [Outcome::Changed, Outcome::Failed, Outcome::Skipped]
    );
    assert!(dir.path().join("one").exists() && !dir.path().join("three").exists());
}

#[test]
fn a_body_waits_for_its_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut host = ShellHost::new(SHELLS[0], dir.path());
    let large = "x".repeat(100_000);
    let tasks = vec![
        task("directory", dir.path(), "a/b", None),
        task("file", dir.path(), "a/b/large", Some(&large)),
        task("file", dir.path(), "a/b/small", Some("x")),
    ];
    let gone = host.go(tasks, RunMode::Apply);
    assert_eq!(outcomes(&gone.decisions), [Outcome::Changed; 3]);
    assert_eq!(host.requests, 3);
}
