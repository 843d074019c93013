//! The output of steps on its way to the events: line by line, as it arrives, up to a limit.
//!
//! If a step prints more than its share (see [`budget`]), the output is cut: a line marks the cut, and at
//! the end the omitted amount and the last lines are reported.

mod budget;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::model::{Emission, Kind, OutputStream, StreamScrubber};
use crate::shell::Listener;

use crate::store::OutputFile;

use super::context::Run;
use super::waits::LastLine;
use budget::{Full, LAST, LEAST, RUN, STEP, StepBudget, json_size};

pub(crate) use budget::{LogBudget, RunBudget};

/// Longer lines are reported in pieces.
const MAX_LINE: usize = 16 * 1024;

/// The approximate size of an event without its texts: its time, its number, the names of its fields.
const EVENT_OVERHEAD: usize = 200;

/// The origin of the output of a step.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub step: String,
    pub host: String,
    pub task: String,
}

/// Turns the output of a request's steps into events.
pub(crate) struct Lines<'a> {
    run: &'a Run,
    /// By the step of the request; `None`: its output is not reported.
    sources: Vec<Option<Source>>,
    last: LastLine,
    open: Mutex<Vec<OpenStep>>,
}

/// A step that has not ended.
struct OpenStep {
    budget: StepBudget,
    /// By stream.
    streams: [Open; 2],
}

/// An output stream that has not ended.
struct Open {
    /// Removes secrets before lines are cut: a secret may extend beyond the end of a line.
    scrubber: StreamScrubber,
    /// Output without an end of line yet.
    rest: Vec<u8>,
    /// The file for the full output, if it grows long.
    file: Option<OutputFile>,
    /// Set once there was no room for a line.
    cut: Option<Cut>,
}

/// The output after the cut.
struct Cut {
    why: Full,
    bytes: u64,
    /// Its last bytes.
    last: VecDeque<u8>,
}

impl<'a> Lines<'a> {
    #[must_use]
    pub(crate) fn new(run: &'a Run, sources: Vec<Option<Source>>) -> Self {
        let open = |source: &Option<Source>, stream| {
            let kept = run.kept.as_ref().zip(source.as_ref());
            Open {
                scrubber: StreamScrubber::new(&run.secrets),
                rest: Vec::new(),
                file: kept.map(|(kept, source)| kept.output(&source.step, stream)),
                cut: None,
            }
        };
        let step = |source| OpenStep {
            budget: StepBudget::default(),
            streams: [
                open(source, OutputStream::Stdout),
                open(source, OutputStream::Stderr),
            ],
        };
        let open = Mutex::new(sources.iter().map(step).collect());
        Self {
            run,
            sources,
            last: LastLine::default(),
            open,
        }
    }

    /// The last printed line.
    pub(super) fn last(&self) -> LastLine {
        self.last.clone()
    }

    /// Reports the output without an end of line, and how much was omitted.
    pub(crate) fn finish(self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for (source, mut step) in self.sources.iter().zip(open) {
            let Some(source) = source else { continue };
            for (stream, open) in [OutputStream::Stdout, OutputStream::Stderr]
                .into_iter()
                .zip(step.streams)
            {
                let to = Sink {
                    run: self.run,
                    last: &self.last,
                    source,
                    stream,
                };
                to.finish(open, &mut step.budget);
            }
        }
    }
}

impl Listener for Lines<'_> {
    fn chunk(&self, step: usize, stream: OutputStream, bytes: &[u8]) {
        let Some(Some(source)) = self.sources.get(step) else {
            return;
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(OpenStep { budget, streams }) = open.get_mut(step) else {
            return;
        };
        let open = &mut streams[usize::from(stream == OutputStream::Stderr)];
        let to = Sink {
            run: self.run,
            last: &self.last,
            source,
            stream,
        };
        let safe = open.scrubber.push(bytes);
        to.take(open, budget, &safe);
    }
}

/// The destination of the lines of a stream.
struct Sink<'a> {
    run: &'a Run,
    last: &'a LastLine,
    source: &'a Source,
    stream: OutputStream,
}

impl Sink<'_> {
    /// Takes output that is safe to show.
    fn take(&self, open: &mut Open, budget: &mut StepBudget, bytes: &[u8]) {
        if let Some(file) = &mut open.file {
            file.push(bytes);
        }
        let mut rest = std::mem::take(&mut open.rest);
        rest.extend_from_slice(bytes);
        let mut from = 0;
        while open.cut.is_none() {
            let end = rest[from..]
                .iter()
                .take(MAX_LINE + 1)
                .position(|&b| b == b'\n');
            let (line, next) = match end {
                Some(end) => (from..from + end, from + end + 1),
                None if rest.len() - from > MAX_LINE => (from..from + MAX_LINE, from + MAX_LINE),
                None => break,
            };
            if self.line(open, budget, &rest[line]) {
                from = next;
            }
        }
        if let Some(cut) = &mut open.cut {
            cut.push(&rest[from..]);
        } else {
            rest.drain(..from);
            open.rest = rest;
        }
    }

    /// Reports a line, if there is room for it. Otherwise the output is cut here.
    fn line(&self, open: &mut Open, budget: &mut StepBudget, line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line).into_owned();
        let Err(full) = budget.take(&self.run.output, self.size(&text)) else {
            self.emit(text);
            return true;
        };
        let limit = match full {
            Full::Step => format!("a step shows {} MiB of output", STEP >> 20),
            Full::Run => format!("a run shows {} MiB of output", RUN >> 20),
        };
        self.emit(format!(
            "[... output cut: {limit}; its last lines follow at the end ...]"
        ));
        open.cut = Some(Cut {
            why: full,
            bytes: 0,
            last: VecDeque::new(),
        });
        false
    }

    fn size(&self, text: &str) -> usize {
        let Source { step, host, task } = self.source;
        EVENT_OVERHEAD + step.len() + host.len() + task.len() + json_size(text)
    }

    fn emit(&self, text: String) {
        let stream = self.stream;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.clone());
        self.run.bus.emit(
            Emission::new(Kind::TaskOutput { stream, text })
                .step(&self.source.step)
                .host(&self.source.host)
                .task(&self.source.task),
        );
    }

    fn finish(&self, mut open: Open, budget: &mut StepBudget) {
        let rest = open.scrubber.finish();
        self.take(&mut open, budget, &rest);
        let rest = std::mem::take(&mut open.rest);
        if !rest.is_empty()
            && !self.line(&mut open, budget, &rest)
            && let Some(cut) = &mut open.cut
        {
            cut.push(&rest);
        }
        if let Some(cut) = open.cut {
            self.last(cut);
        }
        let step = &self.source.step;
        match open.file.map(OutputFile::finish) {
            Some(Ok(Some(path))) => {
                tracing::info!("more of the output of {step} is in {}", path.display());
            }
            Some(Err(error)) => tracing::warn!("the output of {step} is not kept: {error}"),
            Some(Ok(None)) | None => {}
        }
    }

    /// Reports how much was omitted, and the last lines.
    fn last(&self, mut cut: Cut) {
        let last = cut.last.make_contiguous();
        let text = String::from_utf8_lossy(last);
        let mut room = match cut.why {
            Full::Step => LAST,
            Full::Run => LEAST,
        };
        let mut lines: Vec<&str> = Vec::new();
        for line in text.lines().rev() {
            let size = self.size(line);
            if size > room {
                break;
            }
            room -= size;
            lines.push(line);
        }
        let shown: usize = lines.iter().map(|line| line.len() + 1).sum();
        let left_out = cut.bytes.saturating_sub(shown as u64);
        if left_out > 0 {
            self.emit(format!("[... {left_out} bytes of output left out ...]"));
        }
        for line in lines.into_iter().rev() {
            self.emit(line.to_owned());
        }
    }
}

impl Cut {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let bytes = &bytes[bytes.len().saturating_sub(MAX_LINE)..];
        let beyond = (self.last.len() + bytes.len()).saturating_sub(MAX_LINE);
        self.last.drain(..beyond);
        self.last.extend(bytes);
    }
}
