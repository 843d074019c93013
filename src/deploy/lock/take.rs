//! Acquires a lock: asks, waits, and releases what it got if it could not get everything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::ask::{self, Taken};
use super::held::Lock;
use super::holder::new_holder;
use super::hosts::{HostsLock, Place, free};
use super::local::LocalLock;
use super::name;
use super::order::{Asked, Next, next};
use super::record::{Record, Seen, token};
use super::wanted::{Waiting, Wanted, jitter, sleep};
use crate::model::{Emission, Failure, FailureKind, Host, Kind, LockHolder, LockScope};
use crate::run::{HostHandle, Run};

/// Takes a lock, and makes it a fence of the run.
///
/// # Errors
/// `Held` if another run has it, and still had it when the wait was over. `Unreachable` if a host could not
/// be asked: then it is held nowhere.
pub fn acquire(
    run: &Arc<Run>,
    wanted: &Wanted,
    playbook: &str,
    cancel: &CancellationToken,
) -> Result<Lock, Failure> {
    name::check(&wanted.name).map_err(|why| Failure::new(FailureKind::Failed, why))?;
    if run.fences.holds(&wanted.name) {
        let message = format!("this run already holds the lock `{}`", wanted.name);
        return Err(Failure::new(FailureKind::Failed, message).hint(
            "Take it once, around everything that it protects. `--lock` takes it for the whole playbook.",
        ));
    }
    let began = Instant::now();
    let hosts = if wanted.scope == LockScope::Local {
        0
    } else {
        wanted.hosts.len()
    };
    let holder = new_holder(run, &wanted.name, wanted.scope, playbook, hosts);
    let mut waiting = Waiting::new(run, wanted);
    let (lock, tokens) = match wanted.scope {
        LockScope::Local => {
            let lock = LocalLock::acquire(&holder, &mut waiting, cancel)?;
            run.fences.raise(lock.clone());
            (Lock::Local(lock), std::collections::BTreeMap::new())
        }
        LockScope::Hosts => {
            let places = on_hosts(run, wanted, &holder, &mut waiting, cancel)?;
            let tokens = places
                .iter()
                .map(|place| {
                    let token = token(place.number);
                    (place.handle.name().to_owned(), token)
                })
                .collect();
            let lock = HostsLock::hold(run, holder.clone(), wanted.lease, places);
            run.fences.raise(lock.clone());
            (Lock::Hosts(lock), tokens)
        }
    };
    let acquired = Kind::LockAcquired {
        lock: holder.lock,
        id: holder.id,
        scope: holder.scope,
        tokens,
    };
    run.bus
        .emit(Emission::new(acquired).duration(began.elapsed()));
    Ok(lock)
}

/// The hosts as the run sees them, in the order that all runs use.
pub(super) fn handles(run: &Arc<Run>, hosts: &[Arc<Host>]) -> Result<Vec<HostHandle>, Failure> {
    let mut hosts = hosts.to_vec();
    hosts.sort_by(|one, other| one.name.cmp(&other.name));
    hosts.dedup_by(|one, other| one.name == other.name);
    hosts
        .iter()
        .map(|host| HostHandle::new(run, host))
        .collect()
}

/// Takes it on all hosts; waits if that is allowed.
fn on_hosts(
    run: &Arc<Run>,
    wanted: &Wanted,
    holder: &LockHolder,
    waiting: &mut Waiting<'_>,
    cancel: &CancellationToken,
) -> Result<Vec<Place>, Failure> {
    let handles = handles(run, &wanted.hosts)?;
    run.runtime.block_on(async {
        loop {
            let attempt = attempt(&handles, wanted, holder, cancel).await;
            let held = match attempt {
                Ok(Attempt::Got(places)) => return Ok(places),
                Ok(Attempt::Held(held)) => held,
                Err(failure) => return Err(not_taken(&wanted.name, failure)),
            };
            let held = take_over_own(run, &handles, held, cancel).await;
            if held.is_empty() {
                continue;
            }
            waiting.goes_on(&held)?;
            until_free(&handles, held, wanted, waiting, cancel).await?;
        }
    })
}

/// Releases what an earlier attempt of this run holds, whose process is dead, or fenced off from now on: this
/// one has the lock of the run's directory. Returns what others hold.
async fn take_over_own(
    run: &Arc<Run>,
    handles: &[HostHandle],
    held: Vec<(String, Seen)>,
    cancel: &CancellationToken,
) -> Vec<(String, Seen)> {
    if run.past.is_none() {
        return held;
    }
    let is_own = |seen: &Seen| seen.holder().is_some_and(|holder| holder.run == run.id);
    let (own, held): (Vec<_>, Vec<_>) = held.into_iter().partition(|(_, seen)| is_own(seen));
    for (host, seen) in own {
        let handle = handles.iter().find(|handle| handle.name() == host);
        if let (Some(handle), Some(holder)) = (handle, seen.holder()) {
            // Should that fail, the next attempt to take it says why.
            drop(free(std::slice::from_ref(handle), holder, cancel).await);
        }
    }
    held
}

/// Checks at intervals until no other run holds it. Holds nothing meanwhile.
async fn until_free(
    handles: &[HostHandle],
    held: Vec<(String, Seen)>,
    wanted: &Wanted,
    waiting: &mut Waiting<'_>,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let script = ask::look(&wanted.name);
    let blocked: Vec<HostHandle> = handles
        .iter()
        .filter(|handle| held.iter().any(|(host, _)| host == handle.name()))
        .cloned()
        .collect();
    loop {
        waiting.pause(cancel).await?;
        let answers = ask::ask_all(&blocked, &script, None, cancel).await;
        let mut held = Vec::new();
        for (handle, said) in blocked.iter().zip(answers) {
            let seen = said
                .and_then(|said| ask::seen(handle, said.trim()))
                .map_err(|failure| not_taken(&wanted.name, failure))?;
            if seen.is_held() {
                held.push((handle.name().to_owned(), seen));
            }
        }
        if held.is_empty() {
            return Ok(());
        }
        waiting.goes_on(&held)?;
    }
}

enum Attempt {
    Got(Vec<Place>),
    /// By host. We hold none of them.
    Held(Vec<(String, Seen)>),
}

/// Asks all hosts at once. In the end it has all or none: see [`order`](super::order).
async fn attempt(
    handles: &[HostHandle],
    wanted: &Wanted,
    holder: &LockHolder,
    cancel: &CancellationToken,
) -> Result<Attempt, Failure> {
    let script = ask::take(holder, wanted.lease.as_secs().max(1));
    let began = Instant::now();
    let mut got: Vec<Place> = Vec::with_capacity(handles.len());
    let mut former: Vec<(String, Record)> = Vec::new();
    loop {
        let asked = &handles[got.len()..];
        let kept = got.len();
        let answers = ask::ask_all(asked, &script, None, cancel).await;
        let mut all = vec![Asked::Got; kept];
        let mut held = Vec::new();
        let mut failure: Option<Failure> = None;
        let mut fresh = Vec::new();
        for (handle, said) in asked.iter().zip(answers) {
            match said.and_then(|said| ask::taken(handle, &said)) {
                Ok(Taken::Got {
                    number,
                    log,
                    former: was,
                }) => {
                    all.push(Asked::Got);
                    former.extend(was.map(|was| (handle.name().to_owned(), was)));
                    fresh.push(Place {
                        handle: handle.clone(),
                        number,
                        log,
                    });
                }
                Ok(Taken::Held(seen)) => {
                    all.push(Asked::Held { age: seen.age });
                    held.push((handle.name().to_owned(), seen));
                }
                // An interrupt takes precedence over other errors.
                Err(error) if error.kind == FailureKind::Interrupted => failure = Some(error),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(failure) = failure {
            // Also if there was no answer: the request may have arrived.
            give_back(reached(handles, &failure, &got, &fresh), holder).await;
            return Err(failure);
        }
        match next(&all, began.elapsed()) {
            Next::Done => {
                got.append(&mut fresh);
                tell_former(handles, holder, &former);
                return Ok(Attempt::Got(got));
            }
            Next::Press { from } => {
                let keep = from - kept;
                let back = fresh.split_off(keep.min(fresh.len()));
                got.append(&mut fresh);
                give_back(back.into_iter().map(|place| place.handle).collect(), holder).await;
                let short = jitter(Duration::from_millis(30), Duration::from_millis(120));
                if sleep(short, cancel).await.is_err() {
                    give_back(handles_of(&got), holder).await;
                    return Err(Failure::interrupted());
                }
            }
            Next::Back => {
                got.append(&mut fresh);
                give_back(handles_of(&got), holder).await;
                return Ok(Attempt::Held(held));
            }
        }
    }
}

fn handles_of(places: &[Place]) -> Vec<HostHandle> {
    places.iter().map(|place| place.handle.clone()).collect()
}

/// The hosts on which something may be held after a failure. After an interrupt, any of them; otherwise
/// those that answered: reaching the others again would take as long as it took to find that they are gone.
fn reached(
    handles: &[HostHandle],
    failure: &Failure,
    got: &[Place],
    fresh: &[Place],
) -> Vec<HostHandle> {
    if failure.kind == FailureKind::Interrupted {
        return handles.to_vec();
    }
    handles_of(got)
        .into_iter()
        .chain(handles_of(fresh))
        .collect()
}

async fn give_back(handles: Vec<HostHandle>, holder: &LockHolder) {
    let Some(first) = handles.first() else { return };
    let cancel = first.run.cancel.cleanup.clone();
    // A lock that could not be released expires.
    drop(free(&handles, holder, &cancel).await);
}

/// Reports whose leases had expired, each once.
fn tell_former(handles: &[HostHandle], holder: &LockHolder, former: &[(String, Record)]) {
    let Some(run) = handles.first().map(|handle| &handle.run) else {
        return;
    };
    let mut rest: Vec<&(String, Record)> = former.iter().collect();
    while let Some((_, record)) = rest.first() {
        let (same, others): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|(_, other)| other.id() == record.id());
        run.bus.emit(Emission::new(Kind::LockTakenOver {
            lock: holder.lock.clone(),
            id: holder.id.clone(),
            former: record.holder().cloned().map(Box::new),
            hosts: same.iter().map(|(host, _)| host.clone()).collect(),
        }));
        rest = others;
    }
}

/// A lock that could not be taken because of a host.
fn not_taken(lock: &str, failure: Failure) -> Failure {
    if failure.kind != FailureKind::Unreachable {
        return failure;
    }
    // The error of the connection has already been reported for the host.
    let message = format!("the lock `{lock}` was not taken: this host could not be reached");
    let hint = "A lock is held on every host that the playbook names, including those that --limit excludes.";
    Failure { message, ..failure }.hint(hint)
}
