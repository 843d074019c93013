//! A suite and its cases, and how they are written down.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::super::diagnostic;
use super::super::failures::is_shown;
use super::super::xml::Document;
use crate::model::{Failure, FailureKind, Position};

/// The name of the case for the run itself.
pub(super) const RUN: &str = "the run";

/// What the report says about the run.
#[derive(Default)]
pub(super) struct About {
    pub run: String,
    pub playbook: String,
    pub properties: Vec<(String, String)>,
    pub started: Option<Timestamp>,
}

/// The cases of a host.
#[derive(Default)]
pub(super) struct Suite {
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub cases: Vec<Case>,
    /// The failure that was reported last.
    pub reported: Option<Failure>,
    /// The indices of health checks in `cases`, with their labels, by name.
    pub checks: BTreeMap<String, (usize, String)>,
}

pub(super) struct Case {
    pub name: String,
    pub took: Duration,
    pub at: Option<Position>,
    pub end: End,
}

pub(super) enum End {
    Passed,
    Skipped(String),
    WouldChange,
    Failed(Problem),
    /// It is not known whether it would have passed: the host was lost, the run interrupted, a check did not
    /// work.
    Broken(Problem),
}

/// A failure as the report has it.
pub(super) struct Problem {
    pub kind: String,
    pub message: String,
    pub text: String,
}

impl Suite {
    /// The suite of a run without cases, or without an end.
    pub(crate) fn of_run(finished: bool) -> Self {
        let end = if finished {
            End::Passed
        } else {
            let message = "the run has no end: it was killed, or it is still running".to_owned();
            End::Broken(Problem {
                kind: "interrupted".to_owned(),
                text: message.clone(),
                message,
            })
        };
        Self {
            cases: vec![Case {
                name: RUN.to_owned(),
                took: Duration::ZERO,
                at: None,
                end,
            }],
            ..Self::default()
        }
    }

    /// A result of a health check replaces the one before, from the same vantage.
    pub(crate) fn check(&mut self, label: String, case: Case) {
        let before = self.checks.get(&case.name).map(|(at, _)| *at);
        if let Some(before) = before.and_then(|at| self.cases.get_mut(at)) {
            *before = case;
        } else {
            self.checks
                .insert(case.name.clone(), (self.cases.len(), label));
            self.cases.push(case);
        }
    }

    /// The case of the health check that a failure is about.
    pub(crate) fn check_of(&mut self, failure: &Failure) -> Option<&mut Case> {
        let task = failure.task.as_ref()?;
        let mut checks = self.checks.values();
        let (at, _) = checks.find(|(_, label)| label == task)?;
        self.cases.get_mut(*at)
    }

    pub(crate) fn has_reported(&self, failure: &Failure) -> bool {
        self.has_lost(failure)
            || self
                .reported
                .as_ref()
                .is_some_and(|told| is_shown(told, failure))
    }

    /// The loss of a host is reported once.
    fn has_lost(&self, failure: &Failure) -> bool {
        let lost = |failure: &Failure| failure.kind == FailureKind::Unreachable;
        lost(failure) && self.reported.as_ref().is_some_and(lost)
    }

    /// The end of a case with this failure.
    pub(crate) fn failed(&mut self, failure: &Failure) -> End {
        if self.has_lost(failure) {
            return End::Skipped("the host was lost".to_owned());
        }
        self.reported = Some(failure.clone());
        let problem = Problem {
            kind: failure.kind.as_str().to_owned(),
            message: failure.message.clone(),
            text: diagnostic::render(failure, None, false)
                .trim_end()
                .to_owned(),
        };
        if failure.kind == FailureKind::Failed {
            End::Failed(problem)
        } else {
            End::Broken(problem)
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let count = |is: fn(&End) -> bool| self.cases.iter().filter(|case| is(&case.end)).count();
        Counts {
            tests: self.cases.len(),
            failures: count(|end| matches!(end, End::Failed(_))),
            errors: count(|end| matches!(end, End::Broken(_))),
            skipped: count(|end| matches!(end, End::Skipped(_))),
        }
    }

    pub(crate) fn render(
        &self,
        document: &mut Document,
        name: &str,
        counts: Counts,
        about: &About,
    ) {
        let took = match self.started.zip(self.ended) {
            Some(times) => between(times),
            None => self.cases.iter().map(|case| case.took).sum(),
        };
        let started = self.started.or(about.started).map(|at| at.to_string());
        let (tests, failures, errors, skipped) = (
            counts.tests.to_string(),
            counts.failures.to_string(),
            counts.errors.to_string(),
            counts.skipped.to_string(),
        );
        let took = seconds(took);
        let mut attributes = vec![
            ("name", name),
            ("tests", &tests),
            ("failures", &failures),
            ("errors", &errors),
            ("skipped", &skipped),
            ("time", &took),
        ];
        attributes.extend(started.as_ref().map(|at| ("timestamp", at.as_str())));
        document.begin("testsuite", &attributes);
        document.begin("properties", &[]);
        if !about.run.is_empty() {
            document.empty("property", &[("name", "run"), ("value", &about.run)]);
        }
        for (name, value) in &about.properties {
            document.empty("property", &[("name", name), ("value", value)]);
        }
        document.end();
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for case in &self.cases {
            let times = seen.entry(&case.name).or_default();
            *times += 1;
            case.render(document, *times, &about.playbook);
        }
        document.end();
    }
}

impl Case {
    /// Cases of the same name get a number: GitLab leaves out the second one otherwise.
    fn render(&self, document: &mut Document, times: usize, playbook: &str) {
        let name = match times {
            1 => self.name.clone(),
            again => format!("{} ({again})", self.name),
        };
        let (took, line) = (
            seconds(self.took),
            self.at.as_ref().map(|at| at.line.to_string()),
        );
        let mut attributes = vec![
            ("name", name.as_str()),
            ("classname", playbook),
            ("time", &took),
        ];
        attributes.extend(self.at.as_ref().map(|at| ("file", at.file.as_str())));
        attributes.extend(line.as_ref().map(|line| ("line", line.as_str())));
        let (element, problem) = match &self.end {
            End::Passed | End::WouldChange => return document.empty("testcase", &attributes),
            End::Skipped(why) => {
                document.begin("testcase", &attributes);
                document.text("skipped", &[("message", why)], why);
                return document.end();
            }
            End::Failed(problem) => ("failure", problem),
            End::Broken(problem) => ("error", problem),
        };
        document.begin("testcase", &attributes);
        let attributes = [
            ("type", problem.kind.as_str()),
            ("message", problem.message.as_str()),
        ];
        document.text(element, &attributes, &problem.text);
        document.end();
    }
}

#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub tests: usize,
    pub failures: usize,
    pub errors: usize,
    pub skipped: usize,
}

impl Counts {
    pub(crate) const fn plus(self, other: &Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
            skipped: self.skipped + other.skipped,
        }
    }
}

pub(super) fn between((from, to): (Timestamp, Timestamp)) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

pub(super) fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}
