//! The queue of a fan-out: the order in which its hosts begin, and the connections that are opened ahead.
//!
//! Connecting takes several round trips, or the whole timeout if the host does not answer. A host that
//! connects only when its turn comes occupies one of the few places meanwhile. So the next hosts are
//! connected in the background, if that needs no process (see
//! [`Transport::can_wait`](crate::transport::Transport::can_wait)), and a host that is not connected yet
//! lets others go first.
//!
//! No host is contacted that would not be contacted anyway: a fan-out reaches each of its hosts in the end.
//! But a closure may not use its host. So no connection is opened ahead until a closure has used its host,
//! and none after a closure has ended without using its host.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::fanout::fan_out_by;
use super::link::Link;

/// How long nothing visible may happen before a host that does not answer takes a place, so that the user
/// sees which host is being waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The maximum number of connections per fork that are being opened or wait to be used.
const AHEAD_PER_FORK: usize = 4;

/// The same limit in total: too many handshakes at a time exhaust the processor, and each takes longer
/// until they time out.
const MAX_AHEAD: usize = 64;

/// The hosts of one fan-out.
pub struct HostQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Notified when another host may be able to begin.
    news: Notify,
    runtime: tokio::runtime::Handle,
    cancel: CancellationToken,
    forks: usize,
}

struct State {
    hosts: Vec<Entry>,
    /// The hosts that have not begun, in order.
    waiting: VecDeque<usize>,
    ahead: Ahead,
    /// The number of hosts that have begun and not ended.
    running: usize,
    /// The number of threads that look for a host to begin.
    idle: usize,
}

struct Entry {
    /// `None` if a connection is known to be impossible.
    link: Option<Arc<Link>>,
    progress: Progress,
    /// Its closure has used it.
    used: bool,
}

/// The progress of the connection of a host that has not begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Untouched,
    Pending,
    /// It is open or has failed, or nothing can be opened ahead.
    Settled,
}

/// Whether connections are opened ahead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ahead {
    /// No closure has used its host so far.
    NotYet,
    Yes,
    No,
}

enum Pick {
    Host(usize),
    Wait,
    Done,
}

impl HostQueue {
    /// The hosts in the order in which they begin, `forks` at a time. `None` is a host without a link.
    #[must_use]
    pub fn new(
        runtime: tokio::runtime::Handle,
        hosts: impl IntoIterator<Item = Option<Arc<Link>>>,
        forks: usize,
        cancel: CancellationToken,
    ) -> Self {
        let hosts: Vec<Entry> = hosts
            .into_iter()
            .map(|link| Entry {
                link,
                progress: Progress::Untouched,
                used: false,
            })
            .collect();
        let state = State {
            waiting: (0..hosts.len()).collect(),
            hosts,
            // One at a time means sequentially, in this order.
            ahead: if forks > 1 { Ahead::NotYet } else { Ahead::No },
            running: 0,
            idle: 0,
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            news: Notify::new(),
            runtime,
            cancel,
            forks,
        }))
    }

    /// Declares that every host will be used in any case.
    #[must_use]
    pub fn all_used(self) -> Self {
        let mut state = self.0.state();
        if state.ahead == Ahead::NotYet {
            state.ahead = Ahead::Yes;
        }
        for host in &mut state.hosts {
            host.used = true;
        }
        drop(state);
        self
    }

    /// Calls `work` for each item, which belongs to the host at the same index, like
    /// [`fan_out`](super::fan_out).
    pub fn fan_out<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> R + Sync,
    ) -> Vec<Option<R>> {
        let work = |index: usize, item: &T| {
            let _turn = Turn {
                shared: &self.0,
                index,
            };
            work(item)
        };
        fan_out_by(items, self.0.forks, || Shared::next(&self.0), work)
    }
}

/// Connections that were opened ahead and not used are closed.
impl Drop for HostQueue {
    fn drop(&mut self) {
        for host in &self.0.state().hosts {
            if let Some(link) = &host.link {
                link.close_ahead();
            }
        }
    }
}

/// A host's turn, which ends when this is dropped.
struct Turn<'a> {
    shared: &'a Shared,
    index: usize,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.shared.is_over(self.index);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next host to begin; waits if none is ready.
    fn next(this: &Arc<Self>) -> Option<usize> {
        this.state().idle += 1;
        let mut patient = true;
        loop {
            let mut news = std::pin::pin!(this.news.notified());
            // No notification is missed from here on.
            news.as_mut().enable();
            match this.pick(patient) {
                Pick::Host(index) => {
                    this.watch(index);
                    return Some(index);
                }
                Pick::Done => return None,
                Pick::Wait => this.runtime.block_on(async {
                    tokio::select! {
                        () = news => {}
                        () = this.cancel.cancelled() => {}
                        () = tokio::time::sleep(PATIENCE) => patient = false,
                    }
                }),
            }
        }
    }

    fn pick(self: &Arc<Self>, patient: bool) -> Pick {
        let mut state = self.state();
        self.connect(&mut state);
        let looks_ahead = state.ahead == Ahead::Yes && !self.cancel.is_cancelled();
        let place = if looks_ahead {
            state
                .ready()
                .or_else(|| state.may_wait(patient).then_some(0))
        } else {
            Some(0)
        };
        let next = place.and_then(|place| state.waiting.remove(place));
        if next.is_some() || state.waiting.is_empty() {
            state.idle -= 1;
        }
        match next {
            Some(index) => {
                state.running += 1;
                // Its place among the connections ahead is now free.
                self.connect(&mut state);
                // What allowed this one to begin may allow others to begin too.
                if state.idle > 0 {
                    self.news.notify_one();
                }
                Pick::Host(index)
            }
            None if state.waiting.is_empty() => {
                self.news.notify_waiters();
                Pick::Done
            }
            None => Pick::Wait,
        }
    }

    /// Connects to the next hosts, as many as allowed.
    fn connect(self: &Arc<Self>, state: &mut State) {
        if state.ahead != Ahead::Yes || self.cancel.is_cancelled() {
            return;
        }
        let State { hosts, waiting, .. } = state;
        for index in waiting
            .iter()
            .copied()
            .take(MAX_AHEAD.min(self.forks * AHEAD_PER_FORK))
        {
            let host = &mut hosts[index];
            if host.progress == Progress::Untouched {
                let this = Arc::clone(self);
                let settled = move || this.is_settled(index);
                let connects = |link: &Arc<Link>| link.connect_ahead(&self.runtime, settled);
                host.progress = if host.link.as_ref().is_some_and(connects) {
                    Progress::Pending
                } else {
                    Progress::Settled
                };
            }
        }
    }

    fn is_settled(&self, index: usize) {
        self.state().hosts[index].progress = Progress::Settled;
        self.news.notify_one();
    }

    /// Waits for the closure to use its host.
    fn watch(self: &Arc<Self>, index: usize) {
        let Some(link) = self.state().hosts[index].link.clone() else {
            return;
        };
        let this = Arc::clone(self);
        link.on_use(move || {
            let mut state = this.state();
            state.hosts[index].used = true;
            if state.ahead == Ahead::NotYet {
                state.ahead = Ahead::Yes;
                this.connect(&mut state);
            }
        });
    }

    fn is_over(&self, index: usize) {
        let mut state = self.state();
        state.running -= 1;
        let host = &state.hosts[index];
        if let Some(link) = &host.link {
            link.forget_use();
        }
        if !host.used {
            state.ahead = Ahead::No;
            drop(state);
            self.news.notify_waiters();
        }
    }
}

impl State {
    /// The index of the first waiting host that is connected.
    fn ready(&self) -> Option<usize> {
        let is_ready = |index: &usize| self.hosts[*index].progress == Progress::Settled;
        self.waiting.iter().position(is_ready)
    }

    /// Whether a host that may never answer can take a place, because no other host needs it.
    fn may_wait(&self, patient: bool) -> bool {
        self.waiting.len() <= self.idle || (self.running == 0 && !patient)
    }
}

#[cfg(test)]
mod tests;
