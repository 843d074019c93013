//! The result of a run of `ops`: its output as text, as events, and without what differs from run to run, and
//! the usual assertions.

use std::fmt::Write as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::Value;

use crate::fleet::process;
use crate::ops::RUN_MARK;

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    command: String,
    status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    dir: Arc<tempfile::TempDir>,
}

impl Ran {
    pub(crate) const fn new(
        command: String,
        status: ExitStatus,
        stdout: String,
        stderr: String,
        dir: Arc<tempfile::TempDir>,
    ) -> Self {
        Self {
            command,
            status,
            stdout,
            stderr,
            dir,
        }
    }

    /// The exit code, if it exited.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Asserts that it exited with 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.code(0)
    }

    /// Asserts that it exited with this code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(code),
            "the exit code (signal {:?})\n{self}",
            self.status.signal()
        );
        self
    }

    #[track_caller]
    pub(crate) fn stdout_has(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "{text:?} is not in stdout\n{self}"
        );
        self
    }

    #[track_caller]
    pub(crate) fn stderr_has(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "{text:?} is not in stderr\n{self}"
        );
        self
    }

    /// Asserts that neither stream contains it.
    #[track_caller]
    pub(crate) fn nowhere(self, text: &str) -> Self {
        assert!(
            !self.stdout.contains(text) && !self.stderr.contains(text),
            "{text:?} was printed\n{self}"
        );
        self
    }

    /// Asserts that exactly one line of standard output reports a failure.
    #[track_caller]
    pub(crate) fn fails_in_one_line(self) -> Self {
        let lines = self.stdout.lines();
        let failed = lines.filter(|line| line.starts_with("failed ")).count();
        assert_eq!(failed, 1, "lines that report a failure\n{self}");
        self
    }

    /// Asserts that nothing is left on this machine of what the run started or created for its own duration:
    /// no `ssh` that holds a connection, no socket, no temporary file.
    #[track_caller]
    pub(crate) fn nothing_left(self) -> Self {
        let files = || files_below(&self.dir.path().join("run"));
        process::wait_until(
            || files().is_empty(),
            || format!("still there: {:?}", files()),
        );
        self.nothing_runs()
    }

    /// Every process that the run started on this machine exits, and removes its socket.
    #[track_caller]
    pub(crate) fn nothing_runs(self) -> Self {
        let dir = self.dir.path().display().to_string();
        let running = || process::with_variable(RUN_MARK, &dir);
        process::wait_until(
            || running().is_empty(),
            || format!("still running: {:?}", running()),
        );
        let sockets = || {
            let mut files = files_below(&self.dir.path().join("run"));
            files.retain(|path| {
                path.metadata()
                    .is_ok_and(|meta| meta.file_type().is_socket())
            });
            files
        };
        process::wait_until(
            || sockets().is_empty(),
            || format!("still there: {:?}", sockets()),
        );
        self
    }

    /// Returns the standard output of a run with `--output json`: every line is an event.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}\n{self}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// Returns the events of one kind.
    #[track_caller]
    pub(crate) fn events_of(&self, kind: &str) -> Vec<Value> {
        self.events()
            .into_iter()
            .filter(|event| event["kind"] == kind)
            .collect()
    }

    /// Returns the outcomes of the tasks of one host in order: `["changed", "unchanged"]`.
    #[track_caller]
    pub(crate) fn outcomes(&self, host: &str) -> Vec<String> {
        let of_host = |event: &Value| event["host"] == host;
        let outcome = |event: Value| event["outcome"].as_str().unwrap_or("none").to_owned();
        self.events_of("task.finished")
            .into_iter()
            .filter(of_host)
            .map(outcome)
            .collect()
    }

    /// Returns both streams and the code, for a snapshot.
    pub(crate) fn snapshot(&self) -> String {
        let mut text = format!(
            "code: {}\n",
            self.status
                .code()
                .map_or("none".into(), |code| code.to_string())
        );
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                let _ = write!(text, "--- {name}\n{}", self.redact(stream));
            }
        }
        text
    }

    /// Returns the text without what differs from run to run: times, durations, ids of runs, ports, addresses
    /// and the directories of the test.
    pub(crate) fn redact(&self, text: &str) -> String {
        let text = text.replace(&self.dir.path().display().to_string(), "[DIR]");
        REDACTIONS.iter().fold(text, |text, (pattern, name)| {
            pattern.replace_all(&text, *name).into_owned()
        })
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "$ {}\n{}\n--- stdout\n{}\n--- stderr\n{}",
            self.command, self.status, self.stdout, self.stderr
        )
    }
}

/// Redacts everything but directories.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut next = vec![dir.to_owned()];
    while let Some(dir) = next.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => next.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found
}

static REDACTIONS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"/tmp/ops-fleet-\w+", "[FLEET]"),
        // The id of a run: a time and some random characters.
        (r"\b\d{8}T?-?\d{6}Z?-[0-9a-z]{4,}\b", "[RUN]"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\b", "[TIME]"),
        (r#""duration_ms":\d+"#, r#""duration_ms":[MS]"#),
        (r"\b\d+(\.\d+)?\s?(ms|s)\b", "[DURATION]"),
        (r"\b127\.\d+\.\d+\.\d+\b", "[ADDRESS]"),
        (r"(\[ADDRESS\]\]?:|[Pp]ort )\d+", "${1}[PORT]"),
    ]
    .map(|(pattern, name)| (Regex::new(pattern).expect("a pattern of this list"), name))
    .into()
});

/// Returns the journal of the only run of an `Ops`: for each entry its kind, whether it belongs to an undo,
/// and the outcome.
pub(crate) fn journal(ops: &crate::ops::Ops) -> Vec<String> {
    let runs = std::fs::read_dir(ops.state().join("ops/runs")).expect("runs");
    let dirs = runs.map(|run| run.expect("a run").path());
    let run = dirs.filter(|path| path.is_dir()).max().expect("a run");
    let text = std::fs::read_to_string(run.join("journal.jsonl")).expect("a journal");
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        // Without the header, and the sources that were read.
        .filter(|entry| entry["step"].is_string())
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let undo = if text("step").ends_with("/undo") {
                " undo"
            } else {
                ""
            };
            format!("{}{undo} {}", text("entry"), text("outcome"))
        })
        .collect()
}
