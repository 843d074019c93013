//! What steps print, on its way to the events: line by line, as it arrives.

use std::sync::{Mutex, PoisonError};

use crate::model::{Emission, Kind, OutputStream, StreamScrubber};
use crate::shell::Output;

use crate::store::OutputFile;

use super::context::Run;

/// A line longer than this is reported in pieces.
const LONGEST: usize = 16 * 1024;

/// Whose output a step's is.
#[derive(Debug, Clone)]
pub struct Source {
    pub step: String,
    pub host: String,
    pub task: String,
}

/// Turns the output of a request's steps into events.
pub struct Lines<'a> {
    run: &'a Run,
    /// By the step of the request; `None`: its output is nobody's business.
    sources: Vec<Option<Source>>,
    /// By step and stream.
    open: Mutex<Vec<[Open; 2]>>,
}

/// An output that has not ended.
struct Open {
    /// Takes secrets out before lines are cut: one may reach over the end of a line.
    scrubber: StreamScrubber,
    /// What has no end of line yet.
    rest: Vec<u8>,
    /// Where the whole is kept, if it grows long.
    whole: Option<OutputFile>,
}

impl<'a> Lines<'a> {
    #[must_use]
    pub fn new(run: &'a Run, sources: Vec<Option<Source>>) -> Self {
        let open = |source: &Option<Source>, stream| {
            let kept = run.kept.as_ref().zip(source.as_ref());
            Open {
                scrubber: run.secrets.stream(),
                rest: Vec::new(),
                whole: kept.map(|(kept, source)| kept.output(&source.step, stream)),
            }
        };
        let both = |source| {
            [
                open(source, OutputStream::Stdout),
                open(source, OutputStream::Stderr),
            ]
        };
        let open = Mutex::new(sources.iter().map(both).collect());
        Self { run, sources, open }
    }

    fn emit(&self, source: &Source, stream: OutputStream, line: &[u8]) {
        let text = String::from_utf8_lossy(line).into_owned();
        self.run.bus.emit(
            Emission::new(Kind::TaskOutput { stream, text })
                .step(&source.step)
                .host(&source.host)
                .task(&source.task),
        );
    }

    /// Reports what was left without an end of line.
    pub fn finish(self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for (source, [stdout, stderr]) in self.sources.iter().zip(open) {
            let Some(source) = source else { continue };
            for (stream, open) in [
                (OutputStream::Stdout, stdout),
                (OutputStream::Stderr, stderr),
            ] {
                let Open {
                    mut scrubber,
                    mut rest,
                    whole,
                } = open;
                rest.extend(scrubber.finish());
                self.cut(source, stream, &mut rest);
                if !rest.is_empty() {
                    self.emit(source, stream, &rest);
                }
                match whole.map(OutputFile::finish) {
                    Some(Ok(Some(path))) => tracing::info!(
                        "the whole output of {} is in {}",
                        source.step,
                        path.display()
                    ),
                    Some(Err(error)) => {
                        tracing::warn!("the output of {} is not kept whole: {error}", source.step);
                    }
                    Some(Ok(None)) | None => {}
                }
            }
        }
    }
}

impl Output for Lines<'_> {
    fn chunk(&self, step: usize, stream: OutputStream, bytes: &[u8]) {
        let Some(Some(source)) = self.sources.get(step) else {
            return;
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(streams) = open.get_mut(step) else {
            return;
        };
        let Open {
            scrubber,
            rest,
            whole,
        } = &mut streams[usize::from(stream == OutputStream::Stderr)];
        if let Some(whole) = whole {
            whole.push(bytes);
        }
        rest.extend(scrubber.push(bytes));
        self.cut(source, stream, rest);
    }
}

impl Lines<'_> {
    /// Reports the lines that have an end, and pieces of one that grows too long.
    fn cut(&self, source: &Source, stream: OutputStream, rest: &mut Vec<u8>) {
        let mut from = 0;
        while let Some(at) = rest[from..].iter().position(|&b| b == b'\n') {
            self.emit(source, stream, &rest[from..from + at]);
            from += at + 1;
        }
        while rest.len() - from > LONGEST {
            self.emit(source, stream, &rest[from..from + LONGEST]);
            from += LONGEST;
        }
        rest.drain(..from);
    }
}
