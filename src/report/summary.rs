//! The last lines of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::names::{names, sort};
use super::quantity::{count, duration};
use super::style::{BOLD, BOLD_RED, DIM, YELLOW, outcome};
use super::{Settings, clean_line};
use crate::model::{Failure, FailureKind, Outcome, Totals};

/// How many hosts are named; the rest are counted.
const HOSTS: usize = 50;

/// The result of a run.
pub(super) struct Summary<'r> {
    pub totals: Totals,
    pub hosts: &'r BTreeMap<String, Totals>,
    /// The hosts with a failure that the playbook did not catch.
    pub failed: &'r BTreeSet<String>,
    pub check: bool,
    /// What ended the run, if it failed.
    pub failure: Option<&'r Failure>,
    pub took: Option<Duration>,
}

impl Summary<'_> {
    pub(super) fn render(&self, settings: Settings) -> String {
        let who = match self.hosts.len() {
            0 => match self.failure.map(|failure| failure.kind) {
                None => "done",
                Some(FailureKind::Interrupted) => "interrupted",
                Some(_) => "failed",
            }
            .to_owned(),
            1 => self
                .hosts
                .keys()
                .map(|host| clean_line(host).into_owned())
                .collect(),
            more => count(more as u64, "host"),
        };
        let mut line = settings.paint(BOLD, &who);
        if let Some(took) = self.took {
            let _ = write!(line, " in {}", duration(took));
        }
        let (here, on_controller) = self.by_place();
        let parts = self.parts(&here, settings);
        if !parts.is_empty() {
            let _ = write!(line, ": {}", parts.join(", "));
        }
        let parts = self.parts(&on_controller, settings);
        if !parts.is_empty() {
            let _ = write!(line, "; controller: {}", parts.join(", "));
        }
        if self.check {
            line.push_str(&settings.paint(DIM, " (check mode: nothing was changed)"));
        }
        line.push('\n');
        if self.hosts.len() > 1 {
            self.name(&mut line, settings, "failed", |host, _| {
                self.failed.contains(host)
            });
            self.name(&mut line, settings, "unreachable", |_, totals| {
                totals.unreachable > 0
            });
            self.name(&mut line, settings, "interrupted", |_, totals| {
                totals.interrupted > 0
            });
        }
        line
    }

    /// The totals of the hosts, and those of the controller. Without hosts they are added up.
    fn by_place(&self) -> (Totals, Totals) {
        if self.hosts.is_empty() {
            return (self.totals, Totals::default());
        }
        let mut rest = self.totals;
        for host in self.hosts.values() {
            for (left, done) in [
                (&mut rest.unchanged, host.unchanged),
                (&mut rest.changed, host.changed),
                (&mut rest.would_change, host.would_change),
                (&mut rest.unknown, host.unknown),
                (&mut rest.skipped, host.skipped),
                (&mut rest.failed, host.failed),
                (&mut rest.undone, host.undone),
            ] {
                *left = left.saturating_sub(done);
            }
        }
        // Only hosts are counted as unreachable or interrupted, not the controller.
        (rest.unreachable, rest.interrupted) = (0, 0);
        let here = Totals {
            unchanged: self.totals.unchanged - rest.unchanged,
            changed: self.totals.changed - rest.changed,
            would_change: self.totals.would_change - rest.would_change,
            unknown: self.totals.unknown - rest.unknown,
            skipped: self.totals.skipped - rest.skipped,
            failed: self.totals.failed - rest.failed,
            undone: self.totals.undone - rest.undone,
            ..self.totals
        };
        (here, rest)
    }

    fn parts(&self, totals: &Totals, settings: Settings) -> Vec<String> {
        let Totals {
            unchanged,
            changed,
            would_change,
            unknown,
            skipped,
            failed,
            unreachable,
            undone,
            interrupted,
        } = *totals;
        let mut parts: Vec<String> = [
            // Changes that were put back are counted as undone.
            (Outcome::Changed, changed.saturating_sub(undone)),
            (Outcome::WouldChange, would_change),
            (Outcome::Unknown, unknown),
            (Outcome::Unchanged, unchanged),
            (Outcome::Skipped, skipped),
            (Outcome::Failed, failed),
        ]
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(kind, number)| {
            let (word, style) = outcome(kind);
            settings.paint(style, &format!("{number} {word}"))
        })
        .collect();
        if undone > 0 {
            let behind = usize::from(changed > undone);
            parts.insert(behind, settings.paint(YELLOW, &format!("{undone} undone")));
        }
        for (number, word, style) in [
            (unreachable, "unreachable", BOLD_RED),
            (interrupted, "interrupted", YELLOW),
        ] {
            match (number, self.hosts.len()) {
                (0, _) => {}
                (_, 0 | 1) => parts.push(settings.paint(style, word)),
                (number, _) => {
                    let text = format!("{} {word}", count(number, "host"));
                    parts.push(settings.paint(style, &text));
                }
            }
        }
        parts
    }

    fn name(
        &self,
        out: &mut String,
        settings: Settings,
        word: &str,
        is: impl Fn(&str, &Totals) -> bool,
    ) {
        let mut hosts: Vec<_> = self
            .hosts
            .iter()
            .filter(|(host, totals)| is(host, totals))
            .map(|(host, _)| clean_line(host))
            .collect();
        sort(&mut hosts);
        if !hosts.is_empty() {
            let _ = writeln!(
                out,
                "{}: {}",
                settings.paint(BOLD_RED, word),
                names(&hosts, HOSTS)
            );
        }
    }
}
