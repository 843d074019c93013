//! `--junit FILE`: the run as a test report that CI systems read.
//!
//! There is a suite for each host, with a case for each task and each health check (its last result counts),
//! and for anything else that failed. The elements and attributes are those that Jenkins (schema
//! `junit-10.xsd` of its xUnit plugin) and GitLab accept. GitLab shows the text of a failure and not its
//! message, so the text has everything.
//!
//! A first report, which says that the run has not ended, is written when the run begins. It remains if ops
//! is killed.

mod suite;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::xml::Document;
use crate::model::{
    Event, Failure, FailureKind, Fate, HealthState, HostEnd, Kind, Outcome, Reporter, Scrubbed,
    Totals,
};
use suite::{About, Case, Counts, End, Problem, RUN, Suite, between, seconds};

/// The exit code of `--check --fail-on-change` that found something.
const FOUND_CHANGES: u8 = 8;

/// Writes the report when the run has ended, whatever the outcome.
pub struct Junit {
    path: PathBuf,
    about: About,
    ended: Option<Timestamp>,
    suites: IndexMap<String, Suite>,
    /// Cases without a host.
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
            about: About {
                playbook: "ops".to_owned(),
                ..About::default()
            },
            ended: None,
            suites: IndexMap::new(),
            own: Suite::default(),
            finished: false,
        };
        std::fs::write(&junit.path, junit.render())?;
        Ok(junit)
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
                End::Skipped(note.unwrap_or("no reason is known").to_owned())
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

    /// The last result counts. A result that fails nothing in the playbook passes.
    fn checked(&mut self, event: &Event) {
        let Kind::HealthChecked {
            state,
            message,
            vantage,
            waiting,
        } = &event.kind
        else {
            return;
        };
        let label = event.task.clone().unwrap_or_default();
        let name = match vantage.as_str() {
            "host" => label.clone(),
            other => format!("{label} (from {other})"),
        };
        let problem = || Problem {
            kind: state.to_string(),
            message: message.clone(),
            text: message.clone(),
        };
        let end = match event.outcome {
            Some(Outcome::Failed) if *state == HealthState::Error => End::Broken(problem()),
            Some(Outcome::Failed) => End::Failed(problem()),
            Some(Outcome::Unknown) => End::Skipped(message.clone()),
            _ if *waiting && !state.is_healthy() => {
                End::Skipped(format!("{message}; the run was waiting for it"))
            }
            _ => End::Passed,
        };
        let suite = self.suite(event.host.as_deref());
        if event.outcome == Some(Outcome::Failed) {
            // The closure fails with the same failure.
            let mut told = Failure::new(FailureKind::Failed, message);
            told.task = Some(label.clone());
            suite.reported = Some(told);
        }
        suite.check(
            label,
            Case {
                name,
                took: took(event),
                at: event.at.clone(),
                end,
            },
        );
    }

    /// The result of a rollout on a host. Its failure may be known as that of a task.
    fn rolled(&mut self, host: &str, end: &HostEnd) {
        let suite = self.suite(Some(host));
        let failure = end.unrestored.as_deref().or(end.failure.as_deref());
        let end = match (end.fate, failure) {
            (Fate::Updated | Fate::Checked, _) => End::Passed,
            (fate, Some(failure)) if !suite.has_reported(failure) => {
                let mut end = suite.failed(failure);
                if let End::Failed(problem) | End::Broken(problem) = &mut end {
                    problem.message = format!("{}: {}", fate.word(), problem.message);
                }
                end
            }
            (fate, _) => End::Skipped(fate.word().to_owned()),
        };
        suite.cases.push(Case {
            name: "the rollout".to_owned(),
            took: Duration::ZERO,
            at: None,
            end,
        });
    }

    /// A failure, unless it is known as that of a task.
    fn failed(&mut self, host: Option<&str>, failure: &Failure, name: &str) {
        let suite = self.suite(host);
        if suite.has_reported(failure) {
            return;
        }
        let end = suite.failed(failure);
        if let Some(case) = suite.check_of(failure) {
            // The wait for it timed out.
            case.end = end;
            return;
        }
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
        // The run failed because of changes.
        if exit_code == FOUND_CHANGES {
            let cases = self.suites.values_mut().flat_map(|suite| &mut suite.cases);
            for case in cases.filter(|case| matches!(case.end, End::WouldChange)) {
                let message = "a run would change this".to_owned();
                case.end = End::Failed(Problem {
                    kind: Outcome::WouldChange.to_string(),
                    text: message.clone(),
                    message,
                });
            }
            if totals.would_change == 0 {
                let message =
                    "cannot determine whether a run would change anything: see the skipped cases";
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
            suites.push((&self.about.playbook, &self.own));
        } else if !self.finished || suites.iter().all(|(_, suite)| suite.cases.is_empty()) {
            // CI systems take a report without cases for a mistake.
            lone = Suite::of_run(self.finished);
            suites.push((&self.about.playbook, &lone));
        }
        let counts: Vec<Counts> = suites.iter().map(|(_, suite)| suite.counts()).collect();
        let all = counts.iter().fold(Counts::default(), Counts::plus);
        let took = self.about.started.zip(self.ended).map(between);
        let mut document = Document::new();
        document.begin(
            "testsuites",
            &[
                ("name", self.about.playbook.as_str()),
                ("tests", &all.tests.to_string()),
                ("failures", &all.failures.to_string()),
                ("errors", &all.errors.to_string()),
                ("time", &seconds(took.unwrap_or_default())),
            ],
        );
        for ((name, suite), counts) in suites.into_iter().zip(counts) {
            suite.render(&mut document, name, counts, &self.about);
        }
        document.finish()
    }
}

impl Reporter for Junit {
    fn event(&mut self, event: &Scrubbed<Event>) {
        if let Some(start) = event.kind.start() {
            self.about.run.clone_from(&event.run);
            start.playbook.clone_into(&mut self.about.playbook);
            self.about.started = Some(event.ts);
            self.about.properties = vec![
                ("ops".to_owned(), start.version.to_owned()),
                ("check".to_owned(), start.check.to_string()),
            ];
            let params = start.params.iter();
            self.about
                .properties
                .extend(params.map(|(name, value)| (format!("param.{name}"), value.clone())));
        }
        match &event.kind {
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
            Kind::HealthChecked { .. } => self.checked(event),
            Kind::RolloutFinished { hosts, .. } => {
                for (host, end) in hosts {
                    self.rolled(host, end);
                }
            }
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
