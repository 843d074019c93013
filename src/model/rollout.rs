//! The states of a rollout and its hosts, as data for the state machine, the events and the reporters.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::scrub::record;
use super::{Failure, FailureKind};

/// A phase of a host in a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Draining,
    Drained,
    Updating,
    Updated,
    /// Its health is checked until it has been good for long enough.
    WaitingHealthy,
    Healthy,
    Readmitting,
    Readmitted,
    /// One of the phases above failed, so the host does not get the new version.
    Failed,
    RollingBack,
    RolledBack,
    /// It could not be rolled back.
    RollbackFailed,
    /// It stays out of service.
    LeftOut,
}

/// The version on a host at the end of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    Old,
    New,
    /// Its update, or its rollback, was not completed.
    Unknown,
}

/// The outcome of a rollout for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// In service with the new version.
    Updated,
    /// In service as it was: it was not started, or readmitted before its update.
    Untouched,
    /// In service as it was, after it had been changed.
    RolledBack,
    /// Out of service.
    LeftOut,
    /// In service with the new version from the start: nothing was done.
    Unchanged,
    /// In check mode: its update was checked.
    Checked,
}

impl Fate {
    /// Its name for a user.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Untouched => "untouched",
            Self::RolledBack => "rolled back",
            Self::LeftOut => "left out",
            Self::Unchanged => "unchanged",
            Self::Checked => "checked",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Old => "old",
            Self::New => "new",
            Self::Unknown => "unknown",
        })
    }
}

record! {
    /// A host at the end of a rollout.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct HostEnd {
        pub fate: Fate,
        pub version: Version,
        /// Counts from 1. None in check mode, and for a host that had failed before the rollout.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub batch: Option<usize>,
        /// The first thing that went wrong.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub failure: Option<Box<Failure>>,
        /// Why it could not be rolled back, or readmitted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub unrestored: Option<Box<Failure>>,
        /// Why it is in this state, in one line, unless it was updated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
    }
}

impl HostEnd {
    /// Whether it was left out because it could not be reached.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        let why = self.unrestored.as_ref().or(self.failure.as_ref());
        self.fate == Fate::LeftOut && why.is_some_and(|why| why.kind == FailureKind::Unreachable)
    }

    /// Whether it was left out because another run took the lock over. The report of that run has its state.
    #[must_use]
    pub fn is_taken_over(&self) -> bool {
        let why = self.unrestored.as_ref().or(self.failure.as_ref());
        self.fate == Fate::LeftOut && why.is_some_and(|why| why.kind == FailureKind::Held)
    }

    /// Its outcome for a user.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.is_unreachable() {
            "unreachable"
        } else if self.is_taken_over() {
            "left to the run that took the lock over"
        } else {
            self.fate.word()
        }
    }
}

/// The hosts of a rollout by name.
pub type HostEnds = BTreeMap<String, HostEnd>;

/// The outcomes of all hosts on one line: `updated: web1; left out: web2`. Empty without hosts.
#[must_use]
pub fn outcomes(hosts: &HostEnds) -> String {
    const WORDS: [&str; 8] = [
        "updated",
        "unchanged",
        "rolled back",
        "untouched",
        "checked",
        "left out",
        "unreachable",
        "left to the run that took the lock over",
    ];
    let parts = WORDS.into_iter().filter_map(|word| {
        let names: Vec<String> = hosts
            .iter()
            .filter(|(_, end)| end.word() == word)
            .map(|(name, end)| match (end.fate, end.version) {
                (Fate::LeftOut, version) => format!("{name} ({version} version)"),
                _ => name.clone(),
            })
            .collect();
        (!names.is_empty()).then(|| format!("{word}: {}", names.join(", ")))
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// The reasons of the hosts' states: each reason once, with its hosts, in order.
#[must_use]
pub fn reasons(hosts: &HostEnds) -> Vec<(Vec<&str>, &str)> {
    let mut reasons: Vec<(Vec<&str>, &str)> = Vec::new();
    for (name, end) in hosts {
        let Some(reason) = &end.reason else { continue };
        match reasons.iter_mut().find(|(_, other)| other == reason) {
            Some((names, _)) => names.push(name),
            None => reasons.push((vec![name], reason)),
        }
    }
    reasons
}

/// The outcome of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutEnd {
    /// Every host has the new version.
    Done,
    /// It was completed without the hosts that failed.
    WithFailures,
    /// It was aborted, and `on_abort` says not to roll back.
    Stopped,
    RolledBack,
    NotRolledBack,
    Interrupted,
}

/// What happens to changed hosts when a rollout is aborted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnAbort {
    #[default]
    Rollback,
    Stop,
    /// Failures do not abort it.
    Continue,
}

/// What a rollout waits for between two batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    Pause,
    Confirm,
}
