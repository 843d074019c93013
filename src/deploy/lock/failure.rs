//! Failures of locks: one that another run holds, and one that this run has lost.

use super::record::Record;
use crate::model::{Failure, FailureKind, LockHolder};

/// The failure to take a lock that another run holds.
pub(super) fn held(lock: &str, holder: Option<&LockHolder>, hosts: &[String]) -> Failure {
    let at = match hosts {
        [] => String::new(),
        [one] => format!(" on {one}"),
        [one, ..] => format!(" on {} hosts, including {one}", hosts.len()),
    };
    let (by, hint) = match holder {
        Some(holder) => (
            holder.to_string(),
            format!(
                "Use `ops lock show '{lock}'` to see its state, and `ops lock break {}` to break a lock left \
                 by a dead run.",
                holder.id
            ),
        ),
        None => (
            "an unknown holder".to_owned(),
            format!("Use `ops lock show '{lock}'` to see its state."),
        ),
    };
    Failure::new(
        FailureKind::Held,
        format!("the lock `{lock}` is held{at} by {by}"),
    )
    .hint(hint)
}

/// The failure of a change after the lock has passed to another run.
pub(super) fn lost(holder: &LockHolder, reason: &str) -> Failure {
    Failure::new(
        FailureKind::Held,
        format!(
            "nothing was changed: the lock `{}` (id {}) is no longer held by this run: {reason}",
            holder.lock, holder.id
        ),
    )
    .hint("Earlier changes stay in place. Check the hosts, then run the playbook again.")
}

/// Why a lock is lost, from the entry that has replaced ours.
pub(super) fn reason(now: &Record, ours: &str) -> String {
    match now {
        Record::Held { holder, .. } => match holder {
            Some(holder) => format!("it has passed to {holder}"),
            None => "its record on the host is gone".to_owned(),
        },
        Record::Free { how, .. } => match how.as_ref().and_then(|how| how.broken_by.as_ref()) {
            Some(by) => format!(
                "{} on {} broke it with `ops lock break`",
                by.user, by.controller
            ),
            None if now.id() != ours => format!(
                "another run took it over (lock id {}), and has ended since",
                now.id()
            ),
            None => "it was released".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_why_the_lock_was_lost() {
        let lost = |words: &str| reason(&Record::parse(words), "x1");
        assert!(lost("").contains("is gone"));
        let by = concat!(
            r#"free 0 a {"lock":"x","at":"2026-11-21T14:00:00Z","broken_by":"#,
            r#"{"lock":"x","id":"b","since":"2026-11-21T14:00:00Z","user":"ada","controller":"ci"}}"#,
        );
        assert_eq!(lost(by), "ada on ci broke it with `ops lock break`");
        let held = concat!(
            r#"held 90 b {"lock":"x","id":"b","since":"2026-11-21T14:00:00Z","#,
            r#""user":"ada","controller":"ci","run":"r1"}"#,
        );
        assert!(lost(held).starts_with("it has passed to ada on ci (pid 0)"));
    }
}
