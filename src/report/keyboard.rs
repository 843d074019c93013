//! Keeps the `^C` of a Ctrl-C off the screen while the live display is on it.
//!
//! After a display that fills its last line, the `^C` would begin a new line, and the display would no longer
//! find its own first line to clear it.

use std::io;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// While this exists, the terminal on standard input does not echo control keys.
pub(super) struct Keyboard {
    before: Option<Termios>,
}

impl Keyboard {
    pub(super) fn without_echo() -> Self {
        Self {
            before: Self::change(),
        }
    }

    /// The settings from before, if they were changed.
    fn change() -> Option<Termios> {
        let keyboard = io::stdin();
        // A background job that changes the terminal is stopped.
        if tcgetpgrp(&keyboard).ok()? != getpgrp() {
            return None;
        }
        let before = tcgetattr(&keyboard).ok()?;
        let mut changed = before.clone();
        changed.local_modes.remove(LocalModes::ECHOCTL);
        tcsetattr(&keyboard, OptionalActions::Now, &changed).ok()?;
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
