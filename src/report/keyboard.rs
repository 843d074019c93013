//! Keeps a Ctrl-C off the screen while a live display is on it.
//!
//! A terminal shows the key as `^C`. Behind a display that fills its last line that begins a new one, and the
//! display would no longer find its own first line to clear it.

use std::io;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// While it lives, the terminal on standard input does not show control keys.
pub(super) struct Keyboard {
    before: Option<Termios>,
}

impl Keyboard {
    pub(super) fn hush() -> Self {
        Self {
            before: Self::change(),
        }
    }

    /// The settings from before, if they were changed.
    fn change() -> Option<Termios> {
        let keyboard = io::stdin();
        // A job in the background would be stopped for touching the terminal.
        if tcgetpgrp(&keyboard).ok()? != getpgrp() {
            return None;
        }
        let before = tcgetattr(&keyboard).ok()?;
        let mut hushed = before.clone();
        hushed.local_modes.remove(LocalModes::ECHOCTL);
        tcsetattr(&keyboard, OptionalActions::Now, &hushed).ok()?;
        Some(before)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
