//! Locks: of all runs that want one, one has it.
//!
//! A lock of scope `hosts` is kept on the hosts themselves, so it holds whoever deploys from wherever. It is leased: a
//! run renews it in the background, and where it no longer does (killed, its machine lost) another may take it over. And it
//! is fenced: each taking has a number that grows, every change of the run shows it to the host, and a host that has seen a
//! higher one refuses. A lock of scope `local` is a file lock on this machine, which the kernel frees.
//!
//! | part | |
//! |---|---|
//! | [`name`](self::name) | names and the files that stand for them |
//! | [`record`](self::record) | what a lock says of its holder, and when a lease ends |
//! | [`order`](self::order) | who goes back when two want the same hosts (pure) |
//! | [`ask`](self::ask) | the scripts, and sending them to all hosts at once |
//! | [`take`](self::take) | acquiring, waiting, giving up |
//! | [`hosts`](self::hosts) | one that is held on hosts: renewal and fence |
//! | [`local`](self::local) | one that is held on this machine |
//! | [`view`](self::view) | looking at locks from outside, and taking them away |
//!
//! `script` calls it for `with_lock`, `cli` for `--lock` and `ops lock`. docs/locks.md is for users.

mod ask;
mod hosts;
mod local;
pub mod name;
mod order;
mod record;
mod take;
mod view;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use hosts::HostsLock;
pub use local::LocalLock;
pub use record::{Given, Record, Seen};
pub use take::{Wanted, acquire};
pub use view::{Broken, Outlook, break_local, break_on, list, list_local, tell_holders};

use crate::model::{Emission, Failure, FailureKind, Kind, LockHolder, LockScope};
use crate::run::{Fence, Run};

/// How long a lock holds without renewal where nothing else is said. Long enough for a few renewals to go astray.
pub const LEASE: Duration = Duration::from_secs(90);

/// A shorter one would run out in a busy moment.
pub const SHORTEST_LEASE: Duration = Duration::from_secs(3);

/// A lease is renewed so many times before it runs out.
const RENEWALS: u32 = 4;

/// A lock that is held until it is released.
pub enum Lock {
    Hosts(Arc<HostsLock>),
    Local(Arc<LocalLock>),
}

impl Lock {
    /// Frees it, and says so. Shielded from the first interrupt.
    ///
    /// # Errors
    /// A host answered that it could not release the lock.
    pub fn release(self, run: &Run) -> Result<(), Failure> {
        let (fence, holder, free): (Arc<dyn Fence>, _, Result<bool, Failure>) = match self {
            Self::Hosts(lock) => {
                let free = lock.release(run);
                let holder = lock.holder().clone();
                (lock, holder, free)
            }
            Self::Local(lock) => {
                let free = Ok(lock.release());
                let holder = lock.holder().clone();
                (lock, holder, free)
            }
        };
        run.fences.lower(&fence);
        if free? {
            run.bus.emit(Emission::new(Kind::LockReleased {
                lock: holder.lock,
                id: holder.id,
            }));
        }
        Ok(())
    }
}

/// This run as a holder. The id is made for this time.
fn myself(run: &Run, lock: &str, scope: LockScope, playbook: &str, hosts: usize) -> LockHolder {
    LockHolder {
        lock: lock.to_owned(),
        id: new_id(),
        scope,
        user: user(),
        controller: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        pid: std::process::id(),
        since: Timestamp::now(),
        run: run.id.clone(),
        playbook: run.secrets.scrub(playbook).into_owned(),
        hosts,
    }
}

/// The name of the user who runs ops.
fn user() -> String {
    ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| {
            let uid = rustix::process::getuid().as_raw();
            let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            name_of(uid, &users).unwrap_or_else(|| format!("uid {uid}"))
        })
}

/// Cron and many CI jobs have no `USER`: the name as `/etc/passwd` has it.
fn name_of(uid: u32, users: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Eight characters that are hard to mistake for each other.
fn new_id() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    // Without randomness there would be no session either: see `shell`.
    let random = getrandom::u64().unwrap_or_default();
    let bytes = random.to_le_bytes();
    bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}

/// The failure of a lock that somebody else has.
fn held(lock: &str, holder: Option<&LockHolder>, hosts: &[String]) -> Failure {
    let at = match hosts {
        [] => String::new(),
        [one] => format!(" on {one}"),
        [one, ..] => format!(" on {} hosts, {one} among them", hosts.len()),
    };
    let (by, hint) = match holder {
        Some(holder) => (
            holder.to_string(),
            format!(
                "`ops lock show '{lock}'` tells how it stands; `ops lock break {}` takes it away from a run that is no more.",
                holder.id
            ),
        ),
        None => (
            "nobody knows whom".to_owned(),
            format!("`ops lock show '{lock}'` tells how it stands."),
        ),
    };
    Failure::new(
        FailureKind::Held,
        format!("the lock `{lock}` is held{at} by {by}"),
    )
    .hint(hint)
}

/// The failure of a change after the lock has passed on.
fn lost(holder: &LockHolder, reason: &str) -> Failure {
    Failure::new(
        FailureKind::Held,
        format!(
            "nothing was changed: the lock `{}` (id {}) is no longer held by this run: {reason}",
            holder.lock, holder.id
        ),
    )
    .hint("What was changed before stays as it is. Look at the hosts, then run the playbook again.")
}

/// Why a lock is lost, from the entry that stands in its place.
fn reason(now: &Record, ours: &str) -> String {
    match now {
        Record::Held { holder, .. } => match holder {
            Some(holder) => format!("it has passed to {holder}"),
            None => "its record on the host is gone".to_owned(),
        },
        Record::Free { how, .. } => match how.as_ref().and_then(|how| how.broken_by.as_ref()) {
            Some(by) => format!(
                "{} on {} took it away with `ops lock break`",
                by.user, by.controller
            ),
            None if now.id() != ours => format!(
                "another run took it over (lock id {}), and has ended since",
                now.id()
            ),
            None => "it was given up".to_owned(),
        },
    }
}

/// Between `from` and `to`, by chance: so that two who were told the same do not ask again at the same time.
fn jitter(from: Duration, to: Duration) -> Duration {
    let share = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    from + to.saturating_sub(from).mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_an_environment_has_a_name() {
        let users = "root:x:0:0::/root:/bin/sh\n\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(name_of(1000, users).as_deref(), Some("ada"));
        assert_eq!(name_of(0, users).as_deref(), Some("root"));
        assert_eq!(name_of(7, users), None);
    }

    #[test]
    fn ids_are_eight_letters_that_differ() {
        let (one, other) = (new_id(), new_id());
        assert_eq!(one.len(), 8);
        assert_ne!(one, other);
    }

    #[test]
    fn who_lost_it_is_told_why() {
        let told = |words: &str| reason(&Record::parse(words), "x1");
        assert!(told("").contains("is gone"));
        let by = r#"free 0 a {"lock":"x","at":"2026-11-21T14:00:00Z","broken_by":{"lock":"x","id":"b","since":"2026-11-21T14:00:00Z","user":"ada","controller":"ci"}}"#;
        assert_eq!(told(by), "ada on ci took it away with `ops lock break`");
        let held = r#"held 90 b {"lock":"x","id":"b","since":"2026-11-21T14:00:00Z","user":"ada","controller":"ci","run":"r1"}"#;
        assert!(told(held).starts_with("it has passed to ada on ci (pid 0)"));
    }
}
