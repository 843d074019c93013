//! What earlier attempts of a run did in a rollout, from the run's journal, and how it goes on.
//!
//! A journal has every step of a host before it is made ([`RolloutEntry`]), so a host whose last step has no
//! end may be out of service and half changed: it counts as out, and goes first, from its drain on. Hosts
//! that were done stay as they are.

use crate::model::{Failure, Fate, RolloutEnd, Version};
use crate::store::{RolloutEntry, RolloutStep};

/// A rollout of a run that is resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The hosts in order.
    pub hosts: Vec<EarlierHost>,
    /// Hosts that earlier attempts worked on and the last one did not have.
    pub absent: Vec<EarlierHost>,
    /// The number of batches.
    pub batches: usize,
    /// The hosts that needed no update.
    pub skipped: Vec<String>,
    /// Why it was aborted.
    pub reason: Option<String>,
    /// How it ended, unless it was cut short or goes on.
    pub end: Option<RolloutEnd>,
}

/// A host of such a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierHost {
    pub name: String,
    /// Its batch, counted from 0.
    pub batch: usize,
    /// It was out of service before the rollout.
    pub found_out: bool,
    pub before: Before,
    /// How many changes the run had made on it when its update began.
    pub mark: Option<usize>,
    /// How often it was put back into its former state, so that its next update is a new one.
    pub tries: usize,
}

/// What earlier attempts did with a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// Work on it has started.
    pub begun: bool,
    /// Its update has started.
    pub touched: bool,
    /// Its rollback has started.
    pub back: bool,
    /// Why it counts as failed.
    pub failure: Option<Box<Failure>>,
    /// What it was left as. `None`: it is not done.
    pub settled: Option<(Fate, Version)>,
}

impl Before {
    /// It was being worked on.
    #[must_use]
    pub const fn is_in_flight(&self) -> bool {
        self.begun && self.settled.is_none()
    }

    const fn is_left_out(&self) -> bool {
        matches!(self.settled, Some((Fate::LeftOut, _)))
    }
}

impl Earlier {
    /// Reads the entries of a rollout, each with the number of changes that the run had made on its host by
    /// then. `None`: there are none.
    #[must_use]
    pub fn read<'e>(entries: impl IntoIterator<Item = (&'e RolloutEntry, usize)>) -> Option<Self> {
        let mut earlier: Option<Self> = None;
        for (entry, changes) in entries {
            match (&mut earlier, entry) {
                (_, RolloutEntry::Begun { .. }) => earlier = Self::begun(earlier, entry),
                (Some(earlier), entry) => earlier.add(entry, changes),
                (None, _) => {}
            }
        }
        earlier
    }

    /// The plan of an attempt.
    fn begun(before: Option<Self>, entry: &RolloutEntry) -> Option<Self> {
        let RolloutEntry::Begun {
            goes_on,
            hosts,
            sizes,
            out,
            skipped,
            ..
        } = entry
        else {
            return before;
        };
        let mut before = before;
        match &mut before {
            Some(before) if *goes_on => before.go_on(),
            Some(before) => before.try_all_again(),
            None => {}
        }
        let batches = sizes.iter().enumerate();
        let batches = batches.flat_map(|(batch, size)| std::iter::repeat_n(batch, *size));
        let host = |(name, batch): (&String, usize)| {
            let known = before.as_ref().and_then(|before| before.host(name));
            let mut host = known.cloned().unwrap_or_else(|| EarlierHost {
                name: name.clone(),
                batch,
                found_out: false,
                before: Before::default(),
                mark: None,
                tries: 0,
            });
            host.batch = batch;
            host.found_out |= out.contains(name);
            host
        };
        let now: Vec<EarlierHost> = hosts.iter().zip(batches).map(host).collect();
        let known = before
            .iter()
            .flat_map(|before| before.hosts.iter().chain(&before.absent));
        let absent = known.filter(|known| hosts.iter().all(|host| *host != known.name));
        Some(Self {
            absent: absent.cloned().collect(),
            hosts: now,
            batches: sizes.len(),
            skipped: skipped.clone(),
            reason: before.filter(|_| *goes_on).and_then(|before| before.reason),
            end: None,
        })
    }

    fn add(&mut self, entry: &RolloutEntry, changes: usize) {
        let mut with = |name: &str, change: &dyn Fn(&mut EarlierHost)| {
            let host = self.all_mut().find(|host| host.name == name);
            host.into_iter().for_each(change);
        };
        match entry {
            RolloutEntry::Begun { .. } => {}
            RolloutEntry::Step { host, next } => with(host, &|host| {
                host.before.begun = true;
                host.before.settled = None;
                match next {
                    RolloutStep::Drain | RolloutStep::Readmit => {}
                    RolloutStep::Update => {
                        host.before.touched = true;
                        host.mark.get_or_insert(changes);
                    }
                    RolloutStep::Rollback => host.before.back = true,
                }
            }),
            RolloutEntry::Failed {
                host,
                failure,
                message,
            } => with(host, &|host| {
                let failure = Failure::new(*failure, message.clone()).on(&host.name);
                host.before.failure = Some(Box::new(failure));
            }),
            RolloutEntry::Settled {
                host,
                fate,
                version,
            } => with(host, &|host| {
                host.before.begun = true;
                host.before.settled = Some((*fate, *version));
            }),
            RolloutEntry::Aborted { reason } => self.reason = Some(reason.clone()),
            RolloutEntry::Ended { end } => self.end = Some(*end),
        }
    }

    #[must_use]
    pub fn host(&self, name: &str) -> Option<&EarlierHost> {
        let mut all = self.hosts.iter().chain(&self.absent);
        all.find(|host| host.name == name)
    }

    /// Prepares another attempt. What was cut short goes on as it was. A rollout that ended without all of
    /// its hosts tries those again, and a rollback goes on with the hosts that are out of service.
    pub fn go_on(&mut self) {
        let Some(end) = self.end else {
            // A host that was left out and has not failed: the rollout stopped there, and was killed.
            let left = self.all_mut().filter(|host| {
                host.before.is_left_out() && host.before.failure.is_none() && !host.is_as_found()
            });
            left.for_each(|host| host.before.settled = None);
            return;
        };
        match end {
            // Nothing is left to be done.
            RolloutEnd::Done | RolloutEnd::RolledBack => return,
            RolloutEnd::WithFailures | RolloutEnd::Stopped => {
                self.reason = None;
                for host in self.all_mut() {
                    host.before.failure = None;
                    host.try_again();
                }
            }
            RolloutEnd::Interrupted | RolloutEnd::NotRolledBack if self.reason.is_none() => {
                for host in self.all_mut() {
                    if host.before.failure.is_none() {
                        host.try_again();
                    }
                }
            }
            // A rollback.
            RolloutEnd::Interrupted | RolloutEnd::NotRolledBack => {
                for host in self.all_mut() {
                    if host.before.is_left_out() && !host.is_as_found() {
                        host.before.settled = None;
                        host.before.back = true;
                    }
                }
            }
        }
        self.end = None;
    }

    /// The whole rollout is tried again: its updates are new ones.
    fn try_all_again(&mut self) {
        for host in self.all_mut() {
            host.tries += usize::from(host.before.touched);
            host.before = Before::default();
            host.mark = None;
            host.found_out = false;
        }
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut EarlierHost> {
        self.hosts.iter_mut().chain(&mut self.absent)
    }
}

impl EarlierHost {
    /// It was out of service before the rollout, and is in its former state.
    fn is_as_found(&self) -> bool {
        self.found_out && self.before.settled == Some((Fate::LeftOut, Version::Old))
    }

    /// Gets the host its update, if it does not have it.
    fn try_again(&mut self) {
        match self.before.settled {
            Some((Fate::RolledBack | Fate::Untouched, _) | (Fate::LeftOut, Version::Old)) => {
                self.tries += usize::from(self.before.touched);
                self.mark = None;
                let begun = self.before.is_left_out() && !self.found_out;
                self.before = Before {
                    begun,
                    ..Before::default()
                };
            }
            Some((Fate::LeftOut, _)) => {
                // What its rollback may have undone is done again.
                self.tries += usize::from(self.before.back);
                self.before.settled = None;
                self.before.back = false;
            }
            _ => {}
        }
    }
}
