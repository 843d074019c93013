//! What a journal says about a rollout: its plan, and what becomes of each host, before it happens.

use serde::{Deserialize, Serialize};

use super::hide::{Hide, textless};
use crate::model::{FailureKind, Fate, RolloutEnd, Secrets, Version};

/// An entry about a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RolloutEntry {
    /// It begins, or goes on in a further attempt of the run.
    Begun {
        /// It goes on.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        goes_on: bool,
        /// Its identity in earlier attempts, if it was recognised at another place of the playbook.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
        /// The hosts in order.
        hosts: Vec<String>,
        /// The number of hosts in each batch.
        sizes: Vec<usize>,
        /// Those that were out of service before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        out: Vec<String>,
        /// Those that needed no update.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skipped: Vec<String>,
    },
    /// A step of a host is about to begin.
    Step {
        host: String,
        next: RolloutStep,
    },
    /// The host counts as failed.
    Failed {
        host: String,
        failure: FailureKind,
        message: String,
    },
    /// The host is done, for now: a rollback may follow.
    Settled {
        host: String,
        fate: Fate,
        version: Version,
    },
    /// No further host is started.
    Aborted {
        reason: String,
    },
    Ended {
        end: RolloutEnd,
    },
}

impl RolloutEntry {
    /// The host that it is about.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Step { host, .. } | Self::Failed { host, .. } | Self::Settled { host, .. } => {
                Some(host)
            }
            Self::Begun { .. } | Self::Aborted { .. } | Self::Ended { .. } => None,
        }
    }
}

/// A step that changes a host, or takes it in or out of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutStep {
    Drain,
    Update,
    Readmit,
    Rollback,
}

textless!(FailureKind, Fate, RolloutEnd, RolloutStep, Version);

impl Hide for RolloutEntry {
    fn hide(&mut self, secrets: &Secrets) {
        match self {
            Self::Begun {
                was,
                hosts,
                out,
                skipped,
                ..
            } => {
                was.hide(secrets);
                for names in [hosts, out, skipped] {
                    names.hide(secrets);
                }
            }
            Self::Step { host, .. } | Self::Settled { host, .. } => host.hide(secrets),
            Self::Failed { host, message, .. } => {
                host.hide(secrets);
                message.hide(secrets);
            }
            Self::Aborted { reason } => reason.hide(secrets),
            Self::Ended { .. } => {}
        }
    }
}
