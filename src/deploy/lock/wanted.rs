//! A lock that a run wants, and waiting for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::failure::held;
use super::record::Seen;
use crate::model::{Emission, Failure, Host, Kind, LockHolder, LockScope};
use crate::run::Run;

/// A lock to take.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub name: String,
    pub scope: LockScope,
    /// How long to wait if it is held.
    pub wait: Duration,
    pub lease: Duration,
    /// Where to hold it, in any order. Ignored for a local lock.
    pub hosts: Vec<Arc<Host>>,
}

/// How often the wait is reported.
const AGAIN: Duration = Duration::from_secs(25);

/// Waiting for a lock that is held: until when, and what was reported.
pub(super) struct Waiting<'a> {
    run: &'a Run,
    wanted: &'a Wanted,
    /// When it was first found to be held: connecting to the hosts does not count.
    began: Option<Instant>,
    /// The id of the holder that was reported last, and when.
    told: Option<(String, Instant)>,
}

impl<'a> Waiting<'a> {
    pub(super) const fn new(run: &'a Run, wanted: &'a Wanted) -> Self {
        Self {
            run,
            wanted,
            began: None,
            told: None,
        }
    }

    pub(super) const fn run(&self) -> &Run {
        self.run
    }

    /// It is held on these hosts.
    ///
    /// # Errors
    /// The wait is over.
    pub(super) fn goes_on(&mut self, held: &[(String, Seen)]) -> Result<(), Failure> {
        let Some((_, first)) = held.first() else {
            return Ok(());
        };
        let same = |seen: &Seen| seen.record.id() == first.record.id();
        let hosts: Vec<String> = held
            .iter()
            .filter(|(_, seen)| same(seen))
            .map(|(host, _)| host.clone())
            .collect();
        self.goes_on_for(first.record.id(), first.record.holder(), hosts)
    }

    /// This run holds it.
    ///
    /// # Errors
    /// The wait is over.
    pub(super) fn goes_on_for(
        &mut self,
        id: &str,
        holder: Option<&LockHolder>,
        hosts: Vec<String>,
    ) -> Result<(), Failure> {
        let began = *self.began.get_or_insert_with(Instant::now);
        if began.elapsed() >= self.wanted.wait {
            return Err(held(&self.wanted.name, holder, &hosts));
        }
        let is_told = |(told, at): &(String, Instant)| told == id && at.elapsed() < AGAIN;
        if !self.told.as_ref().is_some_and(is_told) {
            self.told = Some((id.to_owned(), Instant::now()));
            self.run.bus.emit(Emission::new(Kind::LockWaiting {
                lock: self.wanted.name.clone(),
                holder: holder.cloned().map(Box::new),
                hosts,
            }));
        }
        Ok(())
    }

    /// Pauses until the next attempt: short at first, longer later, never beyond the end of the wait.
    pub(super) async fn pause(&self, cancel: &CancellationToken) -> Result<(), Failure> {
        let spent = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        let (from, to) = if spent < Duration::from_secs(10) {
            (200, 600)
        } else {
            (1000, 3000)
        };
        let pause = jitter(Duration::from_millis(from), Duration::from_millis(to));
        let left = self.wanted.wait.saturating_sub(spent);
        sleep(pause.min(left), cancel).await
    }
}

pub(super) async fn sleep(time: Duration, cancel: &CancellationToken) -> Result<(), Failure> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Failure::interrupted()),
        () = tokio::time::sleep(time) => Ok(()),
    }
}

/// A random time between the two, so that runs that were refused together do not ask again together.
pub(super) fn jitter(from: Duration, to: Duration) -> Duration {
    let share = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    from + to.saturating_sub(from).mul_f64(share)
}
