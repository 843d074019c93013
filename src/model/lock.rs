//! Who holds a lock, as reported and as written in the lock itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::scrub::record;

/// Where a lock is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockScope {
    /// On every host that it covers.
    #[default]
    Hosts,
    /// On the controller.
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
    /// Who holds a lock. Fields that an older or newer ops does not write are empty.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct LockHolder {
        /// The name of the lock.
        pub lock: String,
        /// The lock id, which is unique.
        pub id: String,
        #[serde(default)]
        pub scope: LockScope,
        /// The user who runs ops.
        #[serde(default)]
        pub user: String,
        /// The machine that runs ops.
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
        /// The number of hosts on which it is held; 0 for a local lock.
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
