//! `--output json`: one event per line, and nothing else.

use std::io::{self, BufWriter, Write};

use super::output::{Opened, Output};
use super::runner;
use crate::model::{Event, Kind, Reporter, Scrubbed};

pub(super) const OUTPUT: Output = Output {
    name: "json",
    help: "One event per line, as JSON",
    is_data: true,
    is_default: || false,
    open: |_| Opened::writing(Json::stdout()),
};

/// Writes every event as a line of JSON that a runner of GitHub Actions does not act on. Lines are flushed as
/// soon as no more events are waiting. If the output can no longer be written, the rest is dropped.
pub struct Json {
    out: Option<BufWriter<Box<dyn Write + Send>>>,
}

impl Json {
    /// Writes to standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(Box::new(io::stdout()))
    }

    #[must_use]
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out: Some(BufWriter::with_capacity(64 * 1024, out)),
        }
    }

    fn with(
        &mut self,
        write: impl FnOnce(&mut BufWriter<Box<dyn Write + Send>>) -> io::Result<()>,
    ) {
        let Some(out) = &mut self.out else { return };
        if write(out).is_err() {
            // Without its buffer, which would be written again.
            self.out.take().map(BufWriter::into_parts);
        }
    }
}

impl Reporter for Json {
    fn event(&mut self, event: &Scrubbed<Event>) {
        self.with(|out| {
            let line = serde_json::to_string(event)?;
            out.write_all(runner::harmless_json(&line).as_bytes())?;
            out.write_all(b"\n")?;
            if matches!(event.kind, Kind::RunFinished { .. }) {
                out.flush()
            } else {
                Ok(())
            }
        });
    }

    fn tick(&mut self) {
        self.with(BufWriter::flush);
    }

    fn finish(&mut self) {
        self.with(BufWriter::flush);
    }
}
