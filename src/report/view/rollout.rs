//! Rollouts in the log: a heading for each batch, and a line for each phase that a host has completed.

use std::fmt::Write as _;
use std::time::Duration;

use super::{View, out};
use crate::model::rollout::{outcomes, reasons};
use crate::model::{Event, Failure, FailureKind, Kind, OnAbort, Phase, RolloutEnd, Waiting};
use crate::report::failures::is_shown;
use crate::report::names::names;
use crate::report::quantity::{count, duration};
use crate::report::rollout::word;
use crate::report::style::{BOLD_RED, DIM, GREEN, YELLOW};
use crate::report::view::Piece;
use crate::report::{clean_line, in_one_line};

/// How many hosts the heading of a batch names.
const MOST_NAMES: usize = 8;

impl View {
    pub(super) fn rollout(&mut self, event: &Event) -> Vec<Piece> {
        let took = event.duration_ms.map(Duration::from_millis);
        match &event.kind {
            Kind::RolloutStarted {
                hosts,
                batches,
                max_unavailable,
                ..
            } => {
                self.rolled.clear();
                let mut text = match hosts {
                    0 => "rollout: nothing to do on any host".to_owned(),
                    hosts => format!("rollout over {}", count(*hosts as u64, "host")),
                };
                if !batches.is_empty() {
                    let number = batches.len() as u64;
                    let noun = if number == 1 { "batch" } else { "batches" };
                    let _ = write!(text, " in {number} {noun}");
                }
                if let Some(most) = max_unavailable {
                    let _ = write!(text, ", at most {most} out of service");
                }
                self.heading(&text)
            }
            Kind::RolloutBatchStarted { .. } => {
                let text = batch(event).unwrap_or_default();
                self.heading(&text)
            }
            Kind::RolloutHost { phase, failure, .. } => {
                self.phase(event, *phase, failure.as_deref(), took)
            }
            Kind::RolloutWaiting { phase, reason, .. } => {
                let mut text = match phase {
                    Phase::WaitingHealthy => "until it is healthy".to_owned(),
                    phase => word(*phase).to_owned(),
                };
                if let Some(took) = took {
                    let _ = write!(text, ", {} so far", duration(took));
                }
                if let Some(reason) = reason {
                    let _ = write!(text, ": {}", clean_line(reason));
                }
                self.line("waiting", YELLOW, event, &text)
            }
            Kind::RolloutPaused { on, .. } => match (on, took) {
                (Waiting::Pause, Some(took)) => self.heading(&format!("waits {}", duration(took))),
                (Waiting::Pause, None) => self.heading("waits"),
                // The question is on the screen.
                (Waiting::Confirm, _) => Vec::new(),
            },
            Kind::RolloutAborted { reason, on_abort } => {
                let then = match on_abort {
                    OnAbort::Rollback => "changed hosts are rolled back",
                    OnAbort::Stop | OnAbort::Continue => "changed hosts stay as they are",
                };
                let mut text = format!("-- the rollout is aborted, {then}");
                // The failure of a host has a line already.
                let is_known = |(host, failures): (&String, &Vec<Failure>)| {
                    let mut texts = failures.iter().map(|one| one.clone().on(host).to_string());
                    texts.any(|text| text == *reason)
                };
                if !self.rolled.iter().any(is_known) {
                    let _ = write!(text, ": {}", in_one_line(reason));
                }
                out(self.settings.paint(BOLD_RED, &text))
            }
            Kind::RolloutFinished { end, hosts, .. } => {
                self.rolled.clear();
                let ended = match end {
                    RolloutEnd::Done if self.check => "rollout checked",
                    RolloutEnd::Done => "rollout done",
                    RolloutEnd::WithFailures => "rollout done, with failures",
                    RolloutEnd::Stopped => "rollout stopped",
                    RolloutEnd::RolledBack => "rolled back",
                    RolloutEnd::NotRolledBack => "not completely rolled back",
                    RolloutEnd::Interrupted => "rollout interrupted",
                };
                let mut text = format!("-- {ended}");
                if let Some(took) = took {
                    let _ = write!(text, " in {}", duration(took));
                }
                let outcomes = outcomes(hosts);
                if !outcomes.is_empty() && *end != RolloutEnd::Done {
                    let _ = write!(text, "; {}", in_one_line(&outcomes));
                }
                let style = match end {
                    RolloutEnd::Done => DIM,
                    RolloutEnd::NotRolledBack => BOLD_RED,
                    _ => YELLOW,
                };
                let mut pieces = out(self.settings.paint(style, &text));
                for (hosts, reason) in reasons(hosts) {
                    let hosts: Vec<_> = hosts.into_iter().map(clean_line).collect();
                    let hosts = names(&hosts, MOST_NAMES);
                    let text = format!("   {hosts}: {}", clean_line(reason));
                    pieces.extend(out(self.settings.paint(style, &text)));
                }
                pieces
            }
            _ => Vec::new(),
        }
    }

    fn heading(&self, text: &str) -> Vec<Piece> {
        out(self.settings.paint(DIM, &format!("-- {text}")))
    }

    /// What a host has behind it. That something begins shows in the live display, or by what it does.
    fn phase(
        &mut self,
        event: &Event,
        phase: Phase,
        failure: Option<&Failure>,
        took: Option<Duration>,
    ) -> Vec<Piece> {
        let (word, style) = match phase {
            Phase::Drained => ("drained", DIM),
            Phase::Updated => ("updated", GREEN),
            Phase::Healthy => ("healthy", GREEN),
            Phase::Readmitted => ("readmitted", GREEN),
            Phase::RolledBack => ("rolled back", YELLOW),
            Phase::LeftOut => ("left out", BOLD_RED),
            Phase::Failed | Phase::RollbackFailed => {
                return failure
                    .map_or_else(Vec::new, |failure| self.host_failed(event, phase, failure));
            }
            Phase::Draining
            | Phase::Updating
            | Phase::WaitingHealthy
            | Phase::Readmitting
            | Phase::RollingBack => return Vec::new(),
        };
        let text = match (phase, took) {
            (Phase::LeftOut, _) if failure.is_some_and(|why| why.kind == FailureKind::Held) => {
                "this run lost the lock: see the report of the run that took it over".to_owned()
            }
            (Phase::LeftOut, _) => "stays out of service".to_owned(),
            (_, Some(took)) => format!("in {}", duration(took)),
            (_, None) => String::new(),
        };
        self.line(word, style, event, &text)
    }

    fn host_failed(&mut self, event: &Event, phase: Phase, failure: &Failure) -> Vec<Piece> {
        let host = event.host.as_deref().unwrap_or_default();
        let shown = self.shown.remove(host);
        let known = shown.is_some_and(|shown| is_shown(&shown, failure));
        let failure = if phase == Phase::RollbackFailed {
            let message = format!("rollback failed: {}", failure.message);
            Failure {
                message,
                ..failure.clone()
            }
        } else {
            failure.clone()
        };
        let pieces = if known {
            Vec::new()
        } else {
            self.failure(event, &failure)
        };
        self.shown.remove(host);
        if phase == Phase::RollbackFailed {
            // The host ends with its first failure; this one is shown nowhere else.
            self.failures.add(&failure);
        }
        let rolled = self.rolled.entry(host.to_owned()).or_default();
        rolled.push(failure);
        pieces
    }
}

/// The heading of a batch.
pub(in crate::report) fn batch(event: &Event) -> Option<String> {
    let Kind::RolloutBatchStarted {
        batch,
        batches,
        hosts,
        rollback,
    } = &event.kind
    else {
        return None;
    };
    let what = if *rollback {
        "rollback, batch"
    } else {
        "batch"
    };
    let hosts: Vec<_> = hosts.iter().map(|host| clean_line(host)).collect();
    Some(format!(
        "{what} {batch} of {batches}: {}",
        names(&hosts, MOST_NAMES)
    ))
}
