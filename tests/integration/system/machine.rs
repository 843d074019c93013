//! A container that executes what a planner requests, in the simplest way.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use ops::declare::{Arguments, Value};
use ops::model::Outcome;
use ops::task::{
    Answer, Change, Decision, Next, Planner, Query, Ran, RunMode, Sections, Task, answers,
    functions, render,
};
use ops::tasks::{Surroundings, find};
use serde_json::json;

use crate::fleet::{Container, Image};

pub(crate) struct Machine {
    pub container: Container,
    steps: usize,
}

/// The result of a batch, and the changes that were made or begun, with the directory of each.
pub(crate) struct Gone {
    pub decisions: Vec<Decision>,
    pub made: Vec<(Arc<Change>, String)>,
    pub requests: usize,
}

const STATE: &str = "/var/lib/ops";
const TOKEN: &str = "c0ffee";

impl Machine {
    pub(crate) fn start(image: Image) -> Option<Self> {
        let container = Container::start(image)?;
        Some(Self {
            container,
            steps: 0,
        })
    }

    pub(crate) fn go(&mut self, batch: &[Arc<dyn Task>], mode: RunMode) -> Gone {
        let mut planner = Planner::new(batch.to_vec(), mode);
        let (mut done, mut requests) = (Vec::new(), 0);
        loop {
            assert!(requests < 50, "the planner does not terminate");
            requests += 1;
            match planner.next() {
                Next::Done | Next::Interrupted => break,
                Next::Ask(queries) => planner.answered(self.ask(&queries)),
                Next::Apply { changes, ask } => {
                    assert_eq!(mode, RunMode::Apply, "check mode changes nothing");
                    for one in changes {
                        self.steps += 1;
                        let keep = format!("kept/{}", self.steps);
                        let result = self.script(&one.change, &one.change.apply, &keep);
                        done.push((one.change.clone(), keep));
                        planner.ran(&one, result.as_ref().map_err(Clone::clone));
                        if result.is_err() {
                            break;
                        }
                    }
                    planner.answered(self.ask(&ask));
                }
            }
        }
        let decisions = planner.decisions().iter().flatten().cloned().collect();
        Gone {
            decisions,
            made: done,
            requests: requests - 1,
        }
    }

    /// Applies, and asserts that there is nothing to do the second time.
    #[track_caller]
    pub(crate) fn converges(&mut self, tasks: &[Arc<dyn Task>]) -> Gone {
        let gone = self.go(tasks, RunMode::Apply);
        let again = self.go(tasks, RunMode::Apply);
        for (decision, second) in gone.decisions.iter().zip(&again.decisions) {
            assert_eq!(decision.outcome, Outcome::Changed, "{:?}", gone.decisions);
            assert_eq!(second.outcome, Outcome::Unchanged, "{second:?}");
        }
        assert_eq!(again.requests, 1);
        gone
    }

    /// Undoes, the last change first, and then the commands that come last.
    #[track_caller]
    pub(crate) fn undo(&self, gone: &Gone) {
        for (change, keep) in gone.made.iter().rev() {
            let undo = change.undo.as_ref().expect("it can be undone");
            self.script(change, undo, keep).expect("undone");
        }
        for (change, keep) in &gone.made {
            if let Some(last) = &change.undo_last {
                self.script(change, last, keep).expect("undone");
            }
        }
    }

    pub(crate) fn ask(&self, queries: &[Query]) -> Vec<(Query, Answer)> {
        let probe = format!("ops_state={STATE}\n{}", render(queries, TOKEN));
        let mut found = Vec::new();
        for query in queries {
            if let Some(script) = query.command() {
                found.push((query.clone(), Answer::Ran(ran(&self.sh(script)))));
            }
        }
        let printed = self.sh(&probe).stdout;
        let sections = Sections::split(&printed, TOKEN).expect("a whole reply");
        found.extend(answers(queries, &sections));
        found
    }

    fn script(&self, change: &Change, text: &str, keep: &str) -> Result<Ran, String> {
        if let Some(body) = &change.body {
            let text = String::from_utf8(body.content.held().expect("no large file").to_vec())
                .expect("UTF-8");
            let path = ops::shell::quote_str(&body.path);
            self.sh(&format!(
                "umask 077; printf %s {} >{path}",
                ops::shell::quote_str(&text)
            ));
        }
        let script = change.script(text, STATE, keep);
        // As in the preamble of a request.
        let functions = if change.command {
            Vec::new()
        } else {
            functions([script.as_bytes()])
        };
        let functions: String = functions.iter().map(|function| function.body).collect();
        let ran = ran(&self.sh(&format!("{functions}{script}")));
        let is_good = u8::try_from(ran.code).is_ok_and(|code| change.ok.contains(&code));
        if is_good { Ok(ran) } else { Err(ran.stderr) }
    }

    fn sh(&self, script: &str) -> Output {
        let mut child = Command::new("docker")
            .args(["exec", "-i", self.container.name(), "sh", "-c"])
            .arg("exec 3<&0 </dev/null; eval \"$(cat <&3)\"")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker is installed");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(script.as_bytes()).expect("docker reads");
        drop(stdin);
        child.wait_with_output().expect("it exits")
    }

    #[track_caller]
    pub(crate) fn look(&self, command: &str) -> String {
        self.container.look(command).trim().to_owned()
    }
}

fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// `task("services::running", json!(["idle", { "enabled": true }]))`
#[track_caller]
pub(crate) fn task(name: &str, args: &serde_json::Value) -> Arc<dyn Task> {
    let (namespace, function) = name.split_once("::").expect("a namespace");
    let values = args
        .as_array()
        .expect("a list")
        .iter()
        .cloned()
        .map(Value::from)
        .collect();
    let entry = find(namespace, function).expect("a task");
    (entry.make)(Arguments::new(values), &Nowhere).expect("valid arguments")
}

/// Reads a file of the machine.
#[track_caller]
pub(crate) fn file(path: &str, content: &str) -> Arc<dyn Task> {
    task("files::file", &json!([path, content]))
}

pub(crate) fn outcomes(gone: &Gone) -> Vec<Outcome> {
    gone.decisions
        .iter()
        .map(|decision| decision.outcome)
        .collect()
}

pub(crate) fn notes(gone: &Gone) -> String {
    gone.decisions
        .iter()
        .filter_map(|decision| decision.note.clone())
        .collect::<Vec<_>>()
        .join("\n")
}

/// No playbook, and no files beside it.
struct Nowhere;

impl Surroundings for Nowhere {
    fn read(&self, _: &str) -> Result<Arc<[u8]>, String> {
        Err("there is no file".to_owned())
    }

    fn vars(&self) -> minijinja::Value {
        minijinja::Value::UNDEFINED
    }
}
