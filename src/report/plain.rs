//! `--output plain`: a log for a pipe, a file or a CI job.

use std::io::{self, Write};

use super::output::{Opened, Output};
use super::{Piece, Settings, View};
use crate::model::{Event, Reporter, Scrubbed};

pub(super) const OUTPUT: Output = Output {
    name: "plain",
    help: "One line for each thing that happens",
    is_data: false,
    // It is the fallback.
    is_default: || false,
    open: |settings| Opened::writing(Plain::stdio(settings)),
};

/// Writes what happens to one stream and failures to another, at once and without escape codes. If a stream
/// can no longer be written, the rest for it is dropped.
pub struct Plain {
    view: View,
    out: Option<Box<dyn Write + Send>>,
    err: Option<Box<dyn Write + Send>>,
}

impl Plain {
    /// Writes to standard output and standard error.
    #[must_use]
    pub fn stdio(settings: Settings) -> Self {
        Self::new(settings, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    #[must_use]
    pub fn new(settings: Settings, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        let settings = Settings {
            colour: false,
            ..settings
        };
        Self {
            view: View::new(settings),
            out: Some(out),
            err: Some(err),
        }
    }

    fn write(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            let (stream, text) = match piece {
                Piece::Out(text) => (&mut self.out, text),
                Piece::Err(text) => (&mut self.err, text),
            };
            // Flushed each time: both streams may be the same file, and the order matters.
            let written = stream.as_mut().map(|stream| {
                stream
                    .write_all(text.as_bytes())
                    .and_then(|()| stream.flush())
            });
            if let Some(Err(_)) = written {
                *stream = None;
            }
        }
    }
}

impl Reporter for Plain {
    fn event(&mut self, event: &Scrubbed<Event>) {
        let pieces = self.view.event(event);
        self.write(pieces);
    }

    fn finish(&mut self) {
        let pieces = self.view.finish();
        self.write(pieces);
    }
}
