//! What a rollout does with hosts, as data: its events, the machine that decides and the reports share it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::scrub::record;
use super::{Failure, FailureKind};

/// What a host goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Draining,
    Drained,
    Updating,
    Updated,
    /// Its health is looked at until it has been good for long enough.
    WaitingHealthy,
    Healthy,
    Readmitting,
    Readmitted,
    /// Something of the above failed: this is why the host does not get the new version.
    Failed,
    RollingBack,
    RolledBack,
    /// It could not be put back.
    RollbackFailed,
    /// It stays out of service.
    LeftOut,
}

/// What a host was left on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    Old,
    New,
    /// Its update, or its rollback, was not gone through to the end.
    Unknown,
}

/// What came of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// In service with the new version.
    Updated,
    /// In service as it was: it was not begun with, or given back before its update.
    Untouched,
    /// In service as it was, after it had been changed.
    RolledBack,
    /// Out of service.
    LeftOut,
    /// In service with the new version from the start: nothing was done.
    Unchanged,
    /// In check mode: its update was gone through.
    Checked,
}

impl Fate {
    /// As a user reads it.
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
        /// Counts from 1; none in check mode, and for a host that had failed before the rollout.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub batch: Option<usize>,
        /// The first thing that went wrong.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub failure: Option<Box<Failure>>,
        /// Why it could not be put back, or into service.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub unrestored: Option<Box<Failure>>,
        /// Why it is where it is, in one line, unless it was updated as it was meant to be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
    }
}

impl HostEnd {
    /// It was left out because it could not be reached.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        let why = self.unrestored.as_ref().or(self.failure.as_ref());
        self.fate == Fate::LeftOut && why.is_some_and(|why| why.kind == FailureKind::Unreachable)
    }

    /// It was left where it was because the lock had passed to another run: what that one reports is what is so.
    #[must_use]
    pub fn is_taken_over(&self) -> bool {
        let why = self.unrestored.as_ref().or(self.failure.as_ref());
        self.fate == Fate::LeftOut && why.is_some_and(|why| why.kind == FailureKind::Held)
    }

    /// What came of it, as a user reads it.
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

/// Which hosts are where, in a sentence: `updated: web1; left out: web2`. Empty without hosts.
#[must_use]
pub fn told(hosts: &HostEnds) -> String {
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

/// Why hosts are where they are: each reason once, with the hosts that it is about, in their order.
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

/// What came of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutEnd {
    /// Every host has the new version.
    Done,
    /// It went through, without the hosts that failed.
    WithFailures,
    /// It was aborted, and nothing was rolled back: `on_abort` says so.
    Stopped,
    RolledBack,
    NotRolledBack,
    Interrupted,
}

/// What happens to hosts that are changed already when a rollout is aborted.
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
