//! Events as text for a person, for every reporter that writes such text.

mod connection;
mod failure;
mod health;
mod health_table;
pub(super) mod rollout;
mod run_start;
mod waiting;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use anstyle::Style;
use jiff::Timestamp;
use unicode_width::UnicodeWidthStr as _;

use super::failures::{Failures, Group};
use super::health_table::HealthTable;
use super::quantity::{count, duration};
use super::style::{CYAN, DIM, RED, YELLOW, outcome};
use super::summary::Summary;
use super::{Settings, clean, clean_line, diagnostic, diff, locks, runner};
use crate::model::{
    Event, Failure, FailureKind, HealthState, Kind, LogLevel, Outcome, OutputStream, Position,
};

/// The maximum width of the column of hosts. A longer name only moves the rest of its own line.
const HOST_COLUMN: usize = 32;

/// A task that took at least this long shows its duration.
const LONG: Duration = Duration::from_secs(1);

/// How many lines of stderr are shown below a failure when it happens. The end of the run shows more.
const STDERR: usize = 3;

/// How many different failures are explained at the end.
const MOST_FAILURES: usize = 50;

/// Whole lines of text, and their stream: what happened is data, explanations of failures are diagnostics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Out(String),
    Err(String),
}

/// Turns events into text. The same events give the same text.
pub struct View {
    settings: Settings,
    check: bool,
    /// The user ran a command, so its output is shown.
    exec: bool,
    /// The table of `ops health`.
    health_table: Option<HealthTable>,
    started: Option<Timestamp>,
    finished: bool,
    /// The width of the column of hosts: that of the widest so far.
    host_width: usize,
    /// When ops began to connect to hosts that do not answer yet.
    connecting: HashMap<String, Timestamp>,
    /// The last failure shown for a host, until its closure ends.
    shown: HashMap<String, Failure>,
    /// How deeply closures of a host are nested.
    within: HashMap<String, usize>,
    /// The last state of each health check, by host and label.
    health: HashMap<(String, String), HealthState>,
    /// Failures whose stderr was shown, so that it is not repeated for a thousand hosts.
    explained: Failures,
    /// Failures that the playbook did not catch.
    failures: Failures,
    /// Failures of a rollout that already have a line, by host.
    rolled: HashMap<String, Vec<Failure>>,
    /// The hosts of failures that the playbook did not catch.
    failed: BTreeSet<String>,
}

impl View {
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            check: false,
            exec: false,
            health_table: None,
            started: None,
            finished: false,
            host_width: 0,
            connecting: HashMap::new(),
            shown: HashMap::new(),
            within: HashMap::new(),
            health: HashMap::new(),
            explained: Failures::default(),
            failures: Failures::default(),
            rolled: HashMap::new(),
            failed: BTreeSet::new(),
        }
    }

    /// The text that an event adds, if any.
    pub fn event(&mut self, event: &Event) -> Vec<Piece> {
        let pieces = self.text_of(event);
        self.harmless(pieces)
    }

    /// The text without anything that a GitHub runner would act on, if one reads it.
    fn harmless(&self, pieces: Vec<Piece>) -> Vec<Piece> {
        if !self.settings.on_github {
            return pieces;
        }
        let harmless = |piece| match piece {
            Piece::Out(text) => Piece::Out(runner::harmless(&text)),
            Piece::Err(text) => Piece::Err(runner::harmless(&text)),
        };
        pieces.into_iter().map(harmless).collect()
    }

    fn text_of(&mut self, event: &Event) -> Vec<Piece> {
        if let Some(host) = &event.host {
            self.host_width = self
                .host_width
                .max(clean_line(host).width().min(HOST_COLUMN));
        }
        if let Some(pieces) = self.in_health_table(event) {
            return pieces;
        }
        let verbose = self.settings.verbose >= 1;
        if let Some(line) = locks::line(&event.kind) {
            if line.detail && !verbose {
                return Vec::new();
            }
            return self.line(line.word, line.style, event, &line.text);
        }
        self.of_kind(event, verbose)
    }

    fn of_kind(&mut self, event: &Event, verbose: bool) -> Vec<Piece> {
        match &event.kind {
            Kind::RunStarted { .. } | Kind::RunResumed { .. } => self.run_started(event),
            Kind::EachStarted { hosts, forks } if *hosts > 1 => {
                let text = each(*hosts, *forks, event.at.as_ref());
                out(self.settings.paint(DIM, &format!("-- {text}")))
            }
            Kind::HostConnecting { .. } | Kind::HostConnected { .. } => self.connection(event),
            Kind::HostUnreachable { failure } => {
                self.connecting
                    .remove(event.host.as_deref().unwrap_or_default());
                self.failure(event, failure)
            }
            Kind::HostStarted => {
                *self
                    .within
                    .entry(event.host.clone().unwrap_or_default())
                    .or_default() += 1;
                Vec::new()
            }
            Kind::HostFinished { failure } => self.host_finished(event, failure.as_deref()),
            Kind::TaskOutput { stream, text } if verbose || self.exec => {
                self.output(event, *stream, text)
            }
            Kind::TaskFinished {
                diff,
                note,
                failure,
            } => match failure {
                // The loss of the host has its own line.
                Some(failure) if self.is_loss_shown(event, failure) => Vec::new(),
                Some(failure) if event.outcome == Some(Outcome::Failed) => {
                    self.failure(event, failure)
                }
                _ => self.task(event, diff, note.as_deref()),
            },
            Kind::HealthChecked { .. } => self.checked(event),
            Kind::Waiting { .. } => self.waiting(event),
            Kind::Log { level, message } => self.log(event, *level, message),
            Kind::RunFinished {
                totals,
                hosts,
                failure,
                ..
            } => {
                self.finished = true;
                if let Some(failure) = failure {
                    self.note_failed(failure.host.as_deref(), failure);
                    // The failures that it counts are explained already, and the summary has the names.
                    if !failure.sums_up || self.failures.groups().is_empty() {
                        self.failures.add_last(failure);
                    }
                }
                let took = self
                    .started
                    .and_then(|started| Duration::try_from(event.ts.duration_since(started)).ok());
                let summary = Summary {
                    totals: *totals,
                    hosts,
                    failed: &self.failed,
                    check: self.check,
                    failure: failure.as_deref(),
                    took,
                };
                let summary = match &mut self.health_table {
                    Some(table) => table.render(self.settings, took),
                    None => summary.render(self.settings),
                };
                // The summary comes last, where readers of a log look for it.
                self.diagnostics()
                    .into_iter()
                    .chain([Piece::Out(format!("\n{summary}"))])
                    .collect()
            }
            _ => self.rollout(event),
        }
    }

    fn log(&self, event: &Event, level: LogLevel, message: &str) -> Vec<Piece> {
        let (word, style) = match level {
            LogLevel::Debug if self.settings.verbose == 0 => return Vec::new(),
            LogLevel::Debug => ("debug", DIM),
            LogLevel::Info => ("info", CYAN),
            LogLevel::Warn => ("warning", YELLOW),
            LogLevel::Error => ("error", RED),
        };
        self.line(word, style, event, message)
    }

    /// The failures that the playbook did not catch, with equal ones grouped.
    pub(super) fn failures(&self) -> &[Group] {
        self.failures.groups()
    }

    /// The end of the events. The events of a run that was killed do not say how it ended.
    pub fn finish(&mut self) -> Vec<Piece> {
        if self.finished || self.started.is_none() {
            return Vec::new();
        }
        self.finished = true;
        let mut pieces = self.diagnostics();
        pieces.push(Piece::Err(
            "\nthe run has no end: it was killed, or it is still running\n".to_owned(),
        ));
        self.harmless(pieces)
    }

    fn task(&self, event: &Event, diffs: &[crate::model::Diff], note: Option<&str>) -> Vec<Piece> {
        let Some(kind) = event.outcome else {
            return Vec::new();
        };
        let quiet = matches!(kind, Outcome::Unchanged | Outcome::Skipped);
        if quiet && self.settings.verbose == 0 {
            return Vec::new();
        }
        let mut text = event.task.clone().unwrap_or_default();
        if let Some(note) = note {
            let _ = write!(text, ": {note}");
        }
        if !self.settings.diff {
            let brief = diff::brief(diffs, event.task.as_deref().unwrap_or_default());
            if !brief.is_empty() {
                let _ = write!(text, " ({brief})");
            }
        }
        if let Some(took) = event
            .duration_ms
            .map(Duration::from_millis)
            .filter(|took| *took >= LONG)
        {
            let _ = write!(text, " in {}", duration(took));
        }
        let (word, style) = outcome(kind);
        let mut pieces = self.line(word, style, event, if text == word { "" } else { &text });
        if self.settings.diff && !diffs.is_empty() {
            let full = diff::full(diffs, self.settings);
            pieces.push(Piece::Out(below("    ", full.lines())));
        }
        pieces
    }

    /// The explanation of each failure, once.
    fn diagnostics(&mut self) -> Vec<Piece> {
        // Hosts that were lost outside of any closure.
        let mut lost: Vec<Failure> = self.shown.drain().map(|(_, failure)| failure).collect();
        lost.retain(|failure| failure.kind == FailureKind::Unreachable);
        lost.sort_by(|one, other| one.host.cmp(&other.host));
        for failure in &lost {
            self.failures.add(failure);
        }
        let groups = self.failures.groups();
        let mut pieces: Vec<Piece> = groups
            .iter()
            .take(MOST_FAILURES)
            .map(|group| self.diagnostic(group))
            .collect();
        if let Some(more) = groups
            .len()
            .checked_sub(MOST_FAILURES)
            .filter(|more| *more > 0)
        {
            let text = format!(
                "\nand {}: the events of the run have all of them\n",
                count(more as u64, "other failure")
            );
            pieces.push(Piece::Err(text));
        }
        pieces
    }

    fn diagnostic(&self, group: &Group) -> Piece {
        let hosts: Vec<&str> = group.hosts.iter().map(String::as_str).collect();
        let drawn = diagnostic::render_for(&group.failure, &hosts, None, self.settings.colour);
        Piece::Err(format!("\n{drawn}"))
    }

    fn output(&self, event: &Event, stream: OutputStream, text: &str) -> Vec<Piece> {
        let mark = match stream {
            OutputStream::Stdout => "|",
            OutputStream::Stderr => "!",
        };
        let begin = format!(
            "{}{}{mark} ",
            " ".repeat(self.word_width() + 2),
            self.host(event)
        );
        let text = clean(text);
        let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
        vec![Piece::Out(below(&begin, lines))]
    }

    /// A line: what happened, on which host, and the rest. Further lines of the rest are indented.
    fn line(&self, word: &str, style: Style, event: &Event, text: &str) -> Vec<Piece> {
        let mut line = self.settings.paint(style, word);
        line.push_str(&" ".repeat(self.word_width().saturating_sub(word.len()) + 2));
        line.push_str(&self.host(event));
        let text = clean(text.trim_end());
        line.push_str(&text.replace('\n', &format!("\n{}", self.margin(event))));
        out(line.trim_end().to_owned())
    }

    /// The column of the host, if there is one.
    fn host(&self, event: &Event) -> String {
        let Some(host) = &event.host else {
            return String::new();
        };
        let host = clean_line(host);
        let padding = self.host_width.saturating_sub(host.width()) + 2;
        format!("{host}{}", " ".repeat(padding))
    }

    /// The indentation of the text of a line.
    fn margin(&self, event: &Event) -> String {
        let host = if event.host.is_some() {
            self.host_width + 2
        } else {
            0
        };
        " ".repeat(self.word_width() + 2 + host)
    }

    /// The width of the column of the first word.
    const fn word_width(&self) -> usize {
        if self.check {
            "would change".len()
        } else {
            "unreachable".len()
        }
    }
}

/// The heading of an `each`.
pub(super) fn each(hosts: usize, forks: usize, at: Option<&Position>) -> String {
    let mut text = format!("each of {}", count(hosts as u64, "host"));
    if forks < hosts {
        let _ = write!(text, ", {forks} at a time");
    }
    if let Some(at) = at {
        let _ = write!(text, " ({})", clean_line(&at.to_string()));
    }
    text
}

fn out(line: String) -> Vec<Piece> {
    vec![Piece::Out(line + "\n")]
}

/// Lines with the same beginning.
fn below<'l>(begin: &str, lines: impl Iterator<Item = &'l str>) -> String {
    let mut out = String::new();
    for line in lines {
        let _ = writeln!(out, "{begin}{line}");
    }
    out
}
