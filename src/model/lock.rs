//! Who holds a lock, as it is told and as it stands in the lock itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::scrub::record;

/// Where a lock is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockScope {
    /// On every host that it is about.
    #[default]
    Hosts,
    /// On the machine that ops runs on.
    Local,
}

impl fmt::Display for LockScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hosts => "hosts",
            Self::Local => "local",
        })
    }
}

record! {
    /// Who holds a lock. What an older or newer ops left out reads as empty.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct LockHolder {
        /// The name of the lock.
        pub lock: String,
        /// Of this holding of it: no other one has it.
        pub id: String,
        #[serde(default)]
        pub scope: LockScope,
        /// The user who runs ops.
        #[serde(default)]
        pub user: String,
        /// The machine that ops runs on.
        #[serde(default)]
        pub controller: String,
        /// The process there.
        #[serde(default)]
        pub pid: u32,
        /// By the clock of that machine.
        pub since: jiff::Timestamp,
        /// The id of the run.
        #[serde(default)]
        pub run: String,
        #[serde(default)]
        pub playbook: String,
        /// On how many hosts it is held; 0 for one that is local.
        #[serde(default)]
        pub hosts: usize,
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self
            .since
            .to_zoned(jiff::tz::TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S %Z");
        write!(
            f,
            "{} on {} (pid {}) since {since}, run {} of {}, lock id {}",
            self.user, self.controller, self.pid, self.run, self.playbook, self.id
        )
    }
}
