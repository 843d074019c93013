//! The workloads within this process, each repeated: the process runs itself under callgrind.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ops::declare::{Arguments, Value};
use ops::model::{Emission, Kind, Outcome, Position, Secrets};
use ops::report::Json;
use ops::run::Bus;
use ops::store::{Recorder, Store};
use ops::task::{
    Answer, Next, PathKind, PathState, Planner, Query, Ran, RunMode, Stat, Task, render,
};
use ops::tasks::{Surroundings, find};
use sha2::{Digest as _, Sha256};

use crate::report::Profile;

/// A piece of work that is repeated a number of times.
pub(crate) struct Workload {
    pub name: &'static str,
    /// The unit of that number.
    pub unit: &'static str,
    /// A debug build takes some twenty times as long, and grows in the same way.
    optimised: usize,
    debug: usize,
}

pub(crate) const ALL: &[Workload] = &[
    Workload {
        name: "planning, nothing to change",
        unit: "tasks",
        optimised: 1000,
        debug: 1000,
    },
    Workload {
        name: "planning, all to change",
        unit: "tasks",
        optimised: 1000,
        debug: 200,
    },
    Workload {
        name: "events",
        unit: "events through the dispatcher, to JSON and to disk",
        optimised: 100_000,
        debug: 1000,
    },
];

impl Workload {
    pub(crate) const fn size(&self, profile: Profile) -> usize {
        match profile {
            Profile::Optimised => self.optimised,
            Profile::Debug => self.debug,
        }
    }
}

/// This program with a workload to do.
pub(crate) fn command(name: &str, size: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--workload", name, &size.to_string()]);
    command
}

pub(crate) fn run(name: &str, size: usize) {
    match name {
        "planning, nothing to change" => plan(size, true),
        "planning, all to change" => plan(size, false),
        "events" => events(size),
        _ => panic!("no workload `{name}`"),
    }
}

/// Creates a batch, and runs it on a host that is in the desired state, or has none of it.
fn plan(size: usize, there: bool) {
    let tasks = (0..size).map(task).collect();
    let mut host = Host { there };
    let mut planner = Planner::new(tasks, RunMode::Apply);
    let ran = Ran::default();
    let mut sent = 0;
    loop {
        let ask = match planner.next() {
            Next::Ask(ask) => ask,
            Next::Apply { changes, ask } => {
                for planned in &changes {
                    sent += planned.change.apply.len();
                    planner.ran(planned, Ok(&ran));
                }
                host.there = true;
                ask
            }
            Next::Done | Next::Interrupted => break,
        };
        sent += render(&ask, "0123456789abcdef").len();
        planner.answered(
            ask.into_iter()
                .map(|query| {
                    let answer = host.answer(&query);
                    (query, answer)
                })
                .collect(),
        );
    }
    assert!(sent > 0 || size == 0);
    let wanted = if there {
        Outcome::Unchanged
    } else {
        Outcome::Changed
    };
    for decision in planner.decisions() {
        let decision = decision.as_ref().expect("the batch was gone through");
        assert_eq!(decision.outcome, wanted, "{:?}", decision.note);
    }
}

fn content(number: usize) -> String {
    (1..=20)
        .map(|line| format!("file {number}, line {line} of a configuration\n"))
        .collect()
}

/// Of every five, two are a directory, two a file and one a line in a separate file.
fn task(number: usize) -> Arc<dyn Task> {
    struct Nothing;
    impl Surroundings for Nothing {
        fn read(&self, _: &str) -> Result<Arc<[u8]>, String> {
            Err("there is no such file".to_owned())
        }

        fn vars(&self) -> minijinja::Value {
            minijinja::Value::UNDEFINED
        }
    }
    let mode = |mode: &str| Value::Map(vec![("mode".to_owned(), mode.into())]);
    let (name, values) = match number % 5 {
        0 | 1 => (
            "directory",
            vec![format!("/srv/{number}").as_str().into(), mode("0750")],
        ),
        2 | 3 => (
            "file",
            vec![
                format!("/srv/file-{number}").as_str().into(),
                content(number).as_str().into(),
                mode("0640"),
            ],
        ),
        _ => (
            "line",
            vec![
                format!("/srv/lines-{number}").as_str().into(),
                format!("setting = {number}").as_str().into(),
                mode("0640"),
            ],
        ),
    };
    let entry = find("files", name).expect("a built-in task");
    (entry.make)(Arguments::new(values), &Nothing).expect("what it takes")
}

/// Answers as a host would.
struct Host {
    /// Whether the host is in the desired state.
    there: bool,
}

impl Host {
    fn answer(&self, query: &Query) -> Answer {
        let number = |path: &str| -> usize {
            path.rsplit(['/', '-'])
                .next()
                .and_then(|number| number.parse().ok())
                .unwrap_or_else(|| panic!("{path} is of none of the tasks"))
        };
        let bytes = |path: &str| {
            if path.contains("lines-") {
                format!("setting = {}\n", number(path))
            } else {
                content(number(path))
            }
        };
        match query {
            Query::Path(path) if path == "/srv" => {
                Answer::Path(PathState::plain(stat(PathKind::Directory, 0o755, 0)))
            }
            Query::Path(_) if !self.there => Answer::Path(PathState::ABSENT),
            Query::Path(path) if path.contains("file-") || path.contains("lines-") => Answer::Path(
                PathState::plain(stat(PathKind::File, 0o640, bytes(path).len() as u64)),
            ),
            Query::Path(_) => Answer::Path(PathState::plain(stat(PathKind::Directory, 0o750, 0))),
            Query::Sha256(path) => Answer::Sha256(self.there.then(|| {
                Sha256::digest(bytes(path))
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect()
            })),
            Query::Content(path) => Answer::Content(self.there.then(|| bytes(path).into_bytes())),
            other => panic!("no task of these asks for {other:?}"),
        }
    }
}

fn stat(kind: PathKind, mode: u32, size: u64) -> Stat {
    Stat {
        kind,
        mode,
        uid: 0,
        gid: 0,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        size,
        links: 1,
        modified: 1_700_000_000,
    }
}

/// The events of a run's tasks, as `--output json` prints them and a stored run contains them.
fn events(size: usize) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let secrets = Secrets::new();
    secrets
        .add("correct horse", "a password")
        .expect("long enough");
    let kept = Store::at(dir.path())
        .begin("playbook.rhai", false, &secrets)
        .expect("a run is kept");
    let recorder = Recorder::create(kept.clone()).expect("its events are");
    let printed = std::fs::File::create(dir.path().join("printed")).expect("a file");
    let bus = Bus::start(
        kept.id().to_string(),
        secrets,
        vec![Box::new(Json::new(Box::new(printed))), Box::new(recorder)],
    );
    for number in 0..size {
        let finished = Kind::TaskFinished {
            diff: Vec::new(),
            note: None,
            failure: None,
        };
        bus.emit(
            Emission::new(finished)
                .step(format!("web{}/0/{number}", number % 100))
                .host(format!("web{}", number % 100))
                .task("files::file /etc/shop/env")
                .outcome(Outcome::Unchanged)
                .duration(Duration::from_millis(3))
                .at(Position {
                    file: "playbook.rhai".to_owned(),
                    line: 7,
                    column: 9,
                }),
        );
    }
    let (_, totals) = bus.finish(|_| 0, None);
    assert_eq!(totals.unchanged, size as u64);
    let lines = |path| {
        std::fs::read_to_string(path)
            .expect("what was written")
            .lines()
            .count()
    };
    assert_eq!(lines(dir.path().join("printed")), size + 1);
    assert_eq!(lines(kept.dir().join("events.jsonl")), size + 1);
}
