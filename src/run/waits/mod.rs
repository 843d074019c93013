//! Reports what a run is waiting for: within ten seconds, and again at least every thirty.
//!
//! Code that waits begins a [`Wait`] and drops it at the end. Long waits become `waiting` events; hosts
//! that wait for the same thing are reported together. [`Board`] decides when, and is passed the time.

mod board;
mod waited;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{Emission, Kind};

use super::dispatcher::Bus;
use board::Board;

pub(crate) use waited::LastLine;
pub use waited::{Pace, Waited};

/// A loop that pauses repeatedly.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    since: Instant,
    last: Instant,
    told: Option<Instant>,
}

/// A loop whose last wait was longer ago than this counts as a new one.
const LAPSED: Duration = Duration::from_secs(30);

/// A round of such a loop, in progress.
pub(super) struct Round {
    rounds: Rounds,
    wait: Wait,
}

impl Round {
    pub(crate) fn end(self) -> Rounds {
        Rounds {
            told: self.wait.shared.board().told_at(self.wait.id),
            last: Instant::now(),
            ..self.rounds
        }
    }
}

/// The waits of a run. Clones share them.
#[derive(Clone)]
pub struct Waits(Arc<Shared>);

struct Shared {
    pace: Pace,
    bus: Bus,
    runtime: tokio::runtime::Handle,
    board: Mutex<Board>,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waits {
    pub(super) fn new(pace: Pace, bus: Bus, runtime: tokio::runtime::Handle) -> Self {
        Self(Arc::new(Shared {
            pace,
            bus,
            runtime,
            board: Mutex::default(),
        }))
    }

    /// Begins a wait, which lasts until the returned value is dropped.
    #[must_use]
    pub fn begin(&self, waited: Waited) -> Wait {
        let mut board = self.0.board();
        let id = board.begin(Instant::now(), waited);
        if !std::mem::replace(&mut board.is_watched, true) {
            self.watch();
        }
        Wait {
            shared: self.0.clone(),
            id,
        }
    }

    /// Begins a round of a loop. Its wait continues that of the previous round, which has just ended.
    pub(super) fn begin_round(&self, waited: Waited, before: Option<Rounds>) -> Round {
        let now = Instant::now();
        let recent = before.filter(|before| now.saturating_duration_since(before.last) < LAPSED);
        let rounds = recent.unwrap_or(Rounds {
            since: now,
            last: now,
            told: None,
        });
        let wait = self.begin(waited);
        let due = {
            let mut board = wait.shared.board();
            board.goes_on(wait.id, rounds.since, rounds.told);
            board.due(now, wait.shared.pace)
        };
        for emission in due {
            self.0.bus.emit(emission);
        }
        Round { rounds, wait }
    }

    /// Begins a wait, unless the host already has one.
    pub(super) fn begin_unless_known(&self, waited: Waited) -> Option<Wait> {
        let is_known = self.0.board().has(waited.host.as_deref());
        (!is_known).then(|| self.begin(waited))
    }

    /// Records that what a host is waiting for has been reported in another way.
    pub(super) fn told_of(&self, host: &str) {
        self.0.board().told_of(Instant::now(), host);
    }

    /// Whether a wait of the host was reported recently.
    #[must_use]
    pub fn is_told_of(&self, host: &str) -> bool {
        let told = self.0.board().last_told_of(host);
        told.is_some_and(|told| told.elapsed() <= self.0.pace.again)
    }

    /// Reports long waits for as long as there are any.
    fn watch(&self) {
        let shared = Arc::downgrade(&self.0);
        let (pace, tick) = (self.0.pace, self.0.pace.tick());
        self.0.runtime.spawn(async move {
            loop {
                tokio::time::sleep(tick).await;
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                let due = {
                    let mut board = shared.board();
                    if board.is_empty() {
                        board.is_watched = false;
                        return;
                    }
                    board.due(Instant::now(), pace)
                };
                for emission in due {
                    shared.bus.emit(emission);
                }
            }
        });
    }

    /// Reports at once that the operator is being asked: later events are shown only after the answer.
    pub fn ask(&self, question: &str) {
        self.0.bus.emit(Emission::new(Kind::Waiting {
            what: "for an answer".to_owned(),
            reason: Some(question.to_owned()),
            left_ms: None,
            hosts: Vec::new(),
            asks: true,
        }));
    }
}

/// A wait in progress; dropping it ends the wait.
pub struct Wait {
    shared: Arc<Shared>,
    id: u64,
}

impl Wait {
    /// Sets what is being waited for, and its state.
    pub fn is(&self, what: impl Into<String>, reason: Option<String>) {
        self.shared.board().set(self.id, what.into(), reason);
    }

    /// Records that it has been reported in another way.
    pub fn told(&self) {
        self.shared.board().told(Instant::now(), self.id);
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.shared.board().end(self.id);
    }
}
