//! The summary of a GitHub Actions step, in Markdown: how it ended, the hosts, what failed and what to do
//! next.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::failures::Group;
use super::names::{names, sort};
use super::quantity::{count, duration};
use super::{clean, clean_line, diagnostic};
use crate::model::{Event, FailureKind, Fate, HostEnds, Kind, RolloutEnd, Totals};

/// The size limit of all summaries of a step. If they are larger, GitHub shows none.
const LARGEST: u64 = 1024 * 1024;

/// Rows of the table, explained failures, hosts named per failure, and lines of stderr.
const ROWS: usize = 500;
const FAILURES: usize = 30;
const HOSTS: usize = 20;
const STDERR: usize = 20;

/// What is known of the run so far.
#[derive(Default)]
pub(super) struct JobSummary {
    playbook: String,
    check: bool,
    params: BTreeMap<String, String>,
    started: Option<Timestamp>,
    rollouts: Vec<Rollout>,
    end: Option<End>,
}

struct Rollout {
    end: RolloutEnd,
    reason: Option<String>,
    hosts: HostEnds,
}

struct End {
    at: Timestamp,
    run: String,
    exit_code: u8,
    totals: Totals,
    hosts: BTreeMap<String, Totals>,
}

impl JobSummary {
    pub(super) fn event(&mut self, event: &Event) {
        if let Some(start) = event.kind.start() {
            start.playbook.clone_into(&mut self.playbook);
            self.check = start.check;
            self.params.clone_from(start.params);
            self.started = Some(event.ts);
        }
        match &event.kind {
            Kind::RolloutFinished { end, reason, hosts } => self.rollouts.push(Rollout {
                end: *end,
                reason: reason.clone(),
                hosts: hosts.clone(),
            }),
            Kind::RunFinished {
                totals,
                hosts,
                exit_code,
                ..
            } => {
                self.end = Some(End {
                    at: event.ts,
                    run: event.run.clone(),
                    exit_code: *exit_code,
                    totals: *totals,
                    hosts: hosts.clone(),
                });
            }
            _ => {}
        }
    }

    /// What a run with `--check --fail-on-change` found, if it found anything.
    pub(super) fn drift(&self) -> Option<String> {
        let end = self.end.as_ref().filter(|end| end.exit_code == 8)?;
        Some(format!(
            "{} would change, {} unknown",
            count(end.totals.would_change, "task"),
            end.totals.unknown
        ))
    }

    /// Appends this to the summary of the step, cut to the size limit.
    ///
    /// # Errors
    /// The file cannot be written, or is full.
    pub(super) fn append(&self, path: &Path, failures: &[Group]) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        let room = LARGEST.saturating_sub(file.metadata()?.len());
        let text = self.render(failures);
        let text = cut(&text, usize::try_from(room).unwrap_or(usize::MAX));
        file.write_all(text.as_bytes())
    }

    fn render(&self, failures: &[Group]) -> String {
        let Some(end) = &self.end else {
            return String::new();
        };
        let mut out = format!("### {}: {}\n\n", code(&self.playbook), ended(end.exit_code));
        out.push_str(&self.line(end));
        for (name, value) in &self.params {
            let _ = writeln!(out, "- {} = {}", code(name), code(value));
        }
        if !self.params.is_empty() {
            out.push('\n');
        }
        table(&mut out, &end.hosts);
        for rollout in &self.rollouts {
            rollout.render(&mut out);
        }
        for group in failures.iter().take(FAILURES) {
            explain(&mut out, group);
        }
        if let Some(more) = failures
            .len()
            .checked_sub(FAILURES)
            .filter(|more| *more > 0)
        {
            let _ = writeln!(
                out,
                "And {}: see the log.\n",
                count(more as u64, "other failure")
            );
        }
        if let Some(next) = next(end.exit_code) {
            let _ = writeln!(out, "**What to do next:** {next}\n");
        }
        out
    }

    fn line(&self, end: &End) -> String {
        let mut line = count(end.hosts.len() as u64, "host");
        let took = self
            .started
            .and_then(|started| Duration::try_from(end.at.duration_since(started)).ok());
        if let Some(took) = took {
            let _ = write!(line, " in {}", duration(took));
        }
        let mut parts: Vec<String> = columns(&end.totals)
            .into_iter()
            .filter(|(_, number)| *number > 0)
            .map(|(word, number)| format!("{number} {word}"))
            .collect();
        for (number, word) in [
            (end.totals.unreachable, "unreachable"),
            (end.totals.interrupted, "interrupted"),
        ] {
            if number > 0 {
                parts.push(format!("{} {word}", count(number, "host")));
            }
        }
        if !parts.is_empty() {
            let _ = write!(line, ": {}", parts.join(", "));
        }
        if self.check {
            line.push_str(" (check mode: nothing was changed)");
        }
        let _ = write!(line, "; run {}\n\n", code(&end.run));
        line
    }
}

impl Rollout {
    /// The hosts in the order of their batches.
    fn render(&self, out: &mut String) {
        let ended = match self.end {
            RolloutEnd::Done => "done",
            RolloutEnd::WithFailures => "done, without the hosts that failed",
            RolloutEnd::Stopped => "stopped, without a rollback",
            RolloutEnd::RolledBack => "rolled back",
            RolloutEnd::NotRolledBack => "not completely rolled back",
            RolloutEnd::Interrupted => "interrupted",
        };
        let _ = writeln!(out, "#### Rollout: {ended}\n");
        if let Some(reason) = &self.reason {
            let _ = writeln!(out, "{}\n", prose(reason));
        }
        let mut names: Vec<&String> = self.hosts.keys().collect();
        sort(&mut names);
        let batch = |name: &&String| self.hosts.get(*name).and_then(|end| end.batch);
        names.sort_by_key(|name| batch(name).unwrap_or(usize::MAX));
        out.push_str(
            "| host | batch | outcome | version | why |\n| --- | ---: | --- | --- | --- |\n",
        );
        for name in names.iter().take(ROWS) {
            let Some(end) = self.hosts.get(*name) else {
                continue;
            };
            let batch = end.batch.map(|batch| batch.to_string()).unwrap_or_default();
            let version = match end.fate {
                Fate::Checked => String::new(),
                _ => end.version.to_string(),
            };
            let why = end.unrestored.as_ref().or(end.failure.as_ref());
            let why = why.map(|why| &why.message).or(end.reason.as_ref());
            let why = why.map(|why| prose(why)).unwrap_or_default();
            let _ = writeln!(
                out,
                "| {} | {batch} | {} | {version} | {why} |",
                code(name),
                end.word()
            );
        }
        out.push('\n');
    }
}

/// Hosts with their outcomes, the worst first.
fn table(out: &mut String, hosts: &BTreeMap<String, Totals>) {
    if hosts.is_empty() {
        return;
    }
    let mut sorted: Vec<&str> = hosts.keys().map(String::as_str).collect();
    sort(&mut sorted);
    let rank = |host: &&str| {
        hosts
            .get(*host)
            .map_or(usize::MAX, |totals| outcome(totals).0)
    };
    sorted.sort_by_key(rank);
    let all = hosts.values().fold([0; 7], |mut all, totals| {
        for (sum, (_, number)) in all.iter_mut().zip(columns(totals)) {
            *sum += number;
        }
        all
    });
    let shown = |at: usize| all.get(at).is_some_and(|sum| *sum > 0);
    let words = columns(&Totals::default()).map(|(word, _)| word);
    let mut row = |cells: &[String]| {
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    };
    let mut head = vec!["host".to_owned(), "outcome".to_owned()];
    head.extend(picked(&words, shown).map(|word| (*word).to_owned()));
    row(&head);
    let mut rule = vec!["---".to_owned(), "---".to_owned()];
    rule.extend(picked(&words, shown).map(|_| "---:".to_owned()));
    row(&rule);
    for host in sorted.iter().take(ROWS) {
        let Some(totals) = hosts.get(*host) else {
            continue;
        };
        let mut cells = vec![code(host), outcome(totals).1.to_owned()];
        let numbers = columns(totals);
        cells.extend(picked(&numbers, shown).map(|(_, number)| number.to_string()));
        row(&cells);
    }
    out.push('\n');
    if let Some(more) = sorted.len().checked_sub(ROWS).filter(|more| *more > 0) {
        let _ = writeln!(out, "And {}.\n", count(more as u64, "more host"));
    }
}

fn picked<T>(all: &[T], shown: impl Fn(usize) -> bool) -> impl Iterator<Item = &T> {
    all.iter()
        .enumerate()
        .filter(move |(at, _)| shown(*at))
        .map(|(_, one)| one)
}

/// The columns of the table with their counts.
fn columns(totals: &Totals) -> [(&'static str, u64); 7] {
    [
        ("changed", totals.changed.saturating_sub(totals.undone)),
        ("undone", totals.undone),
        ("would change", totals.would_change),
        ("unknown", totals.unknown),
        ("unchanged", totals.unchanged),
        ("skipped", totals.skipped),
        ("failed", totals.failed),
    ]
}

/// The outcome of a host, with its rank in the table.
fn outcome(totals: &Totals) -> (usize, &'static str) {
    let tests = [
        (totals.failed > 0, "failed"),
        (totals.unreachable > 0, "unreachable"),
        (totals.interrupted > 0, "interrupted"),
        (totals.would_change > 0, "would change"),
        (totals.unknown > 0, "unknown"),
        (totals.changed > totals.undone, "changed"),
        (totals.undone > 0, "undone"),
    ];
    let found = tests.iter().position(|(is, _)| *is);
    found.map_or((tests.len(), "unchanged"), |at| (at, tests[at].1))
}

fn explain(out: &mut String, group: &Group) {
    let failure = &group.failure;
    let what = failure.task.as_deref().unwrap_or(match failure.kind {
        FailureKind::Unreachable => "the connection",
        _ => "the playbook",
    });
    let _ = writeln!(out, "#### {}: {}\n", code(what), prose(&failure.message));
    let mut hosts: Vec<&str> = group.hosts.iter().map(String::as_str).collect();
    sort(&mut hosts);
    let hosts: Vec<String> = hosts.into_iter().map(code).collect();
    let mut place = Vec::new();
    if !hosts.is_empty() {
        place.push(format!("on {}", names(&hosts, HOSTS)));
    }
    if let Some(at) = &failure.at {
        place.push(format!("at {}", code(&at.to_string())));
    }
    if !place.is_empty() {
        let _ = writeln!(out, "{}\n", place.join(", "));
    }
    let mut block = String::new();
    if let Some(command) = &failure.command {
        let _ = writeln!(block, "$ {}", clean(command.trim_end()));
    }
    if let Some(stderr) = &failure.stderr {
        for line in diagnostic::tail(&clean(stderr.trim_end()), STDERR) {
            let _ = writeln!(block, "{line}");
        }
    }
    if !block.is_empty() {
        let fence = fence(&block);
        let _ = writeln!(out, "{fence}text\n{block}{fence}\n");
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(out, "{}\n", prose(hint));
    }
}

/// How the run ended.
const fn ended(exit_code: u8) -> &'static str {
    match exit_code {
        0 => "done",
        1 => "a bug in ops (exit 1)",
        3 => "failed (exit 3)",
        4 => "hosts could not be reached (exit 4)",
        5 => "a lock is held by another run (exit 5)",
        6 => "aborted and rolled back (exit 6)",
        7 => "aborted and not completely rolled back (exit 7)",
        8 => "something would change (exit 8)",
        130 => "interrupted (exit 130)",
        _ => "wrong input (exit 2)",
    }
}

const fn next(exit_code: u8) -> Option<&'static str> {
    match exit_code {
        0 | 2 => None,
        1 => Some("report it with the log of this step. `-vv` makes the log more detailed."),
        3 => Some(
            "fix the failures above and run it again. It continues where it stopped: \
             tasks that are done change nothing.",
        ),
        4 => Some(
            "make sure that this runner can reach the hosts (address, firewall, key, `known_hosts`), \
             and run it again.",
        ),
        5 => Some("wait for the run that the log names, or inspect the lock with `ops lock show`."),
        6 => Some("the service needs nothing. Fix the release before the next attempt."),
        7 => Some(
            "inspect the hosts that the log names: they are not in their former state. Then run it again.",
        ),
        8 => Some("run it without `--check`, or change the playbook to match the hosts."),
        _ => {
            Some("run it again. It continues where it stopped: tasks that are done change nothing.")
        }
    }
}

/// A line that is shown as it is, also in a table.
fn code(text: &str) -> String {
    format!("<code>{}</code>", entities(&clean_line(text)))
}

/// A sentence in which only backticks are markup.
fn prose(text: &str) -> String {
    let parts = clean(text.trim_end()).replace('\n', " ");
    let mut out = String::new();
    for (at, part) in parts.split('`').enumerate() {
        if at % 2 == 0 {
            out.push_str(&entities(part));
        } else {
            out.push_str(&code(part));
        }
    }
    out
}

/// The text with everything escaped that HTML, Markdown or a table would act on.
fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && !".,/:-='?();\"".contains(c) {
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// A fence that does not occur in the block.
fn fence(block: &str) -> String {
    let longest = block
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    "`".repeat((longest + 1).max(3))
}

/// The beginning of a text that fits into the size limit.
fn cut(text: &str, room: usize) -> String {
    const NOTE: &str = "\n\n(cut: the limit per step is 1 MiB)\n";
    if text.len() <= room {
        return text.to_owned();
    }
    let Some(mut end) = room.checked_sub(NOTE.len()) else {
        return String::new();
    };
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // An open fence would swallow what comes next.
    let end = text[..end].rfind('\n').unwrap_or(0);
    let open = text[..end]
        .lines()
        .filter(|line| line.starts_with("```"))
        .count()
        % 2
        == 1;
    let end = if open {
        text[..end].rfind("\n```").unwrap_or(0)
    } else {
        end
    };
    format!("{}{NOTE}", &text[..end])
}
