//! A lock that is held on hosts: its lease is renewed in the background, and it fences every change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::ask;
use super::failure::{lost, reason};
use super::lease::RENEWALS;
use super::record::{Given, Record, Seen};
use crate::model::{Emission, Failure, FailureKind, Kind, LockHolder, LogLevel};
use crate::run::{Bus, Fence, Guard, HostHandle, Run};
use crate::shell::{Request, Step};

/// The time limit for releasing it: a host that is gone must not delay the end of the run.
const GOODBYE: Duration = Duration::from_secs(10);

/// The part of it that is held on one host.
pub(super) struct Place {
    pub handle: HostHandle,
    /// The number of our entry.
    pub number: u64,
    /// The prefix of the paths of its entries.
    pub log: String,
}

/// A lock that this run holds on hosts.
pub struct HostsLock {
    holder: LockHolder,
    lease: Duration,
    places: BTreeMap<String, Place>,
    bus: Bus,
    /// Why it is no longer ours. From then on, nothing is changed anywhere.
    lost: Mutex<Option<Failure>>,
    renewal: OnceLock<tokio::task::JoinHandle<()>>,
}

impl HostsLock {
    /// Starts to renew it.
    pub(super) fn hold(
        run: &Run,
        holder: LockHolder,
        lease: Duration,
        places: Vec<Place>,
    ) -> Arc<Self> {
        let places = places
            .into_iter()
            .map(|place| (place.handle.name().to_owned(), place))
            .collect();
        let lock = Arc::new(Self {
            holder,
            lease,
            places,
            bus: run.bus.clone(),
            lost: Mutex::default(),
            renewal: OnceLock::new(),
        });
        let renewed = Arc::clone(&lock);
        let renewal = run.runtime.spawn(async move {
            let hosts = renewed.places.values().map(|place| renewed.keep(place));
            futures_util::future::join_all(hosts).await;
        });
        // Set once, here.
        let _ = lock.renewal.set(renewal);
        lock
    }

    #[must_use]
    pub const fn holder(&self) -> &LockHolder {
        &self.holder
    }

    /// Renews the lease on a host until the lock is lost or released.
    async fn keep(&self, place: &Place) {
        let pause = self.lease / RENEWALS;
        let script = ask::renew(&self.holder.lock, &self.holder.id);
        let never = CancellationToken::new();
        let mut renewed = Instant::now();
        let mut told = false;
        loop {
            tokio::time::sleep(pause).await;
            let request = Request::step(Step::own(script.as_bytes()));
            let asked = tokio::time::timeout(pause, place.handle.send_aside(&never, request)).await;
            let seen = asked
                .map_err(|_| "the host does not answer".to_owned())
                .and_then(|reply| {
                    let said = reply.and_then(|reply| ask::answer(&place.handle, reply));
                    said.and_then(|said| ask::seen(&place.handle, said.trim()))
                        .map_err(|failure| failure.message)
                });
            match seen {
                Ok(seen) if self.is_ours(&seen) => {
                    renewed = Instant::now();
                    told = false;
                }
                Ok(seen) => {
                    self.lose(place.handle.name(), &seen.record);
                    return;
                }
                Err(why) if renewed.elapsed() > self.lease && !told => {
                    told = true;
                    let reason =
                        format!("its lease has expired, so another run may take it: {why}");
                    self.tell(place.handle.name(), reason, None);
                }
                Err(why) => tracing::debug!("{}: lease not renewed: {why}", place.handle.name()),
            }
        }
    }

    fn is_ours(&self, seen: &Seen) -> bool {
        matches!(seen.record, Record::Held { .. }) && seen.record.id() == self.holder.id
    }

    /// Records that the lock was lost. Reports this the first time.
    fn lose(&self, host: &str, now: &Record) -> Failure {
        let mut known = self.known();
        if let Some(failure) = &*known {
            return failure.clone();
        }
        let reason = reason(now, &self.holder.id);
        let failure = lost(&self.holder, &reason);
        self.tell(host, reason, now.holder());
        *known = Some(failure.clone());
        failure
    }

    fn tell(&self, host: &str, reason: String, holder: Option<&LockHolder>) {
        let kind = Kind::LockLost {
            lock: self.holder.lock.clone(),
            id: self.holder.id.clone(),
            reason,
            holder: holder.cloned().map(Box::new),
        };
        self.bus.emit(Emission::new(kind).host(host));
    }

    fn known(&self) -> MutexGuard<'_, Option<Failure>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases it on all hosts. Returns whether it was ours to the end wherever this could be determined.
    ///
    /// # Errors
    /// Fails if a host answered that it could not release it: the lock is held there until its lease
    /// expires.
    pub(super) fn release(&self, run: &Run) -> Result<bool, Failure> {
        if let Some(renewal) = self.renewal.get() {
            renewal.abort();
        }
        let handles: Vec<HostHandle> = self
            .places
            .values()
            .map(|place| place.handle.clone())
            .collect();
        let cancel = &run.cancel.cleanup;
        let answers = run.runtime.block_on(free(&handles, &self.holder, cancel));
        let mut ours = self.known().is_none();
        let mut kept: Option<Failure> = None;
        for (handle, answer) in handles.iter().zip(answers) {
            match answer {
                Ok(seen) => match &seen.record {
                    Record::Free { id, how }
                        if *id == self.holder.id && !was_broken(how.as_ref()) => {}
                    now => {
                        self.lose(handle.name(), now);
                        ours = false;
                    }
                },
                Err(failure) if failure.kind == FailureKind::Failed => {
                    let failure = self.not_given_back(failure);
                    match &kept {
                        None => kept = Some(failure),
                        Some(_) => run.clean_up_failed(&failure),
                    }
                }
                Err(failure) => {
                    let message = format!(
                        "the lock `{}` could not be released here: {}; its lease expires in {} s",
                        self.holder.lock,
                        failure.message,
                        self.lease.as_secs()
                    );
                    run.log(LogLevel::Warn, Some(handle.name()), message);
                }
            }
        }
        kept.map_or(Ok(ours), Err)
    }

    fn not_given_back(&self, failure: Failure) -> Failure {
        let why = failure.stderr.clone().unwrap_or(failure.message.clone());
        let message = format!(
            "the lock `{}` could not be released here: {}; it is held until its lease expires in {} s",
            self.holder.lock,
            why.trim().lines().last().unwrap_or_default(),
            self.lease.as_secs()
        );
        let hint = if why.contains("No space left on device") {
            "The disk of the host is full. Free some space."
        } else {
            "ops stores locks in its state directory on the host; set `ops_state_dir` in the inventory to \
             use another one."
        };
        Failure { message, ..failure }.hint(hint)
    }
}

fn was_broken(how: Option<&Given>) -> bool {
    how.is_some_and(|how| how.broken_by.is_some())
}

impl Fence for HostsLock {
    fn lock(&self) -> &str {
        &self.holder.lock
    }

    fn guard(&self, host: &str) -> Result<Option<Guard>, Failure> {
        let Some(place) = self.places.get(host) else {
            return Ok(None);
        };
        if let Some(failure) = &*self.known() {
            return Err(failure.clone().on(host));
        }
        Ok(Some(Guard {
            script: ask::guard(&place.log, place.number),
            user: place.handle.user.clone(),
        }))
    }

    fn refused(&self, host: &str, said: &str) -> Failure {
        self.lose(host, &Record::parse(said)).on(host)
    }
}

impl Drop for HostsLock {
    fn drop(&mut self) {
        if let Some(renewal) = self.renewal.get() {
            renewal.abort();
        }
    }
}

/// Releases what this holder holds on these hosts, and returns the state on each.
pub(super) async fn free(
    handles: &[HostHandle],
    holder: &LockHolder,
    cancel: &CancellationToken,
) -> Vec<Result<Seen, Failure>> {
    let how = Given {
        lock: holder.lock.clone(),
        at: Timestamp::now(),
        broken_by: None,
    };
    let script = ask::free(&holder.lock, &holder.id, &holder.id, &how);
    let answers = ask::ask_all(handles, &script, Some(GOODBYE), cancel).await;
    handles
        .iter()
        .zip(answers)
        .map(|(handle, said)| ask::seen(handle, said?.trim()))
        .collect()
}
