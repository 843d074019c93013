//! What is waited for right now, and telling it while it lasts: within ten seconds, and again at least every thirty.
//!
//! Whoever waits begins a [`Wait`] and drops it at the end. Those that last are told as `waiting` events, hosts that wait for the same
//! together. The timing is that of [`Board`], which knows no clock.

mod board;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::model::{Emission, Failure, Kind};

use super::context::Run;
use super::dispatcher::Bus;
use board::Board;

/// When a wait is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long it has to last before it is told.
    pub first: Duration,
    /// Between two times that it is told.
    pub again: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(8),
            again: Duration::from_secs(25),
        }
    }
}

impl Pace {
    /// How often it is looked whether something is to be told.
    fn tick(self) -> Duration {
        (self.first / 8).max(Duration::from_millis(1))
    }
}

/// Something that is waited for.
#[derive(Debug, Clone)]
pub struct Waited {
    /// A fragment that fits after "waiting".
    what: String,
    host: Option<String>,
    /// How long it lasts at the most.
    at_most: Option<Duration>,
    last: Option<LastLine>,
}

/// The last line that somebody printed.
pub type LastLine = Arc<Mutex<Option<String>>>;

impl Waited {
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            host: None,
            at_most: None,
            last: None,
        }
    }

    /// It is on this host that it is waited.
    #[must_use]
    pub fn on(mut self, host: Option<&str>) -> Self {
        self.host = host.map(ToOwned::to_owned);
        self
    }

    #[must_use]
    pub const fn at_most(mut self, time: Duration) -> Self {
        self.at_most = Some(time);
        self
    }

    /// How things stand is what was printed last.
    pub(super) fn with(mut self, last: LastLine) -> Self {
        self.last = Some(last);
        self
    }
}

/// A loop that waits a little again and again.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    since: Instant,
    last: Instant,
    told: Option<Instant>,
}

/// A loop that comes round later than this after its last wait began anew.
const LAPSED: Duration = Duration::from_secs(30);

/// Lets time pass in a loop, and tells what it waits for where all of the loop lasts.
///
/// # Errors
/// `Interrupted`, when `cancel` comes first.
pub fn pause_again(
    run: &Run,
    cancel: &CancellationToken,
    time: Duration,
    waited: Waited,
    before: Option<Rounds>,
) -> Result<Rounds, Failure> {
    let now = Instant::now();
    let known = before.filter(|before| now.saturating_duration_since(before.last) < LAPSED);
    let mut rounds = known.unwrap_or(Rounds {
        since: now,
        last: now,
        told: None,
    });
    let wait = run.waits.begin(waited);
    let due = {
        let mut board = wait.shared.board();
        board.goes_on(wait.id, rounds.since, rounds.told);
        board.due(now, wait.shared.pace)
    };
    for emission in due {
        run.bus.emit(emission);
    }
    run.pause(cancel, time)?;
    rounds.told = wait.shared.board().told_at(wait.id);
    rounds.last = Instant::now();
    Ok(rounds)
}

/// The waits of a run. A clone has the same.
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

    /// From now on this is waited for, until what is returned is dropped.
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

    /// The same, unless it is known what is waited for on the host.
    pub(super) fn begin_unless_known(&self, waited: Waited) -> Option<Wait> {
        let is_known = self.0.board().has(waited.host.as_deref());
        (!is_known).then(|| self.begin(waited))
    }

    /// What is waited for on a host was told in another way.
    pub(super) fn told_of(&self, host: &str) {
        self.0.board().told_of(Instant::now(), host);
    }

    /// Whether it was told lately what is waited for on a host.
    #[must_use]
    pub fn is_told_of(&self, host: &str) -> bool {
        let told = self.0.board().last_told_of(host);
        told.is_some_and(|told| told.elapsed() <= self.0.pace.again)
    }

    /// Tells what lasts, for as long as there is anything.
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

    /// Tells at once that the operator is asked: what is emitted later shows behind the answer.
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

/// While it lives, something is waited for.
pub struct Wait {
    shared: Arc<Shared>,
    id: u64,
}

impl Wait {
    /// What is waited for, and how things stand.
    pub fn is(&self, what: impl Into<String>, reason: Option<String>) {
        self.shared.board().set(self.id, what.into(), reason);
    }

    /// It was told in another way.
    pub fn told(&self) {
        self.shared.board().told(Instant::now(), self.id);
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.shared.board().end(self.id);
    }
}
