//! `--output github`: a plain log with groups, annotations and a job summary, for a step of GitHub Actions.
//!
//! The runner acts on lines that begin with `::` (after white space) and on `##[` anywhere in a line.
//! [`harmless`] escapes both in texts of hosts and playbooks.
//!
//! GitHub shows ten errors and ten warnings per step. The last of ten says how many more there are.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexSet;

use super::failures::Group;
use super::grouped::{Dialect, Grouped};
use super::job_summary::JobSummary;
use super::names::names;
use super::output::{Opened, Output};
use super::quantity::count;
use super::runner::{harmless, is_step};
use super::{Settings, View, clean, diagnostic};
use crate::model::{Event, Failure, Kind, LogLevel, Position, Reporter, Scrubbed};

pub(super) const OUTPUT: Output = Output {
    name: "github",
    help: "Plain, with groups, annotations and a summary for GitHub Actions",
    is_data: false,
    is_default: is_step,
    open: |settings| Opened::writing(Github::stdout(settings, Workflow::of_environment())),
};

/// How many annotations of one level a step may have.
const MOST: usize = 10;

/// Hosts that an annotation names, and lines of stderr that it has.
const HOSTS: usize = 5;
const STDERR: usize = 10;

/// Where the step runs, as the runner says in the environment.
#[derive(Debug, Clone, Default)]
pub struct Workflow {
    /// `GITHUB_WORKSPACE`: the files of annotations are named from here.
    pub workspace: Option<PathBuf>,
    /// The directory that positions are named from.
    pub directory: PathBuf,
    /// `GITHUB_STEP_SUMMARY`: the file that the summary is appended to.
    pub summary: Option<PathBuf>,
}

/// Writes for the log of a step, and its summary.
pub struct Github(Grouped<Step>);

/// A step, and what is written at its end.
struct Step {
    workflow: Workflow,
    warnings: IndexSet<(String, Option<Position>)>,
    errors: Vec<(String, Option<Position>)>,
    summary: JobSummary,
}

impl Github {
    #[must_use]
    pub fn stdout(settings: Settings, workflow: Workflow) -> Self {
        Self::new(settings, workflow, Box::new(io::stdout()))
    }

    #[must_use]
    pub fn new(settings: Settings, workflow: Workflow, out: Box<dyn Write + Send>) -> Self {
        let settings = Settings {
            colour: false,
            ..settings
        };
        let step = Step {
            workflow,
            warnings: IndexSet::new(),
            errors: Vec::new(),
            summary: JobSummary::default(),
        };
        Self(Grouped::new(View::new(settings), step, out))
    }
}

impl Reporter for Github {
    fn event(&mut self, event: &Scrubbed<Event>) {
        self.0.event(event);
    }

    fn finish(&mut self) {
        self.0.finish();
    }
}

impl Dialect for Step {
    fn open(&mut self, title: &str, _: &Event) -> String {
        format!("::group::{}\n", data(title))
    }

    fn close(&mut self, _: Option<&Event>) -> String {
        "::endgroup::\n".to_owned()
    }

    fn harmless(&self, text: String) -> String {
        harmless(&text)
    }

    fn event(&mut self, event: &Event) {
        self.summary.event(event);
        if let Kind::Log { level, message } = &event.kind {
            let host = event.host.as_ref().map(|host| format!("{host}: "));
            let message = format!("{}{message}", host.unwrap_or_default());
            match level {
                LogLevel::Warn => {
                    self.warnings.insert((message, event.at.clone()));
                }
                LogLevel::Error => self.errors.push((message, event.at.clone())),
                LogLevel::Info | LogLevel::Debug => {}
            }
        }
    }

    fn ended(&mut self, failures: &[Group]) -> String {
        let mut errors: Vec<Annotation> = failures.iter().map(Annotation::of_group).collect();
        errors.extend(self.errors.iter().map(|(message, at)| Annotation {
            title: "ops".to_owned(),
            message: message.clone(),
            at: at.clone(),
        }));
        errors.extend(self.summary.drift().map(|message| Annotation {
            title: "something would change".to_owned(),
            message,
            at: None,
        }));
        let warnings: Vec<Annotation> = self
            .warnings
            .iter()
            .map(|(message, at)| Annotation {
                title: "ops".to_owned(),
                message: message.clone(),
                at: at.clone(),
            })
            .collect();
        if let Some(path) = &self.workflow.summary
            && let Err(error) = self.summary.append(path, failures)
        {
            tracing::warn!("failed to write the job summary: {error}");
        }
        let mut lines = annotations("error", &errors, &self.workflow);
        lines.push_str(&annotations("warning", &warnings, &self.workflow));
        lines
    }
}

/// Failures from before the run started, as annotations.
#[must_use]
pub fn annotate(failures: &[Failure], workflow: &Workflow) -> String {
    let errors: Vec<Annotation> = failures
        .iter()
        .map(|failure| {
            let hosts: Vec<&str> = failure.host.as_deref().into_iter().collect();
            Annotation::of(failure, &hosts)
        })
        .collect();
    annotations("error", &errors, workflow)
}

/// A message that GitHub shows beside a line of a file, or above the log.
struct Annotation {
    title: String,
    message: String,
    at: Option<Position>,
}

impl Annotation {
    fn of_group(group: &Group) -> Self {
        let hosts: Vec<&str> = group.hosts.iter().map(String::as_str).collect();
        Self::of(&group.failure, &hosts)
    }

    fn of(failure: &Failure, hosts: &[&str]) -> Self {
        let mut title = failure.task.clone().unwrap_or_else(|| "ops".to_owned());
        if !hosts.is_empty() {
            let _ = write!(title, " on {}", names(hosts, HOSTS));
        }
        let mut message = failure.message.clone();
        if let Some(stderr) = &failure.stderr {
            for line in diagnostic::tail(stderr.trim_end(), STDERR) {
                let _ = write!(message, "\n{line}");
            }
        }
        if let Some(hint) = &failure.hint {
            let _ = write!(message, "\n{hint}");
        }
        Self {
            title,
            message,
            at: failure.at.clone(),
        }
    }

    fn render(&self, level: &str, workflow: &Workflow) -> String {
        let mut line = format!("::{level} ");
        if let Some((at, file)) = self
            .at
            .as_ref()
            .and_then(|at| Some((at, workflow.file(&at.file)?)))
        {
            let _ = write!(
                line,
                "file={},line={},col={},",
                property(&file),
                at.line,
                at.column
            );
        }
        let _ = writeln!(
            line,
            "title={}::{}",
            property(&self.title),
            data(&self.message)
        );
        line
    }
}

fn annotations(level: &str, all: &[Annotation], workflow: &Workflow) -> String {
    let shown = if all.len() > MOST {
        MOST - 1
    } else {
        all.len()
    };
    let mut lines: String = all
        .iter()
        .take(shown)
        .map(|annotation| annotation.render(level, workflow))
        .collect();
    let more = all.len() - shown;
    if more > 0 {
        let rest = Annotation {
            title: "ops".to_owned(),
            message: format!(
                "and {}: see the log",
                count(more as u64, &format!("more {level}"))
            ),
            at: None,
        };
        lines.push_str(&rest.render(level, workflow));
    }
    lines
}

impl Workflow {
    /// The step that this process is part of.
    #[must_use]
    pub fn of_environment() -> Self {
        let path = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        Self {
            workspace: path("GITHUB_WORKSPACE"),
            directory: std::env::current_dir().unwrap_or_default(),
            summary: path("GITHUB_STEP_SUMMARY"),
        }
    }

    /// A file as annotations name it: relative to the workspace, with `/`. None for a file outside of it,
    /// such as a module of the standard library.
    fn file(&self, file: &str) -> Option<String> {
        let path = self.directory.join(file).canonicalize().ok()?;
        let workspace = self.workspace.as_deref().unwrap_or(Path::new("."));
        let path = path.strip_prefix(workspace.canonicalize().ok()?).ok()?;
        Some(path.to_str()?.to_owned())
    }
}

/// A message, escaped as commands require.
fn data(text: &str) -> String {
    clean(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property, escaped as commands require.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_as_the_runner_requires() {
        assert_eq!(data("100%\r\na:b,c"), "100%25%0Aa:b,c");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }

    #[test]
    fn there_are_at_most_ten_annotations_and_the_last_counts_the_rest() {
        let failures: Vec<Failure> = (0..13)
            .map(|n| Failure::new(crate::model::FailureKind::Failed, format!("no {n}")))
            .collect();
        let lines = annotate(&failures, &Workflow::default());
        assert_eq!(lines.lines().count(), 10);
        assert!(
            lines.ends_with("::error title=ops::and 4 more errors: see the log\n"),
            "{lines}"
        );
        assert_eq!(
            annotate(&failures[..10], &Workflow::default())
                .lines()
                .count(),
            10
        );
    }

    #[test]
    fn only_files_of_the_workspace_are_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let deploy = dir.path().join("deploy");
        std::fs::create_dir(&deploy).expect("a directory");
        std::fs::write(deploy.join("a,b.rhai"), "").expect("a file");
        let workflow = Workflow {
            workspace: Some(dir.path().to_owned()),
            directory: deploy,
            summary: None,
        };
        assert_eq!(
            workflow.file("a,b.rhai").as_deref(),
            Some("deploy/a,b.rhai")
        );
        assert_eq!(workflow.file("std/haproxy"), None);
        assert_eq!(workflow.file("/etc/hostname"), None);
    }
}
