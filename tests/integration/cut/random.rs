//! Requests that are cut at random moments: the tree is as before, or the run names what differs.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ops::model::undone_by;
use rustix::process::Signal;
use serde_json::Value;

use super::batch::{Call, FIRST_LINE, Random, Tree, in_place, large, playbook, tree};
use crate::fleet::{Fleet, Sshd};
use crate::generation::{is_long, number, seed};
use crate::ops::Ops;
use crate::ran::Ran;

/// How a request is cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Signal(Signal),
    Timeout,
    /// The server's side of the connection is killed.
    Session,
}

const CUTS: [Cut; 5] = [
    Cut::Signal(Signal::TERM),
    Cut::Signal(Signal::INT),
    Cut::Signal(Signal::HUP),
    Cut::Timeout,
    Cut::Session,
];

impl Cut {
    const fn name(self) -> &'static str {
        match self {
            Self::Signal(Signal::TERM) => "term",
            Self::Signal(Signal::INT) => "int",
            Self::Signal(_) => "hup",
            Self::Timeout => "timeout",
            Self::Session => "session",
        }
    }
}

/// Cases that failed once: a seed, and how the request was cut. They are tried first.
const FAILED_BEFORE: &str = include_str!("../../regressions/cut_random.txt");

fn failed_before() -> Vec<(u64, Cut)> {
    let case = |line: &str| {
        let (seed, name) = line.split_once(' ')?;
        let cut = CUTS.into_iter().find(|cut| cut.name() == name)?;
        Some((seed.parse().ok()?, cut))
    };
    let lines = FAILED_BEFORE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| case(line).unwrap_or_else(|| panic!("not a case: {line}")))
        .collect()
}

/// The longest time from the start of the first change to the cut.
const LATEST_MS: u64 = 160;

/// `OPS_TEST_CUTS` overrides how many are generated.
#[test]
fn a_request_that_is_cut_at_any_moment_loses_track_of_nothing() {
    const HOSTS: usize = 3;
    let usual = if is_long() { 500 } else { 150 };
    let generated = number("OPS_TEST_CUTS").unwrap_or(usual);
    let first = seed().wrapping_mul(1_000_003);
    let mut cases = failed_before();
    let seeds = (0..generated).map(|at| first.wrapping_add(at));
    cases.extend(seeds.zip(CUTS.into_iter().cycle()));
    let began = Instant::now();
    let fleet = Fleet::sshd(HOSTS);
    let (next, wrong, early) = (
        AtomicUsize::new(0),
        Mutex::new(Vec::new()),
        AtomicUsize::new(0),
    );
    std::thread::scope(|scope| {
        for host in fleet.hosts() {
            let (next, wrong, early, cases) = (&next, &wrong, &early, &cases);
            let ops = fleet
                .ops()
                .playbook("")
                .args(["--limit", host.name(), "-o", "json"]);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(seed, cut)) = cases.get(at) else {
                        break;
                    };
                    match one(&ops, host, cut, seed) {
                        Ok(0) => {}
                        Ok(_) => drop(early.fetch_add(1, Ordering::Relaxed)),
                        Err(what) => wrong.lock().expect("free").push(what),
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("free");
    let (early, cuts) = (early.into_inner(), cases.len());
    println!(
        "{cuts} cuts, {early} of them within the run, in {} s",
        began.elapsed().as_secs()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
    assert!(
        generated == 0 || early * 3 > cuts,
        "only {early} of {cuts} cuts came before the end"
    );
}

/// Cuts one batch. `Ok` is the exit code.
fn one(ops: &Ops, host: &Sshd, cut: Cut, seed: u64) -> Result<i32, String> {
    let mut random = Random(seed);
    let calls = Call::batch(&mut random);
    let moment = random.below(LATEST_MS);
    let undo = random.below(2) == 0;
    let root = host.root().join("cut");
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir(&root).expect("made");
    for (number, call) in calls.iter().enumerate() {
        call.before(&root.join(call.place(number)));
    }
    let before = tree(&root);
    let timeout = (cut == Cut::Timeout).then_some(moment + 1);
    let mut ops = ops
        .clone()
        .playbook(&playbook(&calls, &root, timeout, undo));
    for (number, call) in calls.iter().enumerate() {
        if matches!(call, Call::LargeFile) {
            ops = ops.file(&format!("large{number}"), large(number));
        }
    }
    let mut running = ops.start();
    if cut != Cut::Timeout {
        // Behind the start of the run's own command, which is there to connect.
        running.wait_for("task.finished");
        // This is no wait for something: it is the moment.
        std::thread::sleep(Duration::from_millis(moment));
        match cut {
            Cut::Signal(signal) => running.signal_if_there(signal),
            _ => host.kill_sessions(),
        }
    }
    let ran = running.wait();
    host.wait_until_idle();
    let case = Case {
        calls,
        root: &root,
        before,
        after: tree(&root),
        undo,
        cut,
    };
    case.judge(&ran).map_err(|why| {
        format!(
            "{seed} {}: cut after {moment} ms, undo {undo}: {why}\n{:?}\n{ran}",
            cut.name(),
            case.calls
        )
    })
}

/// What was tried, and what came of it.
struct Case<'a> {
    calls: Vec<Call>,
    root: &'a Path,
    before: Tree,
    after: Tree,
    undo: bool,
    cut: Cut,
}

impl Case<'_> {
    fn judge(&self, ran: &Ran) -> Result<i32, String> {
        let code = ran.exit_code().ok_or("it was killed")?;
        let expected = match self.cut {
            Cut::Signal(_) => 130,
            Cut::Timeout => 3,
            Cut::Session => 4,
        };
        if code != 0 && code != expected {
            return Err(format!("exit code {code}, not {expected}"));
        }
        let outcomes = self.outcomes(ran);
        if code != 0 && self.undo {
            let differs: Vec<usize> = (0..self.calls.len())
                .filter(|at| self.part(&self.before, *at) != self.part(&self.after, *at))
                .collect();
            // What could not be undone is named, with the failure of its undo.
            let unnamed: Vec<_> = differs.iter().filter(|at| !outcomes[**at].kept).collect();
            if !unnamed.is_empty() || (self.cut != Cut::Session && !differs.is_empty()) {
                let part = |at: &usize| (self.part(&self.before, *at), self.part(&self.after, *at));
                let parts: Vec<_> = differs.iter().map(part).collect();
                return Err(format!(
                    "not as before: {differs:?}, unnamed: {unnamed:?}: {parts:?}"
                ));
            }
            if self.before.keys().ne(self.after.keys()) && differs.is_empty() {
                return Err("something is left that belongs to no task".to_owned());
            }
            return Ok(code);
        }
        for (at, call) in self.calls.iter().enumerate() {
            let outcome = outcomes[at].outcome.as_deref();
            let (is_before, is_after) = self.looks(at, *call);
            let right = match outcome {
                Some("changed") => is_after,
                Some("skipped") | None => is_before && code != 0,
                Some("unknown") => code != 0,
                _ => false,
            };
            if !right {
                return Err(format!(
                    "task {at} {call:?} is said to be {outcome:?}, and is {:?}",
                    self.part(&self.after, at)
                ));
            }
        }
        Ok(code)
    }

    fn part(&self, tree: &Tree, at: usize) -> Tree {
        in_place(tree, &self.calls[at].place(at))
    }

    /// Whether the place of a task looks as before, and as after it.
    fn looks(&self, at: usize, call: Call) -> (bool, bool) {
        if matches!(call, Call::Line) {
            let text = std::fs::read_to_string(self.root.join("lines/f")).unwrap_or_default();
            let there = text.lines().any(|line| line == format!("line {at}"));
            return (!there, there);
        }
        let dir = tempfile::tempdir().expect("a directory");
        let place = dir.path().join(call.place(at));
        call.before(&place);
        call.after(&place, at);
        let now = self.part(&self.after, at);
        (
            self.part(&self.before, at) == now,
            in_place(&tree(dir.path()), &call.place(at)) == now,
        )
    }

    /// What the run says of each task.
    fn outcomes(&self, ran: &Ran) -> Vec<Said> {
        let mut said: Vec<Said> = self.calls.iter().map(|_| Said::default()).collect();
        for event in ran.events_of("task.finished") {
            let line = event.pointer("/at/line").and_then(Value::as_u64);
            let at = line
                .and_then(|line| usize::try_from(line).ok())
                .and_then(|line| line.checked_sub(FIRST_LINE));
            let (Some(said), Some(outcome)) = (
                at.and_then(|at| said.get_mut(at)),
                event["outcome"].as_str(),
            ) else {
                continue;
            };
            if undone_by(event["step"].as_str()).is_some() {
                said.kept = outcome != "changed";
            } else {
                said.outcome = Some(outcome.to_owned());
                said.kept = matches!(outcome, "changed" | "unknown" | "failed");
            }
        }
        said
    }
}

/// What a run says of a task.
#[derive(Default)]
struct Said {
    outcome: Option<String>,
    /// It was made, or may have been, and was not undone.
    kept: bool,
}
