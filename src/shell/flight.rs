//! A request in progress: what its markers report, and what must happen by time. No I/O.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::OutputStream;

use super::frame::Marker;
use super::{Captured, End, Request, SessionError, StepKind, StepReply};

/// How long a relay may outlive its command before it is ended. It has already passed on everything that
/// the command printed, so ending it affects only the wait for commands that leave a child process behind.
const RELAY_GRACE: Duration = Duration::from_millis(25);

/// The maximum number of relays of a step: one for each stream. Markers beyond it are ignored.
const MAX_RELAYS: usize = 8;

/// How often to ask which processes of a request that is being killed are still alive: the first interval,
/// which doubles up to the second one.
const POLL_INTERVALS: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_millis(250));

/// How long to wait after KILL for a process (in an uninterruptible sleep).
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the processes of a request are being killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    TimedOut,
    Cancelled,
    /// The shell that ran its steps is gone.
    Lost,
}

#[derive(Debug)]
struct Killing {
    why: Why,
    /// The step that was interrupted.
    step: Option<usize>,
    /// When KILL follows TERM.
    harder_at: Instant,
    give_up_at: Instant,
    /// When to ask again; `None` while an answer is awaited.
    ask_at: Option<Instant>,
    pause: Duration,
    /// No process is alive any more.
    done: bool,
}

#[derive(Debug)]
struct Slot {
    kind: StepKind,
    ok: Vec<u8>,
    timeout: Duration,
    /// It is stopped once it prints more than is kept.
    bounded: bool,
    started: Option<Instant>,
    ended: [Option<u8>; 2],
    /// It ended while its processes were being killed.
    late: bool,
    took: Duration,
    relays: Vec<u64>,
    captured: [Captured; 2],
}

/// The progress of a step.
#[derive(Debug)]
pub(super) enum Progress {
    Started(usize),
    Ended(usize, StepReply),
}

/// What remains to be reported of a request that is over.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// The steps that were not reported as ended, by number.
    pub steps: Vec<(usize, StepReply)>,
    pub probe: Option<StepReply>,
    pub cancelled: bool,
}

/// A request in progress.
#[derive(Debug)]
pub(super) struct Flight {
    pub id: u64,
    /// The whole program was sent.
    pub sent: bool,
    /// How many steps were reported as started, and as ended.
    told: [usize; 2],
    /// One per step, and one for the probe if there is one.
    slots: Vec<Slot>,
    probe: bool,
    grace: Duration,
    /// The step whose frame is open, by stream.
    open: [Option<usize>; 2],
    /// The last step that started.
    current: Option<usize>,
    /// Whether the end of the request was seen, by stream.
    finished: [bool; 2],
    missing: bool,
    deadline: Option<Instant>,
    relays_at: Option<Instant>,
    killing: Option<Killing>,
}

impl Flight {
    pub(crate) fn new(id: u64, request: &Request, timeout: Duration, grace: Duration) -> Self {
        let slot = |kind, ok, timeout, bounded| Slot {
            kind,
            ok,
            timeout,
            bounded,
            started: None,
            ended: [None; 2],
            late: false,
            took: Duration::ZERO,
            relays: Vec::new(),
            captured: Default::default(),
        };
        let mut slots: Vec<Slot> = request
            .steps
            .iter()
            .map(|step| {
                let timeout = step.timeout.unwrap_or(timeout);
                slot(step.kind, step.ok.clone(), timeout, step.bounded)
            })
            .collect();
        if request.probe.is_some() {
            let mut probe = slot(StepKind::Own, Vec::new(), timeout, true);
            // A partial answer is useless.
            probe.captured[0] = Captured::whole();
            slots.push(probe);
        }
        Self {
            id,
            sent: false,
            told: [0; 2],
            slots,
            probe: request.probe.is_some(),
            grace,
            open: [None; 2],
            current: None,
            finished: [false; 2],
            missing: false,
            deadline: None,
            relays_at: None,
            killing: None,
        }
    }

    /// Whose data this is: the step and its stream, if its output is passed on.
    pub(crate) fn data(&mut self, stream: usize, bytes: &[u8]) -> Option<(usize, OutputStream)> {
        let step = self.open[stream]?;
        let slot = &mut self.slots[step];
        slot.captured[stream].push(bytes);
        if slot.bounded && slot.captured[stream].elided() > 0 && self.killing.is_none() {
            self.deadline = slot.started;
        }
        let which = if stream == 0 {
            OutputStream::Stdout
        } else {
            OutputStream::Stderr
        };
        (!(self.probe && step + 1 == self.slots.len())).then_some((step, which))
    }

    pub(crate) fn marker(&mut self, stream: usize, marker: &Marker, now: Instant) {
        let index = |at: usize| {
            marker
                .numbers
                .get(at)
                .and_then(|&number| usize::try_from(number).ok())
                .filter(|&step| step < self.slots.len())
        };
        match marker.kind {
            b'S' => {
                let Some(step) = index(0) else { return };
                self.open[stream] = Some(step);
                self.relays_at = None;
                if self.slots[step].started.is_none() {
                    self.slots[step].started = Some(now);
                    self.current = Some(step);
                    self.deadline = now.checked_add(self.slots[step].timeout);
                }
            }
            b'E' => {
                let (Some(step), Some(&code)) = (index(0), marker.numbers.get(1)) else {
                    return;
                };
                if self.open[stream] != Some(step) {
                    return;
                }
                self.open[stream] = None;
                let killing = self.killing.is_some();
                let slot = &mut self.slots[step];
                slot.late |= killing && slot.ended == [None; 2];
                slot.ended[stream] = Some(u8::try_from(code).unwrap_or(u8::MAX));
                if slot.ended.iter().all(Option::is_some) {
                    slot.took = slot.started.map_or(Duration::ZERO, |started| now - started);
                    // The deadline stays until the next marker: a command may have stopped its shell.
                    if slot.kind == StepKind::Command {
                        self.relays_at = Some(now + RELAY_GRACE);
                    }
                }
            }
            b'R' => {
                if let (Some(step), Some(&pid)) = (index(0), marker.numbers.get(1))
                    && self.slots[step].relays.len() < MAX_RELAYS
                {
                    self.slots[step].relays.push(pid);
                }
            }
            b'F' => self.finish(stream),
            // Its own shell is gone, but not the processes that it started.
            b'G' if !self.finished[stream] => self.kill(Why::Lost, now),
            b'K' => {
                if let Some(&lives) = marker.numbers.first() {
                    self.census(lives, now);
                }
            }
            b'N' => {
                self.missing = true;
                self.finish(stream);
            }
            _ => {}
        }
    }

    fn finish(&mut self, stream: usize) {
        self.open[stream] = None;
        self.finished[stream] = true;
        self.relays_at = None;
        self.deadline = None;
    }

    /// Handles the number of processes of the request that are alive.
    fn census(&mut self, lives: u64, now: Instant) {
        match &mut self.killing {
            Some(killing) if lives == 0 || now >= killing.give_up_at => {
                if lives > 0 {
                    tracing::warn!(lives, "processes of a request outlived KILL");
                }
                killing.done = true;
            }
            Some(killing) => {
                killing.ask_at = Some(now + killing.pause);
                killing.pause = (killing.pause * 2).min(POLL_INTERVALS.1);
            }
            // It ended without a report. (A report would have arrived before this answer.)
            None if lives == 0 && !self.finished[0] => {
                self.kill(Why::Lost, now);
                if let Some(killing) = &mut self.killing {
                    killing.done = true;
                }
            }
            None => {}
        }
    }

    /// Begins to kill, unless that is in progress.
    pub(crate) fn kill(&mut self, why: Why, now: Instant) {
        if self.killing.is_some() {
            return;
        }
        let grace = if why == Why::Lost {
            Duration::ZERO
        } else {
            self.grace
        };
        self.killing = Some(Killing {
            why,
            step: self.current.filter(|&step| {
                why == Why::TimedOut || self.slots[step].ended.iter().any(Option::is_none)
            }),
            harder_at: now + grace,
            give_up_at: now + grace + KILL_TIMEOUT,
            ask_at: Some(now),
            pause: POLL_INTERVALS.0,
            done: false,
        });
        self.deadline = None;
        self.relays_at = None;
    }

    pub(crate) const fn is_killing(&self) -> bool {
        self.killing.is_some()
    }

    pub(crate) fn is_over(&self) -> bool {
        match &self.killing {
            Some(killing) => killing.done,
            None => self.finished == [true; 2],
        }
    }

    /// When [`Flight::due`] must be called.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        let ask_at = self.killing.as_ref().and_then(|killing| killing.ask_at);
        [self.deadline, self.relays_at, ask_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Returns the message to send to the loop now.
    pub(crate) fn due(&mut self, now: Instant) -> Option<String> {
        let id = self.id;
        if self.deadline.is_some_and(|at| at <= now) {
            self.kill(Why::TimedOut, now);
        }
        if self.relays_at.is_some_and(|at| at <= now) {
            self.relays_at = None;
            let relays = &self.slots[self.current?].relays;
            let pids = relays
                .iter()
                .map(u64::to_string)
                .collect::<Vec<_>>()
                .join(" ");
            return Some(format!("y {id} {pids}\n"));
        }
        let killing = self.killing.as_mut()?;
        if killing.ask_at.is_none_or(|at| at > now) {
            return None;
        }
        killing.ask_at = None;
        let first = killing.pause == POLL_INTERVALS.0;
        Some(if now >= killing.harder_at {
            format!("k {id} KILL\n")
        } else if first {
            format!("k {id} TERM\n")
        } else {
            format!("k {id} 0\n")
        })
    }

    /// Returns what the markers so far report of steps, beyond what was reported before. The end of a step
    /// is reported once something follows it: a step can kill its own shell after its last marker.
    pub(crate) fn progress(&mut self) -> Vec<Progress> {
        let mut news = Vec::new();
        if self.killing.is_some() {
            return news;
        }
        loop {
            let [started, ended] = self.told;
            if started > ended {
                let went_on =
                    self.current.is_some_and(|current| current > ended) || self.finished[0];
                let slot = &self.slots[ended];
                let [Some(code), Some(_)] = slot.ended else {
                    break;
                };
                if !went_on {
                    break;
                }
                news.push(Progress::Ended(
                    ended,
                    self.step_reply(ended, End::Code(code)),
                ));
                self.told[1] += 1;
            } else if started < self.steps() && self.slots[started].started.is_some() {
                news.push(Progress::Started(started));
                self.told[0] += 1;
            } else {
                break;
            }
        }
        news
    }

    /// The number of steps, without the probe.
    fn steps(&self) -> usize {
        self.slots.len() - usize::from(self.probe)
    }

    /// Takes the result of a step.
    fn step_reply(&mut self, index: usize, end: End) -> StepReply {
        let slot = &mut self.slots[index];
        let duration = if slot.took.is_zero() {
            slot.started.map_or(Duration::ZERO, |at| at.elapsed())
        } else {
            slot.took
        };
        let [stdout, stderr] = std::mem::take(&mut slot.captured);
        StepReply {
            end,
            stdout,
            stderr,
            duration,
        }
    }

    /// Whether a step reached this exit code by itself, although its processes were already to be killed:
    /// the signal may have arrived too late.
    fn ended_itself(&self, index: usize, code: u8) -> bool {
        let slot = &self.slots[index];
        let went_on = self.current.is_some_and(|current| current > index)
            || self.finished.iter().any(|finished| *finished);
        // A script of ops does not report success if it was stopped.
        !slot.late || went_on || (slot.kind == StepKind::Own && slot.ok.contains(&code))
    }

    /// How a step ended, once the request is over.
    fn end(&self, index: usize, why: Option<Why>, hit: Option<usize>) -> End {
        let slot = &self.slots[index];
        let code = slot.ended[0].or(slot.ended[1]);
        match (why, code) {
            (Some(Why::TimedOut), _) if hit == Some(index) => End::TimedOut,
            // It may have reported a status, but it ended what was to follow.
            (Some(Why::Lost), _) if self.current == Some(index) => End::Lost,
            (_, Some(code)) if self.ended_itself(index, code) => End::Code(code),
            // A step that starts while the signal is on its way is stopped too.
            (Some(Why::Cancelled | Why::TimedOut), _) => End::Cancelled,
            _ => End::Lost,
        }
    }

    /// What is known of the request now that the connection is lost: steps that ended, and were not
    /// reported yet.
    pub(crate) fn lost(&mut self) -> Vec<Progress> {
        let mut news = self.progress();
        let [started, ended] = self.told;
        for index in ended..self.steps() {
            if self.slots[index].started.is_none() {
                break;
            }
            if index >= started {
                news.push(Progress::Started(index));
            }
            let slot = &self.slots[index];
            if let Some(code) = slot.ended[0].or(slot.ended[1])
                && self.ended_itself(index, code)
            {
                news.push(Progress::Ended(
                    index,
                    self.step_reply(index, End::Code(code)),
                ));
            }
        }
        news
    }

    /// The result, once it [`is_over`](Self::is_over).
    pub(crate) fn rest(mut self) -> Result<Rest, SessionError> {
        if self.missing {
            return Err(SessionError::Missing { program: "setsid" });
        }
        let why = self.killing.as_ref().map(|killing| killing.why);
        let hit = self.killing.as_ref().and_then(|killing| killing.step);
        if why == Some(Why::Cancelled) && self.current.is_none() {
            return Err(SessionError::Cancelled);
        }
        let mut rest = Rest::default();
        for index in self.told[1]..self.slots.len() {
            if self.slots[index].started.is_none() {
                continue;
            }
            let end = self.end(index, why, hit);
            let reply = self.step_reply(index, end);
            if index < self.steps() {
                rest.steps.push((index, reply));
            } else {
                rest.probe = Some(reply);
            }
        }
        rest.cancelled = why == Some(Why::Cancelled) && self.finished == [false; 2];
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::Step;

    #[test]
    fn a_step_that_starts_while_the_signal_is_on_its_way_is_cancelled() {
        let request = Request::step(Step::command("sleep 9"));
        let second = Duration::from_secs(1);
        let mut flight = Flight::new(7, &request, second, second);
        let now = Instant::now();
        flight.kill(Why::Cancelled, now);
        for stream in [0, 1] {
            let began = Marker {
                request: 7,
                kind: b'S',
                numbers: vec![0],
            };
            flight.marker(stream, &began, now);
        }
        flight.census(0, now);
        assert!(flight.is_over());
        let rest = flight.rest().expect("an answer");
        assert_eq!(rest.steps[0].1.end, End::Cancelled);
        assert!(rest.cancelled);
    }
}
