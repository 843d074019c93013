//! Failures as data: the playbook can inspect them, a reporter can draw them, and they determine the exit
//! code.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Position;
use super::scrub::record;

/// The kind of a failure. Determines the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The playbook, a parameter or the inventory is wrong. Found before any host is contacted. Exit 2.
    Input,
    /// A task or a command failed on a host, or the playbook threw. Exit 3.
    Failed,
    /// A command may have run in an earlier attempt of the run, and nobody decided what that means. Exit 3.
    InDoubt,
    /// A host could not be reached, or was lost. Exit 4.
    Unreachable,
    /// A lock that the run needs is held by another run. Exit 5.
    Held,
    /// A rollout was aborted, and every host that it had changed was rolled back. Exit 6.
    RolledBack,
    /// A rollout was aborted, and not every host that it had changed could be rolled back. Exit 7.
    NotRolledBack,
    /// The run was interrupted. Exit 130.
    Interrupted,
    /// A bug in ops. Exit 1.
    Internal,
}

impl FailureKind {
    /// Its name in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::Unreachable => "unreachable",
            Self::Held => "held",
            Self::RolledBack => "rolled_back",
            Self::NotRolledBack => "not_rolled_back",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal",
        }
    }

    /// The exit code of a run that this failure ended.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Input => 2,
            Self::Failed | Self::InDoubt => 3,
            Self::Unreachable => 4,
            Self::Held => 5,
            Self::RolledBack => 6,
            Self::NotRolledBack => 7,
            Self::Interrupted => 130,
        }
    }
}

record! {
    /// A failure with everything that a user needs to act on it.
    #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct Failure {
        pub kind: FailureKind,
        /// A lower-case fragment that fits after "failed: ".
        pub message: String,
        /// What to try, as a sentence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hint: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub host: Option<String>,
        /// The task, as its label reads: `files::file /etc/motd`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub task: Option<String>,
        /// The command as the playbook wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub command: Option<String>,
        /// Its exit code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub code: Option<i32>,
        /// The end of its stderr, or of its stdout if stderr was empty.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub stderr: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub at: Option<Position>,
        /// The line of the playbook at `at`, so that a kept run shows it as it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub source_line: Option<String>,
        /// The calls that led to `at`, innermost first: the name of the function, and where it was called.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub trace: Vec<(String, Position)>,
        /// Whether it only counts failures that were reported on their own: `2 of 3 hosts failed`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub sums_up: bool,
        /// The option that the call of a script's function got wrong. `at` is in that function until the
        /// failure leaves it, and at the call from then on.
        #[serde(skip)]
        pub option: Option<String>,
    }
}

impl Failure {
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            host: None,
            task: None,
            command: None,
            code: None,
            stderr: None,
            at: None,
            source_line: None,
            trace: Vec::new(),
            sums_up: false,
            option: None,
        }
    }

    /// What a cancelled run was waiting for.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(FailureKind::Interrupted, "interrupted")
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with an optional hint.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = self.hint.or(hint);
        self
    }

    #[must_use]
    pub fn on(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    #[must_use]
    pub fn at(mut self, position: Option<Position>) -> Self {
        self.at = self.at.or(position);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}: ")?;
        }
        if let Some(task) = &self.task {
            write!(f, "{task}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
