//! Passes events from the code that emits them to every reporter.
//!
//! Any thread emits through its clone of the [`Bus`]. One thread takes the emissions in order, stamps and
//! scrubs them, counts the [`Totals`] and calls each [`Reporter`].
//!
//! # When a reporter is slow
//!
//! A stopped terminal, or a pipe that nobody reads, must not stop a deployment. Emissions are queued up to
//! [`BACKLOG`], or [`BACKLOG_BYTES`] of output. Beyond that, events whose number is bounded by that of the
//! tasks are still queued. The number of lines of output (`task.output`) has no bound: a line waits for room
//! for at most [`PATIENCE`] and is then dropped, and further ones are dropped without waiting until there is
//! room. A warning says how many were dropped once the queue moves again.

mod tally;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Diff, Failure, Kind, LogLevel, Scrubbed, Secrets};
pub use crate::model::{Emission, Reporter, Totals};
use tally::Tally;

/// The number of queued emissions from which on output waits.
pub const BACKLOG: usize = 1 << 16;

/// The bytes of queued output from which on output waits.
pub const BACKLOG_BYTES: usize = 8 << 20;

/// How long a line of output waits for room.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The maximum bytes of texts in all diffs of a run. A file of 1 MiB that changes on a hundred hosts would
/// take 200 MB.
const DIFFS: usize = 32 << 20;

/// How often reporters are called when nothing happens.
const TICK: Duration = Duration::from_millis(100);

/// Where events are emitted. A clone belongs to the same run.
#[derive(Clone)]
pub struct Bus(Arc<Handle>);

impl Bus {
    /// Starts the dispatcher of a run.
    #[must_use]
    pub fn start(
        run: impl Into<String>,
        secrets: Secrets,
        reporters: Vec<Box<dyn Reporter>>,
    ) -> Self {
        Self::start_after(0, [], run, secrets, reporters)
    }

    /// The same for another attempt of a run, whose last event has the number `seq`. `standing`: the steps
    /// whose changes an undo can still cancel, each as often as it made one.
    #[must_use]
    pub fn start_after(
        seq: u64,
        standing: impl IntoIterator<Item = String>,
        run: impl Into<String>,
        secrets: Secrets,
        reporters: Vec<Box<dyn Reporter>>,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let mut dispatcher = Dispatcher {
            run: run.into(),
            seq,
            secrets,
            reporters,
            tally: Tally::after(standing),
            diffs: 0,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name("dispatcher".into())
            .spawn(move || dispatcher.work());
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                // No thread can be started: the run goes on without reports, and will hit the same limit.
                tracing::error!("failed to start the dispatcher, so nothing is reported: {error}");
                shared.queue().closed = true;
                None
            }
        };
        Self(Arc::new(Handle {
            shared,
            thread: Mutex::new(thread),
        }))
    }

    /// Emits an event. Cannot fail; after `finish` the event is ignored. The module's documentation says what
    /// happens when reporters do not keep up.
    pub fn emit(&self, emission: Emission) {
        let shared = &self.0.shared;
        let mut queue = shared.queue();
        if let Kind::TaskOutput { text, .. } = &emission.kind {
            if queue.is_full() && !queue.stalled {
                let full = |queue: &mut Queue| queue.is_full() && !queue.closed;
                queue = shared
                    .room
                    .wait_timeout_while(queue, PATIENCE, full)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            }
            if queue.is_full() {
                queue.stalled = true;
                queue.dropped += 1;
                return;
            }
            queue.output += text.len();
        }
        queue.push(shared, Item::Emission(Timestamp::now(), emission));
    }

    /// Runs `body` while no reporter uses the terminal: everything emitted before has been shown, and nothing
    /// is shown until it returns.
    pub fn paused<T>(&self, body: impl FnOnce() -> T) -> T {
        let (ready, is_ready) = channel();
        let (resume, resumed) = channel::<()>();
        let shared = &self.0.shared;
        shared.queue().push(shared, Item::Pause { ready, resumed });
        // An error means that the dispatcher has ended, so nothing is shown anyway.
        let _ = is_ready.recv();
        let result = body();
        drop(resume);
        result
    }

    /// Emits `run.finished` with the totals, waits until every reporter has received it, and ends the
    /// dispatcher. `exit_code` computes the exit code from the totals. Returns both.
    pub fn finish(
        &self,
        exit_code: impl FnOnce(&Totals) -> u8 + Send + 'static,
        failure: Option<Failure>,
    ) -> (u8, Totals) {
        let shared = &self.0.shared;
        {
            let mut queue = shared.queue();
            queue.push(
                shared,
                Item::Finish(Timestamp::now(), Box::new(exit_code), failure.map(Box::new)),
            );
            queue.closed = true;
        }
        self.0.join();
        *shared.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all clones of the bus share. When the last one is dropped, the dispatcher ends.
struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Handle {
    fn join(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the dispatcher of events panicked");
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.arrived.notify_one();
        self.join();
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    room: Condvar,
    /// The exit code and the totals, set when `run.finished` was emitted.
    ended: Mutex<(u8, Totals)>,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Queue {
    items: Vec<Item>,
    /// Bytes of output in the queue.
    output: usize,
    /// Whether the queue takes no more items.
    closed: bool,
    /// Whether a line of output has timed out waiting since the queue last moved.
    stalled: bool,
    dropped: u64,
}

impl Queue {
    /// Whether there is no room for output.
    const fn is_full(&self) -> bool {
        self.items.len() >= BACKLOG || self.output >= BACKLOG_BYTES
    }

    fn push(&mut self, shared: &Shared, item: Item) {
        if self.closed {
            return;
        }
        self.items.push(item);
        if self.items.len() == 1 {
            shared.arrived.notify_one();
        }
    }
}

/// Computes the exit code from the totals.
type ExitCode = Box<dyn FnOnce(&Totals) -> u8 + Send>;

#[expect(clippy::large_enum_variant, reason = "nearly all items are emissions")]
enum Item {
    Emission(Timestamp, Emission),
    Pause {
        ready: Sender<()>,
        resumed: Receiver<()>,
    },
    Finish(Timestamp, ExitCode, Option<Box<Failure>>),
}

/// The thread that calls the reporters.
struct Dispatcher {
    run: String,
    seq: u64,
    secrets: Secrets,
    reporters: Vec<Box<dyn Reporter>>,
    tally: Tally,
    /// Bytes of diffs reported so far.
    diffs: usize,
    shared: Arc<Shared>,
}

impl Dispatcher {
    fn work(&mut self) {
        let mut items = Vec::new();
        while self.next(&mut items) {
            for item in items.drain(..) {
                self.handle(item);
            }
            self.each(|reporter| reporter.tick());
        }
        self.each(|reporter| reporter.finish());
    }

    /// Takes all queued items, and waits a while if there are none. False if there will be no more.
    fn next(&mut self, items: &mut Vec<Item>) -> bool {
        let shared = Arc::clone(&self.shared);
        let idle = |queue: &mut Queue| queue.items.is_empty() && !queue.closed;
        let mut queue = shared
            .arrived
            .wait_timeout_while(shared.queue(), TICK, idle)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        std::mem::swap(&mut queue.items, items);
        let (closed, dropped, now) = (
            queue.closed,
            std::mem::take(&mut queue.dropped),
            Timestamp::now(),
        );
        queue.stalled = false;
        queue.output = 0;
        drop(queue);
        shared.room.notify_all();
        if dropped > 0 {
            let message = format!(
                "{dropped} lines of output were dropped: they arrived faster than they could be reported"
            );
            self.report(
                now,
                Emission::new(Kind::Log {
                    level: LogLevel::Warn,
                    message,
                }),
            );
        }
        !(closed && items.is_empty())
    }

    fn handle(&mut self, item: Item) {
        match item {
            Item::Emission(ts, emission) => self.report(ts, emission),
            Item::Pause { ready, resumed } => {
                self.each(|reporter| reporter.pause());
                // Errors on either side mean that the caller is gone.
                let _ = ready.send(());
                let _ = resumed.recv();
                self.each(|reporter| reporter.resume());
            }
            Item::Finish(ts, exit_code, failure) => {
                let (totals, hosts) = self.tally.take();
                let exit_code = exit_code(&totals);
                *self
                    .shared
                    .ended
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = (exit_code, totals);
                self.report(
                    ts,
                    Emission::new(Kind::RunFinished {
                        totals,
                        hosts,
                        exit_code,
                        failure,
                    }),
                );
            }
        }
    }

    /// Replaces a diff that exceeds the limit of the run.
    fn bound(&mut self, diff: &mut Diff) {
        let Diff::Text {
            path,
            before,
            after,
        } = diff
        else {
            return;
        };
        let size = before.len() + after.len();
        if self.diffs + size <= DIFFS {
            self.diffs += size;
            return;
        }
        let limit = DIFFS >> 20;
        let text = format!("the diff of {path} is left out: the limit per run is {limit} MiB");
        *diff = Diff::Note { text };
    }

    fn report(&mut self, ts: Timestamp, mut emission: Emission) {
        if let Kind::TaskFinished { diff, .. } = &mut emission.kind {
            for diff in diff {
                self.bound(diff);
            }
        }
        self.seq += 1;
        let event = emission.stamp(&self.run, self.seq, ts);
        let event = Scrubbed::new(event, &self.secrets.scrubber());
        self.tally.count(&event);
        self.each(|reporter| reporter.event(&event));
    }

    /// Calls every reporter. One that panics is removed: a failing report must not stop the run.
    fn each(&mut self, mut call: impl FnMut(&mut dyn Reporter)) {
        self.reporters.retain_mut(|reporter| {
            let called = catch_unwind(AssertUnwindSafe(|| call(reporter.as_mut())));
            if called.is_err() {
                tracing::error!("a reporter panicked and was removed");
            }
            called.is_ok()
        });
    }
}

#[cfg(test)]
mod tests;
