//! Locks as they are printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use crate::deploy::lock::{Outlook, Record, list_local};
use crate::model::{Failure, LockHolder, LockScope};
use crate::report::{self, table};

/// A lock that is held, on hosts or on this machine.
pub(crate) struct Held {
    pub lock: String,
    pub id: String,
    pub scope: LockScope,
    pub holder: Option<LockHolder>,
    /// Seconds until the lease expires, less than 0 if it has; `None` for a local lock.
    pub left: Option<i64>,
    /// The token by host.
    pub hosts: BTreeMap<String, u64>,
}

/// One entry for each lock that is held, with its hosts.
pub(crate) fn gather(found: Vec<Outlook>) -> Result<Vec<Held>, Failure> {
    let mut all: Vec<Held> = Vec::new();
    for Outlook { host, lock, seen } in found {
        let (token, left) = (seen.token(), seen.left());
        let Record::Held { id, holder, .. } = seen.record else {
            continue;
        };
        let known = all
            .iter_mut()
            .find(|held| held.id == id && held.lock == lock);
        if let Some(held) = known {
            held.left = held.left.max(left);
            held.hosts.insert(host, token);
        } else {
            all.push(Held {
                lock,
                id,
                scope: LockScope::Hosts,
                holder: holder.map(|holder| *holder),
                left,
                hosts: BTreeMap::from([(host, token)]),
            });
        }
    }
    all.extend(list_local()?.into_iter().map(|holder| Held {
        lock: holder.lock.clone(),
        id: holder.id.clone(),
        scope: LockScope::Local,
        holder: Some(holder),
        left: None,
        hosts: BTreeMap::new(),
    }));
    all.sort_by(|one, other| one.lock.cmp(&other.lock));
    Ok(all)
}

/// How a lock that nobody holds was last released.
pub(crate) fn last_free(found: &[Outlook], name: &str) -> Option<String> {
    let given = found.iter().filter(|seen| seen.lock == name);
    let how = given
        .filter_map(|seen| match &seen.seen.record {
            Record::Free { how, .. } => how.clone(),
            Record::Held { .. } => None,
        })
        .max_by_key(|how| how.at)?;
    let at = local_time(how.at);
    Some(match how.broken_by {
        None => format!("It was released at {at}."),
        Some(by) => format!("{} on {} broke it at {at}.", by.user, by.controller),
    })
}

fn local_time(at: jiff::Timestamp) -> String {
    let zone = jiff::tz::TimeZone::system();
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn expires(left: Option<i64>) -> String {
    let shown = |seconds: u64| report::duration(Duration::from_secs(seconds));
    match left {
        None => "with its process".to_owned(),
        Some(left) if left < 0 => format!("expired {} ago", shown(left.unsigned_abs())),
        Some(left) => format!("in {}", shown(left.unsigned_abs())),
    }
}

pub(crate) fn rows(all: &[Held]) -> String {
    let head = [
        "LOCK", "ID", "SCOPE", "HOLDER", "WHERE", "SINCE", "EXPIRES", "RUN", "PLAYBOOK", "HOSTS",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    for held in all {
        let of = |what: fn(&LockHolder) -> String| {
            held.holder.as_ref().map_or_else(|| "?".to_owned(), what)
        };
        rows.push(vec![
            held.lock.clone(),
            held.id.clone(),
            held.scope.to_string(),
            of(|holder| holder.user.clone()),
            of(|holder| format!("{}, pid {}", holder.controller, holder.pid)),
            of(|holder| local_time(holder.since)),
            expires(held.left),
            of(|holder| holder.run.clone()),
            of(|holder| holder.playbook.clone()),
            names(held, 4),
        ]);
    }
    table::render(&rows)
}

/// The first hosts, and how many more there are.
fn names(held: &Held, most: usize) -> String {
    let shown: Vec<&str> = held.hosts.keys().map(String::as_str).take(most).collect();
    let more = held.hosts.len().saturating_sub(most);
    if more == 0 {
        shown.join(", ")
    } else {
        format!("{} and {more} more", shown.join(", "))
    }
}

pub(crate) fn described(held: &Held) -> String {
    let mut text = format!("lock     {}\nid       {}\n", held.lock, held.id);
    if let Some(holder) = &held.holder {
        let LockHolder {
            user,
            controller,
            pid,
            run,
            playbook,
            ..
        } = holder;
        let since = local_time(holder.since);
        let _ = write!(
            text,
            "holder   {user}\nwhere    {controller}, pid {pid}\nsince    {since}\n\
             run      {run} of {playbook}\n"
        );
    }
    let _ = writeln!(text, "scope    {}", held.scope);
    let _ = writeln!(text, "expires  {}", expires(held.left));
    for (host, token) in &held.hosts {
        let _ = writeln!(text, "host     {host} (token {token})");
    }
    // Names and users come from other machines: the terminal must not interpret them.
    report::clean(&text).into_owned()
}

pub(crate) fn lines_of_json(all: &[Held]) -> String {
    all.iter()
        .map(|held| {
            let line = json!({
                "lock": held.lock,
                "id": held.id,
                "scope": held.scope,
                "holder": held.holder,
                "expires_in": held.left,
                "hosts": held.hosts,
            });
            format!("{line}\n")
        })
        .collect()
}
