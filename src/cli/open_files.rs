//! How many files this process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// What ops has open besides hosts: its own files, reports, the inventory while it is read.
const OWN: u64 = 256;

/// The most that a host takes: the three pipes of a child process, for two users, and what watches the child.
const A_HOST: u64 = 8;

/// Raises the soft limit (getrlimit(2), `RLIMIT_NOFILE`) for so many hosts, as far as the hard one lets. Usual is 1,024,
/// which fewer than a thousand connections use up. A limit that is high enough stays: the programs that a playbook
/// starts on this machine inherit it.
pub fn allow_for(hosts: usize) {
    let limit = getrlimit(Resource::Nofile);
    let (Some(soft), wanted) = (limit.current, wanted(hosts)) else {
        return;
    };
    let raised = limit.maximum.map_or(wanted, |hard| wanted.min(hard));
    if raised <= soft {
        return;
    }
    let new = rustix::process::Rlimit {
        current: Some(raised),
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, new) {
        tracing::debug!("the limit of open files stays {soft}: {error}");
    }
}

fn wanted(hosts: usize) -> u64 {
    OWN + A_HOST * u64::try_from(hosts).unwrap_or(u64::MAX / 16)
}
