//! How a run began, whether it is its first attempt or a later one.

use std::collections::BTreeMap;

use super::Kind;

/// How a run, or another attempt of it, began.
#[derive(Debug, Clone, Copy)]
pub struct RunStart<'k> {
    pub version: &'k str,
    pub playbook: &'k str,
    pub check: bool,
    pub hosts: usize,
    pub params: &'k BTreeMap<String, String>,
    /// 1, unless the run was resumed.
    pub attempt: u32,
}

impl Kind {
    /// The start of a run or of an attempt, if it is one.
    #[must_use]
    pub const fn start(&self) -> Option<RunStart<'_>> {
        match self {
            Self::RunStarted {
                version,
                playbook,
                check,
                hosts,
                params,
                ..
            } => Some(RunStart {
                version: version.as_str(),
                playbook: playbook.as_str(),
                check: *check,
                hosts: *hosts,
                params,
                attempt: 1,
            }),
            Self::RunResumed {
                attempt,
                version,
                playbook,
                hosts,
                params,
                ..
            } => Some(RunStart {
                version: version.as_str(),
                playbook: playbook.as_str(),
                check: false,
                hosts: *hosts,
                params,
                attempt: *attempt,
            }),
            _ => None,
        }
    }
}
