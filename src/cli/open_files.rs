//! The limit of open files of this process.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that ops has open besides those of hosts: its own, reports, the inventory while it is read.
const OWN: u64 = 256;

/// The most that a host needs: the three pipes of a child process, for two users, and the watch on the child.
const A_HOST: u64 = 8;

/// Raises the soft limit (getrlimit(2), `RLIMIT_NOFILE`) for this number of hosts, up to the hard one. It is
/// usually 1,024, which fewer than a thousand connections use up. A limit that is high enough stays: the
/// programs that a playbook starts on this machine inherit it.
pub(crate) fn allow_for(hosts: usize) {
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
        tracing::debug!("failed to raise the limit of open files above {soft}: {error}");
    }
}

fn wanted(hosts: usize) -> u64 {
    OWN + A_HOST * u64::try_from(hosts).unwrap_or(u64::MAX / 16)
}
