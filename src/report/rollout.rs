//! The state of rollouts: the line of the live display, and the table of `ops show`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::names::sort;
use super::quantity::{count, duration};
use super::{clean_line, table};
use crate::model::{Event, Fate, HostEnd, Kind, Phase, Waiting};

/// The rollouts of a run, from its events.
#[derive(Default)]
pub struct Rollouts {
    all: Vec<Rollout>,
}

#[derive(Default)]
struct Rollout {
    hosts: BTreeMap<String, Host>,
    total: usize,
    batch: usize,
    batches: usize,
    rollback: bool,
    waits: Option<Waiting>,
    aborted: bool,
    ended: bool,
}

#[derive(Default)]
struct Host {
    batch: Option<usize>,
    now: Option<Phase>,
    /// The phases that it has completed, in order, and how long they took.
    phases: Vec<(Phase, Option<Duration>)>,
    end: Option<HostEnd>,
}

impl Rollouts {
    pub fn event(&mut self, event: &Event) {
        if let Kind::RolloutStarted { hosts, batches, .. } = &event.kind {
            self.all.push(Rollout {
                total: *hosts,
                batches: batches.len(),
                ..Rollout::default()
            });
        }
        if let Some(last) = self.all.last_mut() {
            last.event(event);
        }
    }

    /// A table for each rollout: its hosts, their phases and their versions.
    #[must_use]
    pub fn tables(&self) -> Vec<String> {
        self.all.iter().map(Rollout::table).collect()
    }

    /// The state of the current rollout, if there is one.
    pub(super) fn line(&self) -> Option<String> {
        let last = self.all.last().filter(|last| !last.ended)?;
        Some(last.line())
    }

    /// What a host is doing in the current rollout.
    pub(super) fn doing(&self, host: &str) -> Option<&'static str> {
        let last = self.all.last().filter(|last| !last.ended)?;
        last.hosts.get(host)?.now.map(word)
    }

    /// Whether the current rollout is rolling back hosts that had been updated.
    pub(super) fn is_rolling_back(&self) -> bool {
        self.all
            .last()
            .is_some_and(|last| !last.ended && last.rollback)
    }
}

impl Rollout {
    fn event(&mut self, event: &Event) {
        match &event.kind {
            Kind::RolloutBatchStarted {
                batch,
                batches,
                rollback,
                ..
            } => {
                (self.batch, self.batches, self.rollback) = (*batch, *batches, *rollback);
                self.waits = None;
            }
            Kind::RolloutPaused { on, .. } => self.waits = Some(*on),
            Kind::RolloutAborted { .. } => self.aborted = true,
            Kind::RolloutHost { phase, batch, .. } => {
                let Some(name) = &event.host else { return };
                let host = self.hosts.entry(name.clone()).or_default();
                host.batch = Some(*batch);
                host.now = Some(*phase);
                let took = event.duration_ms.map(Duration::from_millis);
                match phase {
                    Phase::Draining
                    | Phase::Updating
                    | Phase::WaitingHealthy
                    | Phase::Readmitting
                    | Phase::RollingBack => {}
                    Phase::LeftOut => host.phases.push((*phase, None)),
                    _ => host.phases.push((*phase, took)),
                }
            }
            Kind::RolloutFinished { hosts, .. } => {
                self.ended = true;
                for (name, end) in hosts {
                    let host = self.hosts.entry(name.clone()).or_default();
                    host.batch = end.batch;
                    host.end = Some(end.clone());
                }
            }
            _ => {}
        }
    }

    fn line(&self) -> String {
        let mut line = "rollout: ".to_owned();
        if self.rollback {
            line.push_str("rollback, ");
        } else if self.aborted {
            line.push_str("aborted, ");
        }
        line.push_str(&format!("batch {} of {}", self.batch, self.batches));
        let at = |phases: &[Phase]| {
            let at = self
                .hosts
                .values()
                .filter(|host| host.now.is_some_and(|now| phases.contains(&now)));
            at.count() as u64
        };
        line.push_str(&format!(
            ", {} of {} updated",
            self.updated(),
            count(self.total as u64, "host")
        ));
        for (phases, what) in [
            (&[Phase::LeftOut][..], "left out"),
            (&[Phase::WaitingHealthy], "waiting for health"),
        ] {
            let number = at(phases);
            if number > 0 {
                line.push_str(&format!(", {number} {what}"));
            }
        }
        match self.waits {
            Some(Waiting::Pause) => line.push_str("; paused"),
            Some(Waiting::Confirm) => line.push_str("; asking"),
            None => {}
        }
        line
    }

    /// The number of hosts that were updated and not rolled back.
    fn updated(&self) -> usize {
        let through = |host: &&Host| {
            let last = host.phases.last().map(|(phase, _)| *phase);
            let back = host
                .phases
                .iter()
                .any(|(phase, _)| matches!(phase, Phase::RolledBack | Phase::Failed));
            host.now == last
                && !back
                && matches!(
                    last,
                    Some(Phase::Readmitted | Phase::Healthy | Phase::Updated)
                )
        };
        self.hosts.values().filter(through).count()
    }

    fn table(&self) -> String {
        let head = ["HOST", "BATCH", "STATE", "VERSION", "PHASES"];
        let mut rows = vec![head.map(String::from).to_vec()];
        let mut names: Vec<&String> = self.hosts.keys().collect();
        sort(&mut names);
        let batch = |name: &&String| self.hosts[*name].batch.unwrap_or(usize::MAX);
        names.sort_by_key(batch);
        rows.extend(names.into_iter().map(|name| self.hosts[name].row(name)));
        table::render(&rows)
    }
}

impl Host {
    fn row(&self, name: &str) -> Vec<String> {
        let state = match (&self.end, self.now) {
            (Some(end), _) => end.word().to_owned(),
            // The run was killed before the end.
            (None, Some(now)) => format!("{}?", word(now)),
            (None, None) => "?".to_owned(),
        };
        let version = self.end.as_ref().map_or_else(
            || "?".to_owned(),
            |end| match end.fate {
                Fate::Checked => String::new(),
                _ => end.version.to_string(),
            },
        );
        let phases = self.phases.iter().map(|(phase, took)| match took {
            Some(took) => format!("{} {}", word(*phase), duration(*took)),
            None => word(*phase).to_owned(),
        });
        vec![
            clean_line(name).into_owned(),
            self.batch
                .map(|batch| batch.to_string())
                .unwrap_or_default(),
            state,
            version,
            phases.collect::<Vec<_>>().join(", "),
        ]
    }
}

pub(super) const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Draining => "draining",
        Phase::Drained => "drained",
        Phase::Updating => "updating",
        Phase::Updated => "updated",
        Phase::WaitingHealthy => "waiting until healthy",
        Phase::Healthy => "healthy",
        Phase::Readmitting => "readmitting",
        Phase::Readmitted => "readmitted",
        Phase::Failed => "failed",
        Phase::RollingBack => "rolling back",
        Phase::RolledBack => "rolled back",
        Phase::RollbackFailed => "rollback failed",
        Phase::LeftOut => "left out",
    }
}
