//! Limits how much output becomes events: a share for each step, out of one for the run.
//!
//! The stored size of the events is counted, not that of the text: a million empty lines are a million
//! events.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of `task.output` events of one step. That is some 30,000 lines of a build; more than that belongs
/// in a file.
pub(super) const STEP: usize = 8 << 20;

/// Bytes of `task.output` events of one run. Together with the files of `store::output` and everything that
/// is not output, they stay below 64 MB on disk.
pub(super) const RUN: usize = 28 << 20;

/// The minimum for each step, even if the share of the run is used up: for its first lines, and as much
/// again for its last ones.
pub(super) const LEAST: usize = 2 << 10;

/// Bytes of events for the last lines of a stream that was cut.
pub(super) const LAST: usize = 64 << 10;

/// Bytes of one message of a playbook.
const MAX_MESSAGE: usize = 256 << 10;

/// Bytes of all messages of a run. An endless loop would write without limit.
const MAX_MESSAGES: usize = 8 << 20;

/// The approximate size of the event of a message without its text.
const MESSAGE_OVERHEAD: usize = 150;

/// The share for messages of the playbook.
#[derive(Debug, Default)]
pub(crate) struct LogBudget(AtomicUsize);

impl LogBudget {
    /// Whether this message would be cut.
    pub(crate) const fn cuts(message: &str) -> bool {
        message.len() > MAX_MESSAGE
    }

    /// Returns the message, shortened if it is too long. `None` once there is no room; the last message
    /// says so.
    pub(crate) fn take(&self, mut message: String) -> Option<String> {
        if message.len() > MAX_MESSAGE {
            let end = message.floor_char_boundary(MAX_MESSAGE);
            let left_out = message.len() - end;
            message.truncate(end);
            message += &format!("[... {left_out} bytes left out ...]");
        }
        let size = MESSAGE_OVERHEAD + json_size(&message);
        let before = self.0.fetch_add(size, Ordering::Relaxed);
        if before > MAX_MESSAGES {
            return None;
        }
        if before + size > MAX_MESSAGES {
            message += &format!(
                "\n[... messages cut: a run shows {} MiB of them ...]",
                MAX_MESSAGES >> 20
            );
        }
        Some(message)
    }
}

/// The share of the run.
#[derive(Debug, Default)]
pub(crate) struct RunBudget(AtomicUsize);

/// The share of a step.
#[derive(Debug, Default)]
pub(super) struct StepBudget(usize);

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    Step,
    Run,
}

impl StepBudget {
    /// Reserves room for an event, if there is any.
    pub(crate) fn take(&mut self, run: &RunBudget, size: usize) -> Result<(), Full> {
        if self.0 + size > STEP {
            return Err(Full::Step);
        }
        if self.0 + size > LEAST {
            run.take(size)?;
        }
        self.0 += size;
        Ok(())
    }
}

impl RunBudget {
    fn take(&self, size: usize) -> Result<(), Full> {
        let room = |used: usize| Some(used + size).filter(|used| *used <= RUN);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .map(drop)
            .map_err(|_| Full::Run)
    }
}

/// The size of a text in JSON.
pub(super) fn json_size(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
            0..0x20 => 6,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_size_matches_what_serde_writes() {
        for text in [
            "",
            "plain é",
            "\0\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f} \"\\/\u{7f}\u{fffd}",
        ] {
            let written = serde_json::to_string(text).expect("a text");
            assert_eq!(json_size(text), written.len() - 2, "{text:?}");
        }
    }

    #[test]
    fn a_step_shows_its_first_lines_even_if_the_run_has_no_room() {
        let run = RunBudget::default();
        let mut greedy: Vec<StepBudget> = (0..=RUN / STEP).map(|_| StepBudget::default()).collect();
        for step in &mut greedy {
            while step.take(&run, 1 << 10).is_ok() {}
        }
        let mut late = StepBudget::default();
        assert_eq!(late.take(&run, LEAST), Ok(()));
        assert_eq!(late.take(&run, 1 << 10), Err(Full::Run));
        let mut alone = StepBudget::default();
        assert_eq!(alone.take(&RunBudget::default(), STEP + 1), Err(Full::Step));
    }
}
