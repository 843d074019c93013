//! Whose turn it is: the order in which the hosts of a fan-out begin, and the connections that are made before.
//!
//! Connecting takes several round trips, and to a host that does not answer all of its time-out. While it is waited for
//! in a host's own turn, it takes one of the few places that there are. So the hosts that come next are connected to in
//! the background, where that costs no process (see [`Transport::can_wait`](crate::transport::Transport::can_wait)), and one
//! that is not there yet lets others go before it.
//!
//! No host is contacted that would not be: a fan-out gets to every one of its hosts in the end. But a closure may leave
//! its host alone. So nothing is connected ahead before some closure has used its own host, and nothing more after
//! one has ended that did not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::fanout::fan_out_by;
use super::link::Link;

/// How long nothing may be seen to happen before a host that does not answer takes a place: so that it shows who is waited
/// for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connections that are made, or wait to be used, for each host that is worked on.
const A_FORK: usize = 4;

/// No more than this altogether: where the processor is what is short, more handshakes at a time make each of them last
/// longer, until they are over time.
const MOST: usize = 64;

/// The hosts of one fan-out.
pub struct Turns(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There may be another host to begin with.
    news: Notify,
    runtime: tokio::runtime::Handle,
    cancel: CancellationToken,
    forks: usize,
}

struct State {
    hosts: Vec<Entry>,
    /// Those that have not begun, in their order.
    waiting: VecDeque<usize>,
    ahead: Ahead,
    /// How many have begun and not ended.
    running: usize,
    /// How many threads look for one to begin with.
    idle: usize,
}

struct Entry {
    /// `None` where it is known that there is no way to it.
    link: Option<Arc<Link>>,
    connection: Connection,
    /// Its closure has used it.
    used: bool,
}

/// Of a host that has not begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connection {
    Untouched,
    Pending,
    /// It is there, or it is known why not; or nothing can be made ahead.
    Settled,
}

/// Whether connections are made ahead.
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

impl Turns {
    /// The hosts in the order in which they begin, `forks` at a time. `None` is one that no link could be made for.
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
                connection: Connection::Untouched,
                used: false,
            })
            .collect();
        let state = State {
            waiting: (0..hosts.len()).collect(),
            hosts,
            // One at a time means one after the other, in this order.
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

    /// Every host is going to be used, whatever comes.
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

    /// Calls `work` for each item, the one of the host at the same place, as [`fan_out`](super::fan_out) does.
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

/// What was made ahead and not used is let go of.
impl Drop for Turns {
    fn drop(&mut self) {
        for host in &self.0.state().hosts {
            drop(host.link.as_ref().and_then(|link| link.take_early()));
        }
    }
}

/// A host's turn, until it is dropped.
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

    /// The next host to begin with, waited for if none is ready.
    fn next(this: &Arc<Self>) -> Option<usize> {
        this.state().idle += 1;
        let mut patient = true;
        loop {
            let mut news = std::pin::pin!(this.news.notified());
            // From here on none is missed.
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
                // Its place among those that are made ahead is free.
                self.connect(&mut state);
                // What let this one begin may let others.
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

    /// Connects to those that come next, as many as may be.
    fn connect(self: &Arc<Self>, state: &mut State) {
        if state.ahead != Ahead::Yes || self.cancel.is_cancelled() {
            return;
        }
        let State { hosts, waiting, .. } = state;
        for index in waiting.iter().copied().take(MOST.min(self.forks * A_FORK)) {
            let host = &mut hosts[index];
            if host.connection == Connection::Untouched {
                let this = Arc::clone(self);
                let settled = move || this.is_settled(index);
                let connects = |link: &Arc<Link>| link.connect_early(&self.runtime, settled);
                host.connection = if host.link.as_ref().is_some_and(connects) {
                    Connection::Pending
                } else {
                    Connection::Settled
                };
            }
        }
    }

    fn is_settled(&self, index: usize) {
        self.state().hosts[index].connection = Connection::Settled;
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
    /// The first that waits and is connected, by its place.
    fn ready(&self) -> Option<usize> {
        let is_ready = |index: &usize| self.hosts[*index].connection == Connection::Settled;
        self.waiting.iter().position(is_ready)
    }

    /// Whether one that may never answer can take a place: nobody else wants it.
    fn may_wait(&self, patient: bool) -> bool {
        self.waiting.len() <= self.idle || (self.running == 0 && !patient)
    }
}

#[cfg(test)]
mod tests;
