//! The terminal that a live display draws on.

use std::io::{self, Write};

use indicatif::MultiProgress;

/// The terminal that a live display draws on, for other text that is written meanwhile, such as diagnostics.
#[derive(Clone)]
pub struct Terminal(MultiProgress);

impl Terminal {
    pub(super) const fn new(drawing: MultiProgress) -> Self {
        Self(drawing)
    }

    /// Removes the drawing, runs `body`, and draws again.
    pub fn suspend<T>(&self, body: impl FnOnce() -> T) -> T {
        self.0.suspend(body)
    }
}

/// Writes to standard error.
impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
