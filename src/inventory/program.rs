//! Running a program of the user's on this machine, with limits on its time and its output.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What a program may take.
pub(super) struct Limits {
    pub time: Duration,
    /// Bytes of its standard output, and as many of its standard error.
    pub output: usize,
}

/// A script that asks a cloud for ten thousand hosts takes a minute or two, and prints some 20 MB.
pub(super) const LIMITS: Limits = Limits {
    time: Duration::from_mins(5),
    output: 64 << 20,
};

/// How long after its end what it has printed is waited for: a child that it left behind may hold its output open.
const LEFT_OPEN: Duration = Duration::from_secs(5);

/// What a program came back with.
pub(super) struct Ran {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Why a program did not come to its end.
pub(super) enum ProgramError {
    Start(io::Error),
    /// It went over a limit: `ran for more than 5m`.
    Endless(String),
}

/// Runs a program with nothing to read. It stays in the group of ops, so that it can ask at the terminal, and a Ctrl-C
/// reaches it.
pub(super) fn run(file: &Path, args: &[&str], limits: &Limits) -> Result<Ran, ProgramError> {
    // Without a slash the name would be looked for in PATH.
    let program = if file.is_relative() {
        Path::new(".").join(file)
    } else {
        file.to_path_buf()
    };
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(ProgramError::Start)?;
    let until = Instant::now() + limits.time;
    let result = read_both(&mut child, file, limits, until);
    if result.is_err() {
        stop(&mut child);
    }
    result
}

fn read_both(
    child: &mut Child,
    file: &Path,
    limits: &Limits,
    until: Instant,
) -> Result<Ran, ProgramError> {
    let stdout = child.stdout.take().map(|pipe| collect(pipe, limits.output));
    let stderr = child.stderr.take().map(|pipe| collect(pipe, limits.output));
    let mut until = until;
    let mut told = Told::default();
    let mut printed = [Vec::new(), Vec::new()];
    for (pipe, printed) in [stdout, stderr].into_iter().flatten().zip(&mut printed) {
        *printed = loop {
            let left = until.saturating_duration_since(Instant::now());
            match pipe.recv_timeout(left.min(Duration::from_millis(200))) {
                Ok(Some(bytes)) => break bytes,
                Ok(None) => {
                    let limit = limits.output >> 20;
                    return Err(ProgramError::Endless(format!(
                        "printed more than {limit} MiB"
                    )));
                }
                Err(RecvTimeoutError::Disconnected) => break Vec::new(),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    let limit = humantime::format_duration(limits.time);
                    return Err(ProgramError::Endless(format!("ran for more than {limit}")));
                }
                Err(RecvTimeoutError::Timeout) => {
                    told.while_it_lasts(file);
                    if child.try_wait().is_ok_and(|status| status.is_some()) {
                        until = until.min(Instant::now() + LEFT_OPEN);
                    }
                }
            }
        };
    }
    let [stdout, stderr] = printed;
    let status = child.wait().map_err(ProgramError::Start)?;
    Ok(Ran {
        status,
        stdout,
        stderr,
    })
}

/// Tells that a program is waited for, after 8 s and then every 25 s: there is no run yet that could.
struct Told {
    began: Instant,
    due: Duration,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            due: Duration::from_secs(8),
        }
    }
}

impl Told {
    fn while_it_lasts(&mut self, file: &Path) {
        let so_far = self.began.elapsed();
        if so_far >= self.due {
            self.due = so_far + Duration::from_secs(25);
            let seconds = so_far.as_secs();
            tracing::warn!("waiting for {}, {seconds} s so far", file.display());
        }
    }
}

/// Reads a pipe to its end on a thread of its own. `None`: it gave more than the limit.
fn collect(pipe: impl Read + Send + 'static, limit: usize) -> Receiver<Option<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.take(limit as u64 + 1).read_to_end(&mut bytes);
        let whole = read.is_ok() && bytes.len() <= limit;
        // Nobody waits for it any more once the program was stopped.
        let _ = sender.send(whole.then_some(bytes));
    });
    receiver
}

/// Ends a program and what it has started. Its children are found before it goes, as they are nobody's after.
fn stop(child: &mut Child) {
    let mut found = vec![child.id()];
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
        let children = children.unwrap_or_default();
        found.extend(
            children
                .split_whitespace()
                .filter_map(|id| id.parse::<u32>().ok()),
        );
        next += 1;
    }
    let ids = found
        .into_iter()
        .skip(1)
        .filter_map(|id| i32::try_from(id).ok());
    // Errors mean that it has ended already.
    let _ = child.kill();
    for id in ids.filter_map(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn endless(script: &str, seconds: u64) -> String {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("script");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))
            .expect("executable");
        let limits = Limits {
            time: Duration::from_secs(seconds),
            output: 1 << 20,
        };
        loop {
            match run(&file, &[], &limits) {
                Err(ProgramError::Endless(why)) => return why,
                // Another thread has forked while the file was open for writing.
                Err(ProgramError::Start(error))
                    if error.kind() == io::ErrorKind::ExecutableFileBusy => {}
                Err(ProgramError::Start(error)) => panic!("{error}"),
                Ok(ran) => panic!("{}", ran.status),
            }
        }
    }

    #[test]
    fn a_program_without_end_is_stopped_with_what_it_started() {
        assert_eq!(endless("yes", 60), "printed more than 1 MiB");
        assert_eq!(endless("exec yes >&2", 60), "printed more than 1 MiB");
        let dir = tempfile::tempdir().expect("a directory");
        let note = dir.path().join("pid");
        let script = format!("sleep 1000 &\necho $! >{}\nwait", note.display());
        assert_eq!(endless(&script, 2), "ran for more than 2s");
        let sleeper = std::fs::read_to_string(&note).expect("a process");
        // The kill was sent; when it takes effect is up to the machine.
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", sleeper.trim()));
            if state.is_err() || state.is_ok_and(|state| state.contains(") Z ")) {
                break;
            }
            assert!(Instant::now() < until, "it still runs");
            std::thread::yield_now();
        }
    }
}
