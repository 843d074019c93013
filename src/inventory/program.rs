//! Runs a user's program on the controller, with limits on its time and output.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Limits for a program.
pub(super) struct Limits {
    pub time: Duration,
    /// Maximum number of bytes on standard output, and also on standard error.
    pub output: usize,
}

/// A script that queries a cloud for ten thousand hosts takes a minute or two and prints some 20 MB.
pub(super) const LIMITS: Limits = Limits {
    time: Duration::from_mins(5),
    output: 64 << 20,
};

/// How long the output of a program may stay open after its exit: a child left behind may still print.
const LEFT_OPEN: Duration = Duration::from_secs(2);

/// How long to wait for the end of the output after a kill. The child of another user cannot be killed.
const CLOSING: Duration = Duration::from_secs(1);

/// The result of a program that exited.
pub(super) struct Ran {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// After the script exited, a process that it had started kept the output open and was killed.
    pub left_open: bool,
}

/// Why a program did not run to completion.
pub(super) enum ProgramError {
    Start(io::Error),
    /// It exceeded a limit: `ran for more than 5m`.
    Endless(String),
}

pub(super) fn is_executable(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o111 != 0
}

/// Whether a file is an inventory program, which is run and prints the inventory.
pub(super) fn is_inventory_program(path: &Path) -> bool {
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|metadata| metadata.is_file() && is_executable(&metadata))
        && starts_like_a_program(path)
}

/// Returns false for a file that is executable by mistake.
fn starts_like_a_program(path: &Path) -> bool {
    let mut start = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut start));
    // A program that cannot be read can still be run.
    read.is_err() || start.starts_with(b"#!") || start == *b"\x7fELF"
}

/// Runs a program with empty standard input. It stays in the process group of ops, so that it can prompt on
/// the terminal and receives a Ctrl-C.
pub(super) fn run(file: &Path, args: &[&str], limits: &Limits) -> Result<Ran, ProgramError> {
    // Without a slash, the name would be searched for in PATH.
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
    let pipes: Vec<Pipe> = [
        child
            .stdout
            .take()
            .map(|pipe| Pipe::read(pipe, limits.output)),
        child
            .stderr
            .take()
            .map(|pipe| Pipe::read(pipe, limits.output)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let result = read_all(&mut child, &pipes, file, limits);
    if result.is_err() {
        stop(&mut child, &pipes);
    }
    let left_open = result?;
    let status = child.wait().map_err(ProgramError::Start)?;
    let mut printed = pipes.iter().map(Pipe::printed);
    Ok(Ran {
        status,
        stdout: printed.next().unwrap_or_default(),
        stderr: printed.next().unwrap_or_default(),
        left_open,
    })
}

/// Waits until all pipes are closed. Returns whether one stayed open after the program exited.
fn read_all(
    child: &mut Child,
    pipes: &[Pipe],
    file: &Path,
    limits: &Limits,
) -> Result<bool, ProgramError> {
    let mut until = Instant::now() + limits.time;
    let mut ended = false;
    let mut left_open = false;
    let mut wait_report = WaitReport::default();
    for pipe in pipes {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match pipe.end.recv_timeout(left.min(Duration::from_millis(200))) {
                Ok(PipeEnd::TooLong) => {
                    let limit = limits.output >> 20;
                    return Err(ProgramError::Endless(format!(
                        "printed more than {limit} MiB"
                    )));
                }
                Ok(PipeEnd::Whole) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if left.is_zero() && left_open => break,
                Err(RecvTimeoutError::Timeout) if left.is_zero() && ended => {
                    left_open = true;
                    kill_writers(pipes);
                    until = Instant::now() + CLOSING;
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    let limit = humantime::format_duration(limits.time);
                    return Err(ProgramError::Endless(format!("ran for more than {limit}")));
                }
                Err(RecvTimeoutError::Timeout) => {
                    wait_report.log_if_due(file);
                    if !ended && child.try_wait().is_ok_and(|status| status.is_some()) {
                        ended = true;
                        until = Instant::now() + LEFT_OPEN;
                    }
                }
            }
        }
    }
    Ok(left_open)
}

/// Reports after 8 s, and then every 25 s, that ops is waiting for a program. No run has started yet that
/// could report it.
struct WaitReport {
    began: Instant,
    due: Duration,
}

impl Default for WaitReport {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            due: Duration::from_secs(8),
        }
    }
}

impl WaitReport {
    fn log_if_due(&mut self, file: &Path) {
        let so_far = self.began.elapsed();
        if so_far >= self.due {
            self.due = so_far + Duration::from_secs(25);
            let seconds = so_far.as_secs();
            tracing::warn!("waiting for {}, {seconds} s so far", file.display());
        }
    }
}

/// A pipe that a program writes to, read on its own thread.
struct Pipe {
    /// The kernel's name for it, as in the links of `/proc/PID/fd`.
    name: Option<String>,
    so_far: Arc<Mutex<Vec<u8>>>,
    end: Receiver<PipeEnd>,
}

enum PipeEnd {
    Whole,
    TooLong,
}

impl Pipe {
    fn read(mut pipe: impl Read + AsFd + Send + 'static, limit: usize) -> Self {
        let name = rustix::fs::fstat(&pipe).map(|stat| format!("pipe:[{}]", stat.st_ino));
        let so_far = Arc::new(Mutex::new(Vec::new()));
        let (sender, end) = channel();
        let bytes = Arc::clone(&so_far);
        std::thread::spawn(move || {
            let mut block = vec![0; 64 << 10];
            let end = loop {
                match pipe.read(&mut block) {
                    Ok(0) => break PipeEnd::Whole,
                    Ok(count) => {
                        let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
                        if bytes.len() + count > limit {
                            break PipeEnd::TooLong;
                        }
                        bytes.extend_from_slice(&block[..count]);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break PipeEnd::Whole,
                }
            };
            // The receiver may be gone if the program has been stopped.
            let _ = sender.send(end);
        });
        Self {
            name: name.ok(),
            so_far,
            end,
        }
    }

    /// Takes the output so far.
    fn printed(&self) -> Vec<u8> {
        std::mem::take(&mut self.so_far.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Kills a program and everything that it started. Its children are collected before it is killed, because
/// they lose their parent then. Of the processes that were orphaned before, only those that can still print
/// are killed.
fn stop(child: &mut Child, pipes: &[Pipe]) {
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
    // An error means that it has already exited.
    let _ = child.kill();
    for id in found.into_iter().skip(1) {
        kill(id);
    }
    kill_writers(pipes);
    let _ = child.wait();
}

/// Kills the processes that hold the write end of a pipe.
fn kill_writers(pipes: &[Pipe]) {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return;
    };
    let own = std::process::id();
    processes
        .flatten()
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .filter(|id| *id != own && writes_to(*id, pipes))
        .for_each(kill);
}

fn writes_to(process: u32, pipes: &[Pipe]) -> bool {
    let Ok(open) = std::fs::read_dir(format!("/proc/{process}/fd")) else {
        return false;
    };
    open.flatten().any(|file| {
        // A process that ops is starting at this moment briefly holds the read end, too.
        let writes = || {
            file.metadata()
                .is_ok_and(|link| link.permissions().mode() & 0o200 != 0)
        };
        std::fs::read_link(file.path()).is_ok_and(|target| {
            let target = target.as_os_str().to_str();
            pipes
                .iter()
                .any(|pipe| pipe.name.as_deref() == target && target.is_some())
        }) && writes()
    })
}

fn kill(process: u32) {
    if let Some(id) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(id, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn ran(script: &str, seconds: u64) -> Result<Ran, String> {
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
                Err(ProgramError::Endless(why)) => return Err(why),
                // Another thread forked while the file was open for writing.
                Err(ProgramError::Start(error))
                    if error.kind() == io::ErrorKind::ExecutableFileBusy => {}
                Err(ProgramError::Start(error)) => panic!("{error}"),
                Ok(ran) => return Ok(ran),
            }
        }
    }

    fn endless(script: &str, seconds: u64) -> String {
        match ran(script, seconds) {
            Err(why) => why,
            Ok(ran) => panic!("{}", ran.status),
        }
    }

    /// Waits until the process whose id is in a file has exited.
    fn gone(note: &Path) {
        let process = std::fs::read_to_string(note).expect("a process");
        // The signal has been sent, but when it takes effect depends on the machine.
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", process.trim()));
            if state.is_err() || state.is_ok_and(|state| state.contains(") Z ")) {
                break;
            }
            assert!(Instant::now() < until, "still running");
            std::thread::yield_now();
        }
    }

    #[test]
    fn leftover_processes_are_killed_and_the_output_is_used() {
        let dir = tempfile::tempdir().expect("a directory");
        let note = dir.path().join("pid");
        let script = format!("sleep 1000 &\necho $! >{}\necho done", note.display());
        let ran = ran(&script, 60).expect("an end");
        assert!(ran.status.success() && ran.left_open);
        assert_eq!(ran.stdout, b"done\n");
        gone(&note);
    }

    #[test]
    fn an_endless_program_is_killed_with_its_children() {
        assert_eq!(endless("yes", 60), "printed more than 1 MiB");
        assert_eq!(endless("exec yes >&2", 60), "printed more than 1 MiB");
        let dir = tempfile::tempdir().expect("a directory");
        let note = dir.path().join("pid");
        let script = format!("sleep 1000 &\necho $! >{}\nwait", note.display());
        assert_eq!(endless(&script, 2), "ran for more than 2s");
        gone(&note);
    }
}
