//! `--junit FILE`: the run as a test report that CI systems read.
//!
//! A suite for each host, a case for each task and each health check (the last look at it counts), and one for whatever failed
//! that is neither. The elements and attributes are those that Jenkins (schema `junit-10.xsd` of its xUnit plugin) and GitLab
//! take; GitLab shows the text of a failure and not its message, so the text says everything.
//!
//! A first report is written when the run begins: it says that there is no end yet. That one stays if ops is killed.

mod suite;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::xml::Document;
use crate::model::{Event, Failure, FailureKind, HealthState, Kind, Outcome, Reporter, Totals};
use suite::{Case, Counts, End, Said, Suite, between, seconds};

/// The exit code of `--check --fail-on-change` that found something.
const FOUND_CHANGES: u8 = 8;

/// The name of the case for the run itself.
const RUN: &str = "the run";

/// Writes the report when the run has ended, however it has.
pub struct Junit {
    path: PathBuf,
    run: String,
    playbook: String,
    properties: Vec<(String, String)>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    suites: IndexMap<String, Suite>,
    /// What has no host.
    own: Suite,
    finished: bool,
}

impl Junit {
    /// Writes the report of a run that has not ended.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let junit = Self {
            path: path.into(),
            run: String::new(),
            playbook: "ops".to_owned(),
            properties: Vec::new(),
            started: None,
            ended: None,
            suites: IndexMap::new(),
            own: Suite::default(),
            finished: false,
        };
        std::fs::write(&junit.path, junit.render())?;
        Ok(junit)
    }

    /// Where it is written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn suite(&mut self, host: Option<&str>) -> &mut Suite {
        match host {
            Some(host) => self.suites.entry(host.to_owned()).or_default(),
            None => &mut self.own,
        }
    }

    fn task(&mut self, event: &Event, note: Option<&str>, failure: Option<&Failure>) {
        let suite = self.suite(event.host.as_deref());
        let end = match (event.outcome, failure) {
            (Some(Outcome::Failed), Some(failure)) => suite.failed(failure),
            (Some(Outcome::Skipped | Outcome::Unknown), _) => {
                End::Skipped(note.unwrap_or("nothing tells").to_owned())
            }
            (Some(Outcome::WouldChange), _) => End::WouldChange,
            _ => End::Passed,
        };
        let name = event.task.clone().unwrap_or_default();
        suite.cases.push(Case {
            name,
            took: took(event),
            at: event.at.clone().or_else(|| failure?.at.clone()),
            end,
        });
    }

    fn checked(&mut self, event: &Event, state: HealthState, message: &str, vantage: &str) {
        let mut name = event.task.clone().unwrap_or_default();
        if vantage != "host" {
            name = format!("{name} (from {vantage})");
        }
        let said = Said {
            kind: state.to_string(),
            message: message.to_owned(),
            text: message.to_owned(),
        };
        let end = match (event.outcome, state) {
            (Some(Outcome::Unknown), _) => End::Skipped(message.to_owned()),
            (_, HealthState::Passing | HealthState::Warning) => End::Passed,
            (_, HealthState::Critical) => End::Failed(said),
            (_, HealthState::Error) => End::Broken(said),
        };
        let case = Case {
            name: name.clone(),
            took: took(event),
            at: event.at.clone(),
            end,
        };
        let suite = self.suite(event.host.as_deref());
        if !state.is_healthy() {
            // What it throws is this again.
            let mut told = Failure::new(FailureKind::Failed, message);
            told.task.clone_from(&event.task);
            suite.told = Some(told);
        }
        if let Some(case_before) = suite
            .checks
            .get(&name)
            .and_then(|at| suite.cases.get_mut(*at))
        {
            *case_before = case;
        } else {
            suite.checks.insert(name, suite.cases.len());
            suite.cases.push(case);
        }
    }

    /// A failure that may have been told as that of a task.
    fn failed(&mut self, host: Option<&str>, failure: &Failure, name: &str) {
        let suite = self.suite(host);
        if suite.has_told(failure) {
            return;
        }
        let end = suite.failed(failure);
        suite.cases.push(Case {
            name: failure.task.clone().unwrap_or_else(|| name.to_owned()),
            took: Duration::ZERO,
            at: failure.at.clone(),
            end,
        });
    }

    fn ended(&mut self, failure: Option<&Failure>, exit_code: u8, totals: &Totals) {
        self.finished = true;
        if let Some(failure) = failure.filter(|failure| !failure.sums_up) {
            self.failed(failure.host.as_deref(), failure, RUN);
        }
        // The changes that were not to be are what the run failed for.
        if exit_code == FOUND_CHANGES {
            let cases = self.suites.values_mut().flat_map(|suite| &mut suite.cases);
            for case in cases.filter(|case| matches!(case.end, End::WouldChange)) {
                let message = "a run would change this".to_owned();
                case.end = End::Failed(Said {
                    kind: Outcome::WouldChange.to_string(),
                    text: message.clone(),
                    message,
                });
            }
            if totals.would_change == 0 {
                let message =
                    "nothing tells whether a run would change something: see what was skipped";
                self.failed(None, &Failure::new(FailureKind::Failed, message), RUN);
            }
        }
    }

    fn render(&self) -> String {
        let mut suites: Vec<(&str, &Suite)> = self
            .suites
            .iter()
            .map(|(host, suite)| (host.as_str(), suite))
            .collect();
        let lone;
        if !self.own.cases.is_empty() {
            suites.push((&self.playbook, &self.own));
        } else if !self.finished || suites.iter().all(|(_, suite)| suite.cases.is_empty()) {
            // A report without a case is taken for a mistake.
            lone = Suite::of_run(self.finished);
            suites.push((&self.playbook, &lone));
        }
        let counts: Vec<Counts> = suites.iter().map(|(_, suite)| suite.counts()).collect();
        let all = counts.iter().fold(Counts::default(), Counts::plus);
        let took = self.started.zip(self.ended).map(between);
        let mut document = Document::new();
        document.begin(
            "testsuites",
            &[
                ("name", self.playbook.as_str()),
                ("tests", &all.tests.to_string()),
                ("failures", &all.failures.to_string()),
                ("errors", &all.errors.to_string()),
                ("time", &seconds(took.unwrap_or_default())),
            ],
        );
        for ((name, suite), counts) in suites.into_iter().zip(counts) {
            suite.render(&mut document, name, counts, self);
        }
        document.finish()
    }
}

impl Reporter for Junit {
    fn event(&mut self, event: &Event) {
        match &event.kind {
            Kind::RunStarted {
                version,
                playbook,
                check,
                params,
                ..
            } => {
                self.run.clone_from(&event.run);
                self.playbook.clone_from(playbook);
                self.started = Some(event.ts);
                self.properties = vec![
                    ("ops".to_owned(), version.clone()),
                    ("check".to_owned(), check.to_string()),
                ];
                let params = params.iter();
                self.properties
                    .extend(params.map(|(name, value)| (format!("param.{name}"), value.clone())));
            }
            Kind::HostStarted => {
                let suite = self.suite(event.host.as_deref());
                suite.started.get_or_insert(event.ts);
            }
            Kind::HostUnreachable { failure } => {
                self.failed(event.host.as_deref(), failure, "the connection");
            }
            Kind::TaskFinished { note, failure, .. } => {
                self.task(event, note.as_deref(), failure.as_deref());
            }
            Kind::HealthChecked {
                state,
                message,
                vantage,
                waiting: _,
            } => self.checked(event, *state, message, vantage),
            Kind::HostFinished { failure } => {
                self.suite(event.host.as_deref()).ended = Some(event.ts);
                if let Some(failure) = failure {
                    self.failed(event.host.as_deref(), failure, "the closure of the host");
                }
            }
            Kind::RunFinished {
                failure,
                exit_code,
                totals,
                ..
            } => {
                self.ended = Some(event.ts);
                self.ended(failure.as_deref(), *exit_code, totals);
            }
            _ => {}
        }
    }

    fn finish(&mut self) {
        if let Err(error) = std::fs::write(&self.path, self.render()) {
            tracing::error!(
                "failed to write the JUnit report {}: {error}",
                self.path.display()
            );
        }
    }
}

fn took(event: &Event) -> Duration {
    Duration::from_millis(event.duration_ms.unwrap_or(0))
}
