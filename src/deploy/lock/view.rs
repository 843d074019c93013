//! Locks seen from outside: who holds which, and breaking one.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::ask;
use super::holder::new_holder;
use super::local::{failed, locks};
use super::name::file_name;
use super::record::{Given, Record, Seen};
use super::take::handles;
use super::wanted::Wanted;
use crate::model::{Failure, Host, LockHolder, LockScope, LogLevel};
use crate::run::Run;
use crate::store::Break;

/// The state of a lock on a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    pub host: String,
    /// The name of the lock; that of its directory if the record does not contain it.
    pub lock: String,
    pub seen: Seen,
}

/// The result of breaking a lock on a host.
#[derive(Debug)]
pub struct Broken {
    pub host: String,
    /// Whether the holder had it until then.
    pub was_his: Result<bool, Failure>,
}

/// All locks of these hosts, and the failures of those that could not be asked.
///
/// # Errors
/// Fails if a host's connection settings cannot be determined, or if it was interrupted.
pub fn list(
    run: &Arc<Run>,
    hosts: &[Arc<Host>],
    cancel: &CancellationToken,
) -> Result<(Vec<Outlook>, Vec<Failure>), Failure> {
    let handles = handles(run, hosts)?;
    let script = ask::list();
    let answers = run
        .runtime
        .block_on(ask::ask_all(&handles, &script, None, cancel));
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for (handle, said) in handles.iter().zip(answers) {
        match said {
            Ok(said) => found.extend(said.lines().filter_map(|line| outlook(handle.name(), line))),
            Err(failure) => failures.push(failure),
        }
    }
    Ok((found, failures))
}

/// A line of the script: the directory, then what `Seen` parses.
fn outlook(host: &str, line: &str) -> Option<Outlook> {
    let (dir, line) = line.split_once(' ')?;
    let seen = Seen::parse(line)?;
    let told = match &seen.record {
        Record::Held { holder, .. } => holder.as_ref().map(|holder| holder.lock.clone()),
        Record::Free { how, .. } => how.as_ref().map(|how| how.lock.clone()),
    };
    Some(Outlook {
        host: host.to_owned(),
        lock: told.unwrap_or_else(|| dir.to_owned()),
        seen,
    })
}

/// In check mode: reports who has a lock that the run would take.
///
/// # Errors
/// The same as for [`list`].
pub fn tell_holders(
    run: &Arc<Run>,
    wanted: &Wanted,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    for holder in peek(run, wanted, cancel)? {
        let message = format!(
            "the lock `{}` is held by {holder}; check mode does not take it",
            wanted.name
        );
        run.log(LogLevel::Warn, None, message);
    }
    Ok(())
}

/// Who holds a lock. Writes nothing. Hosts that do not answer are left out: tasks that need them will
/// report that.
///
/// # Errors
/// The same as for [`list`].
fn peek(
    run: &Arc<Run>,
    wanted: &Wanted,
    cancel: &CancellationToken,
) -> Result<Vec<LockHolder>, Failure> {
    if wanted.scope == LockScope::Local {
        let words = locks()?.look(&file_name(&wanted.name));
        return Ok(words
            .and_then(|words| serde_json::from_str(&words).ok())
            .into_iter()
            .collect());
    }
    let handles = handles(run, &wanted.hosts)?;
    let script = ask::look(&wanted.name);
    let answers = run
        .runtime
        .block_on(ask::ask_all(&handles, &script, None, cancel));
    let mut holders: Vec<LockHolder> = Vec::new();
    for (handle, said) in handles.iter().zip(answers) {
        let seen = said.and_then(|said| ask::seen(handle, said.trim()));
        if let Some(holder) = seen.as_ref().ok().and_then(Seen::holder)
            && holders.iter().all(|known| known.id != holder.id)
        {
            holders.push(holder.clone());
        }
    }
    Ok(holders)
}

/// The locks that are held on this machine.
///
/// # Errors
/// Fails if there is no directory for them.
pub fn list_local() -> Result<Vec<LockHolder>, Failure> {
    let words = locks()?.list();
    Ok(words
        .iter()
        .filter_map(|words| serde_json::from_str(words).ok())
        .collect())
}

/// Breaks the lock of the holder with this id, on these hosts.
///
/// # Errors
/// The same as for [`list`].
pub fn break_on(
    run: &Arc<Run>,
    hosts: &[Arc<Host>],
    lock: &str,
    id: &str,
    cancel: &CancellationToken,
) -> Result<Vec<Broken>, Failure> {
    let handles = handles(run, hosts)?;
    let by = new_holder(run, lock, LockScope::Hosts, "lock break", handles.len());
    let asker = by.id.clone();
    let how = Given {
        lock: lock.to_owned(),
        at: Timestamp::now(),
        broken_by: Some(by),
    };
    let script = ask::free(lock, id, &asker, &how);
    let answers = run
        .runtime
        .block_on(ask::ask_all(&handles, &script, None, cancel));
    Ok(handles
        .iter()
        .zip(answers)
        .map(|(handle, said)| {
            let broken =
                said.and_then(|said| ask::seen(handle, said.trim()))
                    .map(|seen| match seen.record {
                        Record::Free { how, .. } => how
                            .and_then(|how| how.broken_by)
                            .is_some_and(|by| by.id == asker),
                        Record::Held { .. } => false,
                    });
            Broken {
                host: handle.name().to_owned(),
                was_his: broken,
            }
        })
        .collect())
}

/// The same for a lock of this machine.
///
/// # Errors
/// Fails if its file cannot be removed.
pub fn break_local(lock: &str, id: &str) -> Result<bool, Failure> {
    let locks = locks()?;
    let is =
        |words: &str| serde_json::from_str::<LockHolder>(words).is_ok_and(|holder| holder.id == id);
    loop {
        match locks.break_one(&file_name(lock), is) {
            Ok(Break::Done) => return Ok(true),
            Ok(Break::NotHeld) => return Ok(false),
            Ok(Break::Busy) => std::thread::yield_now(),
            Err(error) => return Err(failed(&error)),
        }
    }
}
