//! A run of `ops` at a terminal: all its streams are a tty, and input arrives as from a keyboard, including
//! Ctrl-C.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::fleet::process::wait_until;
use crate::ops::Ops;

/// The byte that Ctrl-C sends.
pub(crate) const INTERRUPT: &str = "\x03";

const LIMIT: Duration = Duration::from_mins(1);

/// A run at a terminal. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    news: Receiver<()>,
    until: Instant,
}

impl Terminal {
    /// Starts the run at a terminal with this many columns and rows.
    pub(crate) fn start(ops: &Ops, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a terminal");
        grantpt(&master).expect("the terminal is ours");
        unlockpt(&master).expect("the terminal is ours");
        let size = Winsize {
            ws_col: columns,
            ws_row: rows,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).expect("a terminal has a size");
        let name = ptsname(&master, Vec::new()).expect("the terminal has a name");
        let tty = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().expect("a path of digits"))
            .expect("the other end of the terminal");
        let inner = ops.command();
        // Makes the terminal the controlling one of the run, which turns Ctrl-C into a signal.
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "--wait"])
            .arg(inner.get_program())
            .args(inner.get_args());
        command.env_clear().envs(
            inner
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        command.env("TERM", "xterm-256color");
        command.current_dir(inner.get_current_dir().expect("a run has a directory"));
        let end = || Stdio::from(tty.try_clone().expect("a handle"));
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("setsid is installed");
        drop((tty, command));

        let keyboard = File::from(master);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (tell, news) = channel();
        let (mut output, shown) = (keyboard.try_clone().expect("a handle"), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The terminal reports "input/output error" when no process has its other end open.
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                shown
                    .lock()
                    .expect("no thread panics while holding the screen")
                    .extend(&buffer[..read]);
                let _ = tell.send(());
            }
        });
        Self {
            child,
            keyboard,
            screen,
            news,
            until: Instant::now() + LIMIT,
        }
    }

    /// Returns everything shown so far, including the sequences that move the cursor and set colours.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(
            &self
                .screen
                .lock()
                .expect("no thread panics while holding the screen"),
        )
        .into_owned()
    }

    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> &mut Self {
        while !self.shown().contains(text) {
            match self
                .news
                .recv_timeout(self.until.saturating_duration_since(Instant::now()))
            {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) if self.shown().contains(text) => {}
                Err(why) => panic!("never showed {text:?} ({why})\n{}", self.shown()),
            }
        }
        self
    }

    /// Types text.
    pub(crate) fn type_in(&mut self, keys: &str) -> &mut Self {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("the terminal exists");
        self
    }

    /// Types text that is not echoed: waits until echo is off, like a person who looks first.
    #[track_caller]
    pub(crate) fn type_in_secret(&mut self, keys: &str) -> &mut Self {
        let echoes = || {
            tcgetattr(&self.keyboard)
                .is_ok_and(|settings| settings.local_modes.contains(LocalModes::ECHO))
        };
        wait_until(
            || !echoes(),
            || format!("the terminal would show it\n{}", self.shown()),
        );
        self.type_in(keys)
    }

    /// Waits for the end: the exit code, and everything that was shown.
    #[track_caller]
    pub(crate) fn wait(mut self) -> (i32, String) {
        loop {
            match self
                .news
                .recv_timeout(self.until.saturating_duration_since(Instant::now()))
            {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("took too long\n{}", self.shown()),
            }
        }
        let status = self.child.wait().expect("the run can be waited for");
        (status.code().unwrap_or(-1), self.shown())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
