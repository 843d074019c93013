//! Events about locks as lines of the log.

use anstyle::Style;

use super::style::{DIM, YELLOW};
use crate::model::{Kind, LockHolder};

/// A line about a lock.
pub(super) struct LockLine {
    pub word: &'static str,
    pub style: Style,
    pub text: String,
    /// Whether it is shown only with `-v`.
    pub detail: bool,
}

/// The line of an event about a lock, if it is one.
pub(super) fn line(kind: &Kind) -> Option<LockLine> {
    let detail = |word, text| LockLine {
        word,
        style: DIM,
        text,
        detail: true,
    };
    let warning = |text| LockLine {
        word: "warning",
        style: YELLOW,
        text,
        detail: false,
    };
    Some(match kind {
        Kind::LockWaiting {
            lock,
            holder,
            hosts,
        } => LockLine {
            word: "waiting",
            style: YELLOW,
            text: format!(
                "for the lock {lock}, held{} by {}",
                on(hosts),
                who(holder.as_deref())
            ),
            detail: false,
        },
        Kind::LockAcquired {
            lock, id, tokens, ..
        } => {
            let hosts: Vec<String> = tokens.keys().cloned().collect();
            detail("locked", format!("{lock}{}, lock id {id}", on(&hosts)))
        }
        Kind::LockReleased { lock, .. } => detail("unlocked", lock.clone()),
        Kind::LockTakenOver {
            lock,
            former,
            hosts,
            ..
        } => warning(format!(
            "the lock {lock} was taken over{}: its lease had expired; it was held by {}",
            on(hosts),
            who(former.as_deref())
        )),
        Kind::LockBroken {
            lock,
            holder,
            hosts,
            ..
        } => LockLine {
            word: "broken",
            style: YELLOW,
            text: format!(
                "the lock {lock}{}, held by {}",
                on(hosts),
                who(holder.as_deref())
            ),
            detail: false,
        },
        Kind::LockLost { lock, reason, .. } => warning(format!("the lock {lock}: {reason}")),
        _ => return None,
    })
}

fn who(holder: Option<&LockHolder>) -> String {
    holder.map_or_else(|| "an unknown holder".to_owned(), ToString::to_string)
}

/// ` on web1 and web2`; empty for a local lock.
fn on(hosts: &[String]) -> String {
    match hosts {
        [] => String::new(),
        [one] => format!(" on {one}"),
        [one, other] => format!(" on {one} and {other}"),
        [one, other, more @ ..] => format!(" on {one}, {other} and {} more", more.len()),
    }
}
