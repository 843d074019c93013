//! A host that is a shell on this machine: it executes what a planner requests, in the simplest way.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use ops::task::{
    Change, Decision, Next, Planner, Query, Ran, RunMode, Sections, Task, answers, render,
};

pub(crate) const SHELLS: &[&[&str]] = &[&["dash"], &["bash"], &["busybox", "sh"]];

pub(crate) struct ShellHost<'a> {
    pub shell: &'a [&'a str],
    /// Scripts, and the files that ops keeps.
    pub state: &'a Path,
    /// The number of requests so far.
    pub requests: usize,
    /// The number of steps so far: each has its own directory.
    steps: usize,
}

/// The result of a batch, and the changes that were made or begun, with the directory of each.
pub(crate) struct Gone {
    pub decisions: Vec<Decision>,
    pub made: Vec<(Arc<Change>, String)>,
}

const TOKEN: &str = "c0ffee";

impl<'a> ShellHost<'a> {
    pub(crate) fn new(shell: &'a [&'a str], state: &'a Path) -> Self {
        Self {
            shell,
            state,
            requests: 0,
            steps: 0,
        }
    }

    pub(crate) fn go(&mut self, tasks: Vec<Arc<dyn Task>>, mode: RunMode) -> Gone {
        let mut planner = Planner::new(tasks, mode);
        let mut done = Vec::new();
        loop {
            assert!(self.requests < 100, "the planner does not terminate");
            match planner.next() {
                Next::Done | Next::Interrupted => break,
                Next::Ask(queries) => {
                    self.requests += 1;
                    planner.answered(self.ask(&queries));
                }
                Next::Apply { changes, ask } => {
                    assert_eq!(mode, RunMode::Apply, "check mode changes nothing");
                    self.requests += 1;
                    // As in a session, bodies arrive before the first change.
                    let landed: Vec<_> = changes.iter().map(|p| land(&p.change)).collect();
                    for (planned, landed) in changes.into_iter().zip(landed) {
                        let keep = format!("keep/{}", self.steps);
                        self.steps += 1;
                        let change = &planned.change;
                        let result =
                            landed.and_then(|()| self.script(change, &change.apply, &keep));
                        done.push((planned.change.clone(), keep));
                        planner.ran(&planned, result.as_ref().map_err(Clone::clone));
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
        }
    }

    pub(crate) fn ask(&self, queries: &[Query]) -> Vec<(Query, ops::task::Answer)> {
        let ran = self.run(render(queries, TOKEN).as_bytes());
        let sections = Sections::split(&ran.stdout, TOKEN).expect("a whole reply");
        answers(queries, &sections)
    }

    pub(crate) fn undo(&self, change: &Change, keep: &str) -> Result<Ran, String> {
        let undo = change.undo.as_ref().expect("it can be undone");
        self.script(change, undo, keep)
    }

    fn script(&self, change: &Change, text: &str, keep: &str) -> Result<Ran, String> {
        let state = self.state.to_str().expect("UTF-8");
        let script = change.script(text, state, keep);
        let functions = ops::task::functions([script.as_bytes()]);
        let functions: String = functions.iter().map(|function| function.body).collect();
        let output = self.run(format!("{functions}(\n{script}\n)\n").as_bytes());
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        if ran.code == 0 {
            Ok(ran)
        } else {
            Err(ran.stderr)
        }
    }

    fn run(&self, script: &[u8]) -> std::process::Output {
        let file = self.state.join("script");
        std::fs::write(&file, script).expect("written");
        Command::new(self.shell[0])
            .args(&self.shell[1..])
            .arg(&file)
            .stdin(Stdio::null())
            .output()
            .expect("a shell")
    }
}

fn land(change: &Change) -> Result<(), String> {
    let Some(body) = &change.body else {
        return Ok(());
    };
    let mut options = std::fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options
        .open(&body.path)
        .map_err(|e| format!("{}: {e}", body.path))?;
    let content = body.content.held().expect("no test uploads a large file");
    std::io::Write::write_all(&mut file, content).map_err(|e| e.to_string())
}
